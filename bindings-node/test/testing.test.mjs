// The module headcount/testing.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Client, Webhook, errors } from 'headcount'
import { webhook as endpoint } from 'headcount/http'
import * as testing from 'headcount/testing'
import { assertFields } from './sandbox.mjs'

const { deliver, event, signed, startSandbox } = testing
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const published = JSON.parse(readFileSync(new URL('../../tests/vectors/webhook_events.json', import.meta.url), 'utf8'))
const NAMES = ['SCALEKIT_ENVIRONMENT_URL', 'SCALEKIT_CLIENT_ID', 'SCALEKIT_CLIENT_SECRET', 'SCALEKIT_WEBHOOK_SECRET']

/** Starts a server with this listener, and returns its URL. */
async function serve(t, listener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}/`
}

test('sandboxes restore the environment variables, whichever is closed first', () => {
  const variables = () => NAMES.map((name) => process.env[name])
  const before = variables()
  const [first, second, third] = [startSandbox(), startSandbox(), startSandbox()]
  first.close()
  assert.equal(process.env.SCALEKIT_CLIENT_ID, third.clientId)
  third.close()
  assert.equal(process.env.SCALEKIT_CLIENT_ID, second.clientId)
  second.close()
  assert.deepEqual(variables(), before)
})

test('import and require return the same functions', () => {
  const cjs = createRequire(import.meta.url)('headcount/testing')
  for (const name of Object.keys(cjs)) assert.equal(testing[name], cjs[name], name)
  assert.equal(Object.keys(cjs).length, 4)
})

test('event returns a valid body for every type', () => {
  const webhook = new Webhook(SECRET)
  const ids = new Set()
  for (const [type, example] of Object.entries(published)) {
    const body = event(type)
    const received = webhook.verify(body, signed(webhook, body))
    assert.equal(received.type, type)
    assert.deepEqual(Object.keys(received.data).sort(), Object.keys(example.data).sort())
    assert.ok(Math.abs(Date.parse(received.occurredAt) - Date.now()) < 60_000)
    ids.add(received.id)
  }
  assert.equal(ids.size, 41)
})

test('overrides replace values of the example, and wrong ones are refused', () => {
  const webhook = new Webhook(SECRET)
  const verify = (body) => webhook.verify(body, signed(SECRET, body))
  const occurredAt = new Date('2026-01-02T03:04:05.006Z')
  const received = verify(event('organization.directory.user_created', { id: 'evt_1', occurredAt, organizationId: 'org_1', environmentId: 'env_1', directoryId: 'dir_1', groups: ['Crew', { id: 'dirgroup_1', name: 'Sales' }], data: { email: 'ada@example.com' } }))
  assertFields(received, { id: 'evt_1', occurredAt: '2026-01-02T03:04:05.006Z', organizationId: 'org_1', environmentId: 'env_1' })
  assertFields(received.data, { email: 'ada@example.com', organization_id: 'org_1', directory_id: 'dir_1' })
  assert.deepEqual(received.data.groups.map((group) => group.name), ['Crew', 'Sales'])
  assert.equal(verify(event('scalekit.dir.user.create')).type, 'organization.directory.user_created')
  assert.deepEqual(verify(event('organization.moved', { data: { id: 'org_1' } })).data, { id: 'org_1' })

  assert.throws(() => event('organization.directory.user_creatd'), (error) => error instanceof errors.BadRequestError && /user_creatd/.test(error.message))
  assert.throws(() => event('user.login', { organisationId: 'org_1' }), errors.InvalidArgumentError)
  assert.throws(() => event('user.login', { occurredAt: 'yesterday' }), errors.InvalidArgumentError)
  assert.throws(() => event('user.login', { occurredAt: new Date(NaN) }), errors.InvalidArgumentError)
  assert.throws(() => event('user.login', 'org_1'), errors.InvalidArgumentError)
  assert.equal(verify(event('user.login', null)).type, 'user.login')
  assert.throws(() => event(1), errors.InvalidArgumentError)
})

test('deliver sends signed events over HTTP', async (t) => {
  const events = []
  const url = await serve(t, endpoint((event) => events.push(event), { webhook: new Webhook(SECRET) }))
  assert.equal(await deliver(url, 'organization.directory.user_created', { secret: SECRET, overrides: { data: { email: 'ada@example.com' } } }), 201)
  assert.equal(await deliver(url, event('organization.directory.user_deleted'), { secret: new Webhook(SECRET) }), 201)
  assert.deepEqual(events.map(({ type }) => type), ['organization.directory.user_created', 'organization.directory.user_deleted'])
  assert.equal(events[0].data.email, 'ada@example.com')
  assert.equal(await deliver(url, Buffer.from('[]'), { secret: SECRET }), 400)
  assert.equal(await deliver(url, 'user.login', { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }), 400)
  assert.equal(await deliver(url, 'user.login', { secret: SECRET, timestamp: 1 }), 400)
  await assert.rejects(deliver(url, { id: 'evt_1' }, { secret: SECRET }), errors.InvalidArgumentError)
  await assert.rejects(deliver('http://127.0.0.1:1/', 'user.login', { secret: SECRET }), { code: 'ECONNREFUSED' })
})

test('startSandbox sets the environment variables until it is closed', async (t) => {
  process.env.SCALEKIT_CLIENT_ID = 'before'
  t.after(() => delete process.env.SCALEKIT_CLIENT_ID)
  const sandbox = startSandbox({ users: 3 })
  t.after(() => sandbox.close())
  assert.deepEqual(NAMES.map((name) => process.env[name]), [sandbox.environmentUrl, sandbox.clientId, sandbox.clientSecret, sandbox.webhookSecret])

  const client = Client.fromEnv()
  t.after(() => client.close())
  assert.equal((await client.directory.listDirectoryUsers(sandbox.organizationId, sandbox.directoryId)).users.length, 3)
  const events = []
  const url = await serve(t, endpoint((event) => events.push(event)))
  assert.equal(await sandbox.deliver(url, 'organization.directory.user_created', { data: { email: 'ada@example.com' } }), 201)
  assert.equal(events[0].data.email, 'ada@example.com')
  assert.equal(await deliver(url, 'user.login'), 201)

  sandbox.close()
  sandbox.close()
  assert.deepEqual(NAMES.map((name) => process.env[name]), [undefined, 'before', undefined, undefined])
})
