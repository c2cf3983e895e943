// The mirror: syncs, webhooks, reading, and the settings and files that it refuses. The change feed is in feed.test.mjs.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Mirror, Webhook, errors } from 'headcount'
import { webhook as endpoint } from 'headcount/http'
import { event as bodyOf } from 'headcount/testing'
import { assertFields, collect, eventually, serve, startMirror, temporaryFolder } from './sandbox.mjs'

test('a full sync mirrors every user and group, and reports their numbers', async (t) => {
  const { mirror, organization, directory } = startMirror(t)
  const report = await mirror.sync(organization, directory, { mode: 'full' })
  assertFields(report, {
    organizationId: organization,
    directoryId: directory,
    mode: 'full',
    outcome: 'done',
    users: 5,
    groups: 2,
    created: 5,
    updated: 0,
    deleted: 0,
    held: null,
    holds: [],
    incomplete: null,
    error: null,
  })
  assert.ok(Date.parse(report.startedAt) <= Date.parse(report.endedAt))
  const members = ['changes', 'created', 'deactivated', 'deleted', 'directoryId', 'endedAt', 'erased', 'error', 'events', 'groups', 'held', 'holds', 'incomplete', 'mode']
  assert.deepEqual(Object.keys(report).sort(), [...members, 'organizationId', 'outcome', 'pages', 'reactivated', 'run', 'startedAt', 'updated', 'users'])

  const [status] = await mirror.status()
  assert.deepEqual(Object.keys(status), ['directory', 'lastFullSync', 'lastIncrementalSync', 'users', 'leaving', 'groups', 'watermark', 'held', 'holds', 'incompleteSince', 'missingSince', 'pendingEvents'])
  assertFields(status, { users: 5, groups: 2, held: null, holds: [], incompleteSince: null, pendingEvents: 0 })
  assert.equal(status.directory.id, directory)
  assert.ok(Date.parse(status.lastFullSync))
  assert.ok(Date.parse(status.watermark))
})

test('a sync calls onProgress for the groups and the users', async (t) => {
  const { mirror, organization, directory } = startMirror(t)
  const calls = []
  await mirror.sync(organization, directory, { mode: 'full', onProgress: (progress) => calls.push(progress) })
  assertFields(calls[0], { phase: 'groups', items: 2 })
  const users = calls.filter(({ phase }) => phase === 'users').at(-1)
  assert.deepEqual(Object.keys(users), ['organizationId', 'directoryId', 'phase', 'pages', 'items', 'total', 'rate'])
  assertFields(users, { organizationId: organization, directoryId: directory, items: 5, total: 5 })
})

test('the second sync is incremental unless it is asked to be full', async (t) => {
  const { sandbox, mirror, organization, directory } = startMirror(t)
  await mirror.sync(organization, directory)
  const [incremental] = await mirror.sync(organization)
  assertFields(incremental, { mode: 'incremental', changes: 0 })
  const [full] = await mirror.sync(organization, { mode: 'full' })
  assert.equal(full.mode, 'full')
  const everyOrganization = await mirror.syncAll({ concurrency: 2 })
  assert.deepEqual(everyOrganization.map(({ directoryId }) => directoryId), [directory])
  assert.ok(sandbox.requests()['GET /api/v1/organizations'] >= 1)
})

test('mirrored users, groups and directories can be listed and looked up', async (t) => {
  const { mirror, organization, directory } = startMirror(t)
  await mirror.sync(organization)
  const mirrored = await collect(mirror.users(organization))
  assert.equal(mirrored.length, 5)
  const [first] = mirrored
  assert.deepEqual(await mirror.user(first.id), first)
  assert.deepEqual(await mirror.findUsers({ email: first.email.toUpperCase() }), [first])
  assertFields(first, { active: true, linkedId: null, roles: [], vendorRoles: [], attributes: null })
  assert.equal(first.detail.userName, first.preferredUsername, 'the keys of the detail are not converted')
  assert.equal(await mirror.user('diruser_none'), null)
  assert.equal(await mirror.group('dirgroup_none'), null)

  const groups = await mirror.groups(organization, { directoryId: directory })
  assert.equal(groups.length, 2)
  assert.deepEqual(await mirror.group(groups[0].id), groups[0])
  const members = await collect(mirror.users(organization, { groupId: groups[0].id, directoryId: directory }))
  assert.deepEqual(members, mirrored.filter(({ groupIds }) => groupIds.includes(groups[0].id)))

  const directories = await mirror.directories()
  assert.equal(directories.length, 1)
  assertFields(directories[0], { id: directory, enabled: true })
  assert.deepEqual(await mirror.directories('org_none'), [])
})

test('the guard holds removals back until a sync approves them', async (t) => {
  const { sandbox, mirror, organization, directory } = startMirror(t, {}, { guardUsers: 1, guardShare: 0 })
  await mirror.sync(organization)
  const users = await collect(mirror.users(organization))
  for (const { id } of users.slice(0, 3)) sandbox.deleteUser(id)
  const removed = users.slice(0, 3).map(({ id }) => id).sort()
  await assert.rejects(mirror.sync(organization, directory, { mode: 'full' }), (error) => {
    assert.ok(error instanceof errors.MassRemovalError)
    assertFields(error, { count: 3, limit: 1, directoryId: directory, userIds: removed })
    return true
  })

  const [report] = await mirror.syncAll({ mode: 'full' })
  assert.equal(report.outcome, 'held')
  assert.ok(report.error instanceof errors.MassRemovalError)
  assertFields(report.error, { count: 3, limit: 1, directoryId: directory, userIds: removed, temporary: false })
  assert.deepEqual((await mirror.heldRemovals(directory)).sort(), removed)
  const [{ held }] = await mirror.status()
  assertFields(held, { reason: 'mass_removal', count: 3, limit: 1 })
  assert.deepEqual(await mirror.holds(organization), [held])
  assert.deepEqual((await collect(mirror.holdUsers(held.id))).map(({ id }) => id).sort(), removed)
  await assert.rejects(mirror.approve(held.id, { by: '' }), errors.InvalidArgumentError)
  await assert.rejects(mirror.approve('dir_1', { by: 'ops' }), errors.InvalidArgumentError)
  await assert.rejects(mirror.approve(held.id), errors.InvalidArgumentError)

  assert.equal((await mirror.sync(organization, directory, { approveRemovals: true })).deleted, 3)
  assert.deepEqual(await mirror.heldRemovals(directory), [])
})

test('a directory is retired only when it is missing or disabled', async (t) => {
  const { mirror, client, organization, directory } = startMirror(t)
  await mirror.sync(organization)
  await assert.rejects(mirror.retire(directory, { by: 'ops' }), errors.InvalidArgumentError)
  await assert.rejects(mirror.retire('dir_0', { by: 'ops' }), errors.NotFoundError)
  await client.directory.disableDirectory(organization, directory)
  await mirror.sync(organization)
  assert.equal(await mirror.retire(directory, { by: 'ops', note: 'the customer left' }), 5)
  assert.deepEqual(await collect(mirror.users(organization)), [])
})

test('a sync refuses unknown directories and wrong arguments', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  await assert.rejects(mirror.sync(organization, 'dir_none'), errors.NotFoundError)
  await assert.rejects(mirror.sync(organization, { mode: 'quick' }), /the mode is unknown: expected one of auto, full, incremental/)
  await assert.rejects(mirror.sync(organization, { mod: 'full' }), errors.InvalidArgumentError)
  await assert.rejects(mirror.sync(undefined), errors.InvalidArgumentError)
  await assert.rejects(mirror.syncAll({ concurrency: 0 }), errors.InvalidArgumentError)
  await assert.rejects(mirror.sync(organization, { onProgress: 'loud' }), errors.InvalidArgumentError)

  const withoutClient = new Mirror(':memory:')
  t.after(() => withoutClient.close())
  await assert.rejects(withoutClient.sync(organization), errors.ConfigError)
})

test('an exception of onProgress or an aborted signal ends a sync', async (t) => {
  const { mirror, organization, directory } = startMirror(t)
  const failure = new Error('simulated failure of the callback')
  const onProgress = () => {
    throw failure
  }
  await assert.rejects(mirror.sync(organization, { mode: 'full', onProgress }), (error) => error === failure)
  const signal = AbortSignal.abort('enough')
  await assert.rejects(mirror.sync(organization, { signal }), (error) => error instanceof errors.CancelledError && error.cause === 'enough')
  assert.equal((await mirror.sync(organization, directory)).outcome, 'done')
})

test('a sync waits for another sync of the directory, or reports that it is running', async (t) => {
  const { sandbox, mirror, organization, directory } = startMirror(t)
  // The answers for directories and groups arrive at once; that for users does not.
  sandbox.fault(['latency:0s', 'latency:0s', 'latency:10m', 'latency:0s'])
  const stop = new AbortController()
  const slow = mirror.sync(organization, directory, { signal: stop.signal })
  const cancelled = assert.rejects(slow, errors.CancelledError)
  await eventually(() => Object.entries(sandbox.requests()).some(([route]) => route.endsWith('/users')))
  assert.equal((await mirror.sync(organization, directory, { wait: false })).outcome, 'already_running')
  sandbox.fault(null)
  const next = mirror.sync(organization, directory)
  stop.abort()
  await cancelled
  assert.equal((await next).outcome, 'done')
})

test('a webhook over HTTP is applied', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const outcomes = []
  const url = await serve(t, async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    outcomes.push(await mirror.receive(Buffer.concat(chunks), request.headers))
    response.writeHead(201).end()
  })
  sandbox.registerEndpoint(url)
  const user = sandbox.createUser({ email: 'ada@example.com', givenName: 'Ada' })
  await eventually(() => outcomes.length === 1)
  assert.deepEqual(outcomes, ['applied'])
  assert.equal((await mirror.user(user.id)).givenName, 'Ada')
})

/** Creates a user in the sandbox, and returns the user, the body of the webhook about it, and the verifier. */
function createUser(sandbox) {
  sandbox.registerEndpoint('http://127.0.0.1:9/')
  const user = sandbox.createUser({ email: 'ada@example.com', givenName: 'Ada' })
  return { user, body: sandbox.deliveries().at(-1).body, webhook: new Webhook(sandbox.webhookSecret) }
}

test('duplicate, stale and ignored webhooks have outcomes of their own', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const { body, webhook } = createUser(sandbox)
  assert.equal(await mirror.receive(body, webhook.sign(body)), 'applied')
  assert.equal(await mirror.receive(body, webhook.sign(body)), 'duplicate')
  const stale = Buffer.from(JSON.stringify({ ...JSON.parse(body), id: 'evt_late', occurred_at: '2020-01-01T00:00:00Z' }))
  assert.equal(await mirror.receive(stale, new Headers({ ...webhook.sign(stale) })), 'stale')
  const login = bodyOf('user.login', { organizationId: organization })
  assert.equal(await mirror.receive(new Uint8Array(login).buffer, Object.entries(webhook.sign(login))), 'ignored')
})

test('a webhook that was changed or parsed is refused', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const { body, webhook } = createUser(sandbox)
  const changed = mirror.receive(`${body} `, webhook.sign(body))
  await assert.rejects(changed, (error) => error instanceof errors.WebhookVerificationError && error.reason === 'no_match')
  await assert.rejects(mirror.receive(JSON.parse(body), webhook.sign(body)), /expected the request's bytes or text as it came/)
  await assert.rejects(mirror.receive(body, undefined), errors.InvalidArgumentError)
})

test('an event that was verified before is applied without its signature', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const { user, body, webhook } = createUser(sandbox)
  const event = webhook.verify(body, webhook.sign(body))
  assert.equal(await mirror.apply(event), 'applied')
  assert.equal(await mirror.apply(event), 'duplicate')
  const data = { ...event.data, family_name: 'Lovelace', cost_center: '7' }
  assert.equal(await mirror.apply({ ...event, id: 'evt_next', occurredAt: '2200-01-01T00:00:00Z', data }), 'applied')
  const mirrored = await mirror.user(user.id)
  assert.equal(mirrored.familyName, 'Lovelace')
  assert.equal(mirrored.attributes.cost_center, '7')
  await assert.rejects(mirror.apply({ type: 'x' }), errors.InvalidArgumentError)
})

test('an endpoint of a framework can pass its events to the mirror', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const outcomes = []
  const url = await serve(t, endpoint(async (event) => outcomes.push(await mirror.apply(event)), { webhook: new Webhook(sandbox.webhookSecret) }))
  sandbox.registerEndpoint(url)
  sandbox.createUser({ email: 'ada@example.com' })
  await eventually(() => sandbox.deliveries().every(({ state }) => state === 'delivered'))
  assert.deepEqual(outcomes, ['applied'])
})

test('webhooks are verified with the secret of the environment by default', async (t) => {
  const { sandbox } = startMirror(t)
  const before = process.env.SCALEKIT_WEBHOOK_SECRET
  t.after(() => {
    if (before === undefined) delete process.env.SCALEKIT_WEBHOOK_SECRET
    else process.env.SCALEKIT_WEBHOOK_SECRET = before
  })
  const body = bodyOf('user.login')
  const headers = new Webhook(sandbox.webhookSecret).sign(body)
  delete process.env.SCALEKIT_WEBHOOK_SECRET
  const without = new Mirror(':memory:')
  t.after(() => without.close())
  await assert.rejects(without.receive(body, headers), (error) => error instanceof errors.ConfigError && /SCALEKIT_WEBHOOK_SECRET/.test(error.message))
  process.env.SCALEKIT_WEBHOOK_SECRET = sandbox.webhookSecret
  const mirror = new Mirror(':memory:')
  t.after(() => mirror.close())
  assert.equal(await mirror.receive(body, headers), 'ignored')
})

test('a protection needs a reason and a mirrored user', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const [user] = await collect(mirror.users(organization))
  await mirror.protect(user.id, { reason: 'last admin' })
  assert.equal((await mirror.user(user.id)).protection, 'last admin')
  for (const options of [{ reason: '' }, { reason: 'x'.repeat(2001) }, {}, undefined, { reason: 'a', by: 'ops' }]) {
    await assert.rejects(mirror.protect(user.id, options), errors.InvalidArgumentError)
  }
  await mirror.unprotect(user.id)
  assert.equal((await mirror.user(user.id)).protection, null)
  await assert.rejects(mirror.protect('diruser_none', { reason: 'last admin' }), errors.NotFoundError)
  await assert.rejects(mirror.unprotect('diruser_none'), errors.NotFoundError)
})

test('a leaver is deactivated and returns with the same account', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t, {}, { deletionGraceSeconds: 604_800 })
  const webhook = new Webhook(sandbox.webhookSecret)
  const received = (user, id, action, data = {}) => {
    const occurredAt = new Date().toISOString()
    const type = `organization.directory.user_${action}`
    const body = JSON.stringify({ id, type, occurred_at: occurredAt, organization_id: organization, data: { id: user.id, organization_id: organization, ...data } })
    return mirror.receive(body, webhook.sign(body))
  }
  const changes = async () => {
    const found = await mirror.poll('app', { limit: 10_000 })
    await mirror.ack('app', found.at(-1).seq)
    return found
  }
  await mirror.sync(organization)
  const [user] = await collect(mirror.users(organization))
  assert.equal(user.deletesAt, null)
  await mirror.link(user.id, 'acct_42')
  await changes()
  assert.equal(await received(user, 'evt_left', 'deleted'), 'applied')
  const [left] = await changes()
  assertFields(left, { kind: 'user.deactivated' })
  assertFields(left.user, { active: false, linkedId: 'acct_42' })
  assert.equal(left.before.deletesAt, null)
  const days = (new Date(left.after.deletesAt) - Date.now()) / 86_400_000
  assert.ok(days > 6 && days <= 7, left.after.deletesAt)
  assert.equal((await mirror.status())[0].leaving, 1)

  assert.equal(await received(user, 'evt_back', 'updated', { active: true }), 'applied')
  const [back] = await changes()
  assertFields(back, { kind: 'user.reactivated' })
  assertFields(back.user, { active: true, linkedId: 'acct_42', deletesAt: null })
  assert.equal((await mirror.status())[0].leaving, 0)
})

test('a linked account id can be set and removed, and linking an unknown user is refused', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const [user] = await collect(mirror.users(organization))
  await mirror.link(user.id, 'acct_1')
  assert.equal((await mirror.user(user.id)).linkedId, 'acct_1')
  await mirror.link(user.id, null)
  assert.equal((await mirror.user(user.id)).linkedId, null)
  await assert.rejects(mirror.link('diruser_none', 'acct_2'), errors.NotFoundError)
  await assert.rejects(mirror.link(user.id), errors.InvalidArgumentError)
})

test('the role map gives users roles by the id or the name of their groups', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  const crew = sandbox.createGroup({ displayName: 'Crew' })
  const user = sandbox.createUser({ email: 'ada@example.com', groups: ['Crew'] })
  await mirror.sync(organization)
  await mirror.poll('app')
  await mirror.ack('app', (await mirror.poll('app')).at(-1).seq)
  await mirror.setRoleMap({ Crew: 'sailor' })
  const [change] = await mirror.poll('app')
  assertFields(change, { kind: 'roles.changed', cause: 'roles', fields: ['roles'] })
  assert.deepEqual(change.before.roles, [])
  assert.deepEqual(change.after.roles, ['sailor'])
  await mirror.setRoleMap([[crew.id, 'captain'], ['Cr*', 'sailor']])
  assert.deepEqual((await mirror.user(user.id)).roles, ['captain', 'sailor'])
  assert.deepEqual(await mirror.roleMap(), [[crew.id, 'captain'], ['Cr*', 'sailor']])
  await mirror.setRoleMap(new Map())
  assert.deepEqual(await mirror.roleMap(), [])
  for (const wrong of [undefined, [['Crew']], { Crew: 1 }, 'Crew', [['', 'x']]]) await assert.rejects(mirror.setRoleMap(wrong), errors.InvalidArgumentError)
})

test('a mirror in a file can be opened again with its users and its consumers', async (t) => {
  const { client, organization } = startMirror(t)
  const path = join(temporaryFolder(t), 'headcount.db')
  const first = new Mirror(path, { client })
  await first.sync(organization)
  const [change] = await first.poll('app')
  await first.ack('app', change.seq)
  const users = await collect(first.users(organization))
  await first.close()
  const second = new Mirror(path)
  t.after(() => second.close())
  assert.deepEqual(await collect(second.users(organization)), users)
  assert.ok((await second.poll('app')).every(({ seq }) => seq > change.seq))
})

test('a mirror refuses other files and wrong settings', async (t) => {
  const other = join(temporaryFolder(t), 'other.db')
  writeFileSync(other, 'text that is longer than the header of a SQLite file, and no database')
  assert.throws(() => new Mirror(other), errors.StoreError)
  assert.throws(() => new Mirror(join(other, 'below.db')), errors.StoreError)
  assert.throws(() => new Mirror(undefined), errors.InvalidArgumentError)
  assert.throws(() => new Mirror(':memory:', { client: {} }), /expected a Client/)
  assert.throws(() => new Mirror(':memory:', { guard_users: 3 }), errors.InvalidArgumentError)
  assert.throws(() => new Mirror(':memory:', { webhookSecret: 'short' }), errors.ConfigError)
  assert.throws(() => new Mirror(':memory:', { webhookSecret: 7 }), errors.InvalidArgumentError)
  assert.throws(() => new Mirror(':memory:', { fullEverySeconds: -1 }), /fullEverySeconds/)
  assert.throws(() => new Mirror(':memory:', { guardUsers: NaN }), errors.InvalidArgumentError)
  const { sandbox } = startMirror(t)
  const closed = sandbox.client()
  closed.close()
  assert.throws(() => new Mirror(':memory:', { client: closed }), errors.InvalidArgumentError)
})

test('the symbol of `await using` closes a mirror', async () => {
  const mirror = new Mirror(':memory:')
  await mirror[Symbol.asyncDispose]()
  await assert.rejects(mirror.status(), errors.InvalidArgumentError)
})
