// The sandbox in a Node process: its data, its webhooks, its errors, and how it is closed.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Sandbox, Webhook, errors } from 'headcount'
import { webhook } from 'headcount/http'
import { eventually } from './sandbox.mjs'

function start(t, options) {
  const sandbox = new Sandbox(options)
  t.after(() => sandbox.close())
  return sandbox
}

async function all(listing) {
  const items = []
  for await (const item of listing) items.push(item)
  return items
}

test('a client lists the data that the options ask for', async (t) => {
  const sandbox = start(t, { organizations: 2, directories: 2, users: 7, groups: 3, seed: 4 })
  assert.match(sandbox.environmentUrl, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(sandbox.controlUrl, `${sandbox.environmentUrl}/sandbox`)
  const client = sandbox.client({ timeoutMs: 10_000 })
  t.after(() => client.close())
  const organizations = await all(client.organization.all())
  assert.equal(organizations.length, 2)
  assert.equal(organizations.at(-1).id, sandbox.organizationId, 'the newest organization is listed first')
  const { directories } = await client.directory.listDirectories(sandbox.organizationId)
  assert.deepEqual([directories.length, directories[0].id], [2, sandbox.directoryId])
  const users = await all(client.directory.users(sandbox.organizationId, sandbox.directoryId))
  const groups = await all(client.directory.groups(sandbox.organizationId, sandbox.directoryId))
  assert.deepEqual([users.length, groups.length], [7, 3])

  const again = start(t, { organizations: 2, directories: 2, users: 7, groups: 3, seed: 4 })
  assert.equal(again.directoryId, sandbox.directoryId)
  assert.notEqual(start(t, { seed: 5 }).directoryId, sandbox.directoryId)

  const requests = sandbox.requests()
  assert.equal(requests['GET /api/v1/organizations/{organization_id}/directories/{directory_id}/users'], 1, JSON.stringify(requests))
})

test('changes are visible to clients and sent to endpoints', async (t) => {
  const sandbox = start(t)
  const events = []
  let failing = false
  const receive = webhook(
    (event) => {
      if (failing) throw new Error('simulated failure of the database')
      events.push(event)
    },
    { webhook: new Webhook(sandbox.webhookSecret), onError: () => {} },
  )
  const server = createServer(receive).listen(0, '127.0.0.1')
  t.after(() => (server.close(), server.closeAllConnections()))
  await once(server, 'listening')
  sandbox.registerEndpoint(new URL(`http://127.0.0.1:${server.address().port}/`))

  const group = sandbox.createGroup({ displayName: 'Navigators' })
  const user = sandbox.createUser({ email: 'ada@example.com', givenName: 'Ada', familyName: 'Lovelace', groups: ['Navigators'] })
  assert.deepEqual([user.email, user.givenName, user.groups[0].id], ['ada@example.com', 'Ada', group.id])
  const client = sandbox.client()
  t.after(() => client.close())
  const listed = await all(client.directory.users(sandbox.organizationId, sandbox.directoryId, { directoryGroupId: group.id }))
  assert.deepEqual(listed, [user])

  assert.equal(sandbox.updateUser(user.id, { familyName: 'King', active: false }).familyName, 'King')
  assert.equal(sandbox.updateGroup(group.id, { displayName: 'Pilots' }).displayName, 'Pilots')
  sandbox.removeMember(group.id, user.id)
  sandbox.addMember(group.id, user.id)
  sandbox.deleteUser(user.id)
  sandbox.deleteGroup(group.id)
  await eventually(() => events.length === 8)
  const kinds = ['group_created', 'user_created', 'user_updated', 'group_updated', 'user_updated', 'user_updated', 'user_deleted', 'group_deleted']
  assert.deepEqual(events.map(({ type }) => type).sort(), kinds.map((kind) => `organization.directory.${kind}`).sort())
  await eventually(() => sandbox.deliveries().every(({ state }) => state === 'delivered'))

  // An event that is not accepted is sent again, five seconds later by the sandbox's clock.
  failing = true
  sandbox.createUser({ email: 'grace@example.com' })
  const failed = () => sandbox.deliveries().at(-1)
  await eventually(() => failed().state === 'pending' && failed().attempts.length === 1)
  assert.deepEqual([failed().eventType, failed().attempts[0].status, failed().attempts[0].error], ['organization.directory.user_created', 500, null])
  assert.ok(Date.parse(failed().nextAttemptAt) > Date.parse(failed().attempts[0].at))
  failing = false
  sandbox.advance('6s')
  await eventually(() => failed().state === 'delivered')
  assert.deepEqual([events.length, failed().attempts.length, failed().nextAttemptAt], [9, 2, null])
  assert.equal(JSON.parse(failed().body).id, events.at(-1).id)
})

test('faults occur until they are ended', async (t) => {
  const sandbox = start(t)
  const client = sandbox.client({ maxAttempts: 1 })
  t.after(() => client.close())
  const list = () => client.organization.listOrganization()
  sandbox.fault('429', { every: 2 })
  await list()
  await assert.rejects(list(), errors.RateLimitError)
  sandbox.fault(['500', 'garbage'])
  await assert.rejects(list(), errors.ServerError)
  await assert.rejects(list(), errors.DecodeError)
  sandbox.fault(null)
  await list()
})

test('tokens expire when the clock is advanced', async (t) => {
  const sandbox = start(t, { tokenTtlSeconds: 60 })
  const client = sandbox.client()
  t.after(() => client.close())
  await client.organization.listOrganization()
  sandbox.advance('2m')
  await client.organization.listOrganization()
  assert.equal(client.stats().tokenRenewals, 2)
})

test('the sandbox refuses calls with the error classes and statuses of the client', (t) => {
  const sandbox = start(t)
  const refused = (call, type, message, status) =>
    assert.throws(call, (error) => error.constructor === type && message.test(error.message) && error.status === status)
  refused(() => sandbox.createUser({ email: 'ada' }), errors.BadRequestError, /^email: expected an address/, 400)
  refused(() => sandbox.createUser({ email: 'a@b', groups: ['unknown'] }), errors.BadRequestError, /group/, 400)
  refused(() => sandbox.createUser({ email: 'a@b', organizationId: 'org_0' }), errors.NotFoundError, /organization not found/, 404)
  refused(() => sandbox.updateUser('diruser_0', { email: 'a@b' }), errors.NotFoundError, /user not found/, 404)
  refused(() => sandbox.createGroup({}), errors.BadRequestError, /display_name/, 400)
  const user = sandbox.createUser({ email: 'ada@b.example' })
  const group = sandbox.createGroup({ displayName: 'Pilots' })
  refused(() => sandbox.updateUser(user.id, { email: 'ada' }), errors.BadRequestError, /^email: expected an address/, 400)
  refused(() => sandbox.updateUser(user.id, { email: '' }), errors.BadRequestError, /^email: expected an address/, 400)
  refused(() => sandbox.updateGroup(group.id, { displayName: '' }), errors.BadRequestError, /^display_name: expected a name/, 400)
  refused(() => sandbox.addMember('dirgroup_0', 'diruser_0'), errors.NotFoundError, /not found/, 404)
  refused(() => sandbox.fault('flood'), errors.BadRequestError, /unknown fault "flood"/, 400)
  refused(() => new Sandbox({ speed: 0 }), errors.BadRequestError, /speed/, 400)
  refused(() => new Sandbox({ port: Number(new URL(sandbox.environmentUrl).port) }), errors.ServerError, /cannot be served/, 500)

  refused(() => sandbox.createUser({ mail: 'a@b' }), errors.InvalidArgumentError, /unknown field `mail`/)
  refused(() => sandbox.updateGroup('dirgroup_0', {}), errors.InvalidArgumentError, /displayName/)
  refused(() => sandbox.deleteUser(1), errors.InvalidArgumentError, /the user id is a number/)
  refused(() => sandbox.fault(undefined), errors.InvalidArgumentError, /the fault is undefined/)
  refused(() => sandbox.fault('429', { evry: 1 }), errors.InvalidArgumentError, /evry/)
  refused(() => sandbox.advance('6 weeks'), errors.InvalidArgumentError, /6h/)
  refused(() => new Sandbox({ people: 1 }), errors.InvalidArgumentError, /people/)
  refused(() => new Sandbox({ users: -1 }), errors.InvalidArgumentError, /the options cannot be used/)
  refused(() => new Sandbox({ tokenTtlSeconds: -1 }), errors.InvalidArgumentError, /tokenTtlSeconds/)
})

test('a closed sandbox does not answer, and its port is free', async () => {
  const sandbox = new Sandbox()
  const port = Number(new URL(sandbox.environmentUrl).port)
  sandbox.close()
  sandbox.close()
  assert.throws(() => sandbox.deliveries(), (error) => error instanceof errors.InvalidArgumentError && /closed/.test(error.message))
  await assert.rejects(fetch(sandbox.environmentUrl))
  const next = new Sandbox({ port })
  if (Symbol.dispose) next[Symbol.dispose]()
  next.close()
})

test('close does not wait for a running request', async (t) => {
  const sandbox = start(t)
  const client = sandbox.client({ maxAttempts: 1 })
  t.after(() => client.close())
  sandbox.fault('latency:1h')
  const call = client.organization.listOrganization()
  const broken = assert.rejects(call, errors.ConnectionError)
  await eventually(() => Object.keys(sandbox.requests()).some((route) => route.endsWith('/organizations')))
  sandbox.close()
  await broken
})

test('a sandbox does not keep the process alive', async () => {
  const code = `const { Sandbox } = require('headcount'); console.log(new Sandbox().environmentUrl)`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], { cwd: fileURLToPath(new URL('..', import.meta.url)) })
  assert.match(stdout, /^http:/)
})
