// The mirror: synced and told over real HTTP, read, and followed; what it refuses, and how its loops and its process end.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Mirror, Sandbox, Webhook, errors } from 'headcount'
import { webhook as endpoint } from 'headcount/http'
import { event as bodyOf } from 'headcount/testing'
import { eventually } from './sandbox.mjs'

function start(t, options, settings) {
  const sandbox = new Sandbox({ users: 5, groups: 2, ...options })
  const client = sandbox.client()
  const mirror = new Mirror(':memory:', { client, webhookSecret: sandbox.webhookSecret, ...settings })
  t.after(async () => {
    await mirror.close()
    client.close()
    sandbox.close()
  })
  return { sandbox, client, mirror, organization: sandbox.organizationId, directory: sandbox.directoryId }
}

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'headcount-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

async function all(listing) {
  const items = []
  for await (const item of listing) items.push(item)
  return items
}

test('a sync brings what there is, and says what it did', async (t) => {
  const { sandbox, mirror, organization, directory } = start(t)
  const told = []
  const report = await mirror.sync(organization, directory, { mode: 'full', onProgress: (progress) => told.push(progress) })
  assert.deepEqual([report.outcome, report.mode, report.users, report.groups, report.created, report.error], ['done', 'full', 5, 2, 5, null])
  assert.deepEqual([report.organizationId, report.directoryId, report.held, report.incomplete], [organization, directory, null, null])
  assert.ok(Date.parse(report.startedAt) <= Date.parse(report.endedAt))
  assert.deepEqual([told[0].phase, told[0].items], ['groups', 2])
  const users = told.filter(({ phase }) => phase === 'users').at(-1)
  assert.deepEqual([users.organizationId, users.directoryId, users.items, users.total], [organization, directory, 5, 5])

  const again = await mirror.sync(organization)
  assert.deepEqual(again.map(({ mode, changes }) => [mode, changes]), [['incremental', 0]])
  assert.deepEqual((await mirror.sync(organization, { mode: 'full' })).map(({ mode }) => mode), ['full'])
  assert.deepEqual((await mirror.syncAll({ concurrency: 2 })).map(({ directoryId }) => directoryId), [directory])

  const mirrored = await all(mirror.users(organization))
  assert.equal(mirrored.length, 5)
  const [first] = mirrored
  assert.deepEqual(await mirror.user(first.id), first)
  assert.deepEqual(await mirror.findUsers({ email: first.email.toUpperCase() }), [first])
  assert.deepEqual([first.active, first.linkedId, first.roles, first.vendorRoles, first.attributes], [true, null, [], [], null])
  // What the directory says has its own names.
  assert.equal(first.detail.userName, first.preferredUsername)
  assert.equal(await mirror.user('diruser_none'), null)
  assert.equal(await mirror.group('dirgroup_none'), null)

  const groups = await mirror.groups(organization, { directoryId: directory })
  assert.equal(groups.length, 2)
  assert.deepEqual(await mirror.group(groups[0].id), groups[0])
  const members = await all(mirror.users(organization, { groupId: groups[0].id, directoryId: directory }))
  assert.deepEqual(members, mirrored.filter(({ groupIds }) => groupIds.includes(groups[0].id)))
  assert.deepEqual((await mirror.directories()).map(({ id, enabled }) => [id, enabled]), [[directory, true]])
  assert.deepEqual(await mirror.directories('org_none'), [])

  const [status] = await mirror.status()
  assert.deepEqual([status.directory.id, status.users, status.groups, status.held, status.parkedEvents], [directory, 5, 2, null, 0])
  assert.ok(Date.parse(status.lastFullSync) && Date.parse(status.watermark))
  assert.ok(sandbox.requests()['GET /api/v1/organizations'] >= 1)
})

test('what goes wrong in a sync', async (t) => {
  const { sandbox, mirror, organization, directory } = start(t, {}, { guardUsers: 1, guardShare: 0 })
  await mirror.sync(organization)
  const users = await all(mirror.users(organization))
  for (const { id } of users.slice(0, 3)) sandbox.deleteUser(id)
  const gone = users.slice(0, 3).map(({ id }) => id).sort()
  await assert.rejects(mirror.sync(organization, directory, { mode: 'full' }), (error) => {
    assert.ok(error instanceof errors.MassRemovalError)
    assert.deepEqual([error.count, error.limit, error.directoryId, error.userIds], [3, 1, directory, gone])
    return true
  })
  const [held] = await mirror.syncAll({ mode: 'full' })
  assert.equal(held.outcome, 'failed')
  assert.ok(held.error instanceof errors.MassRemovalError)
  assert.equal(held.error.count, 3)
  assert.deepEqual((await mirror.heldRemovals(directory)).sort(), gone)
  const [{ held: said }] = await mirror.status()
  assert.deepEqual([said.reason, said.count, said.limit], ['mass_removal', 3, 1])
  assert.equal((await mirror.sync(organization, directory, { approveRemovals: true })).deleted, 3)
  assert.deepEqual(await mirror.heldRemovals(directory), [])

  await assert.rejects(mirror.sync(organization, 'dir_none'), errors.NotFoundError)
  await assert.rejects(mirror.sync(organization, { mode: 'quick' }), /no such mode.*auto, full, incremental/)
  await assert.rejects(mirror.sync(organization, { mod: 'full' }), errors.InvalidArgumentError)
  await assert.rejects(mirror.sync(undefined), errors.InvalidArgumentError)
  await assert.rejects(mirror.syncAll({ concurrency: 0 }), errors.InvalidArgumentError)
  await assert.rejects(mirror.sync(organization, { onProgress: 'loud' }), errors.InvalidArgumentError)
  // Who is told and throws ends it with that.
  const failure = new Error('the screen is gone')
  const loud = () => {
    throw failure
  }
  await assert.rejects(mirror.sync(organization, { mode: 'full', onProgress: loud }), (error) => error === failure)
  await assert.rejects(mirror.sync(organization, { signal: AbortSignal.abort('enough') }), (error) => error instanceof errors.CancelledError && error.cause === 'enough')
  assert.equal((await mirror.sync(organization, directory)).outcome, 'done')

  const reader = new Mirror(':memory:')
  t.after(() => reader.close())
  await assert.rejects(reader.sync(organization), errors.ConfigError)
})

test('two syncs of a directory at once', async (t) => {
  const { sandbox, mirror, organization, directory } = start(t)
  // The directories, the groups, and users that do not come.
  sandbox.fault(['latency:0s', 'latency:0s', 'latency:10m', 'latency:0s'])
  const stop = new AbortController()
  const slow = mirror.sync(organization, directory, { signal: stop.signal })
  const ended = assert.rejects(slow, errors.CancelledError)
  await eventually(() => Object.entries(sandbox.requests()).some(([route]) => route.endsWith('/users')))
  assert.equal((await mirror.sync(organization, directory, { wait: false })).outcome, 'already_running')
  sandbox.fault(null)
  const next = mirror.sync(organization, directory)
  stop.abort()
  await ended
  assert.equal((await next).outcome, 'done')
})

test('webhooks are taken as they come over HTTP: applied, again, late, tampered', async (t) => {
  const { sandbox, mirror, organization, directory } = start(t)
  await mirror.sync(organization)
  const outcomes = []
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const outcome = await mirror.receive(Buffer.concat(chunks), request.headers)
    outcomes.push(outcome)
    response.writeHead(201).end()
  }).listen(0, '127.0.0.1')
  t.after(() => (server.close(), server.closeAllConnections()))
  await once(server, 'listening')
  sandbox.registerEndpoint(`http://127.0.0.1:${server.address().port}/`)

  const user = sandbox.createUser({ email: 'ada@example.com', givenName: 'Ada' })
  await eventually(() => outcomes.length === 1)
  assert.deepEqual(outcomes, ['applied'])
  assert.equal((await mirror.user(user.id)).givenName, 'Ada')

  const webhook = new Webhook(sandbox.webhookSecret)
  const [{ body }] = sandbox.deliveries()
  assert.equal(await mirror.receive(body, webhook.sign(body)), 'duplicate')
  const late = Buffer.from(JSON.stringify({ ...JSON.parse(body), id: 'evt_late', occurred_at: '2020-01-01T00:00:00Z' }))
  assert.equal(await mirror.receive(late, new Headers({ ...webhook.sign(late) })), 'stale')
  const login = bodyOf('user.login', { organizationId: organization })
  assert.equal(await mirror.receive(new Uint8Array(login).buffer, Object.entries(webhook.sign(login))), 'ignored')
  await assert.rejects(mirror.receive(`${body} `, webhook.sign(body)), (error) => {
    return error instanceof errors.WebhookVerificationError && error.reason === 'no_match'
  })
  await assert.rejects(mirror.receive(JSON.parse(body), webhook.sign(body)), /expected the request's bytes or text as it came/)
  await assert.rejects(mirror.receive(body, undefined), errors.InvalidArgumentError)

  // What an endpoint has verified needs no second look.
  sandbox.updateUser(user.id, { familyName: 'King' })
  const changed = sandbox.deliveries().at(-1)
  await eventually(() => outcomes.length === 2)
  const event = webhook.verify(changed.body, webhook.sign(changed.body))
  assert.equal(await mirror.apply(event), 'duplicate')
  assert.equal(await mirror.apply({ ...event, id: 'evt_next', occurredAt: '2200-01-01T00:00:00Z', data: { ...event.data, family_name: 'Lovelace', cost_center: '7' } }), 'applied')
  const now = await mirror.user(user.id)
  assert.deepEqual([now.familyName, now.attributes.cost_center], ['Lovelace', '7'])
  await assert.rejects(mirror.apply({ type: 'x' }), errors.InvalidArgumentError)
  assert.equal((await mirror.status())[0].directory.id, directory)
})

test('an endpoint of a framework hands its events to the mirror', async (t) => {
  const { sandbox, mirror, organization } = start(t)
  await mirror.sync(organization)
  const outcomes = []
  const receive = endpoint(async (event) => outcomes.push(await mirror.apply(event)), { webhook: new Webhook(sandbox.webhookSecret) })
  const server = createServer(receive).listen(0, '127.0.0.1')
  t.after(() => (server.close(), server.closeAllConnections()))
  await once(server, 'listening')
  sandbox.registerEndpoint(`http://127.0.0.1:${server.address().port}/`)
  sandbox.createUser({ email: 'ada@example.com' })
  await eventually(() => sandbox.deliveries().every(({ state }) => state === 'delivered'))
  assert.deepEqual(outcomes, ['applied'])
})

test("the environment's secret, and none", async (t) => {
  const { sandbox } = start(t)
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

test('the feed: polled, acknowledged, put aside, begun with a snapshot', async (t) => {
  const { sandbox, mirror, organization, directory } = start(t)
  assert.deepEqual(await mirror.poll('app'), [])
  await mirror.sync(organization)
  const changes = await mirror.poll('app', { limit: 1000 })
  assert.deepEqual([...new Set(changes.map(({ kind }) => kind))].sort(), ['directory.enabled', 'group.created', 'membership.added', 'user.created'])
  const created = changes.find(({ kind }) => kind === 'user.created')
  assert.deepEqual([created.organizationId, created.directoryId, created.before, created.group], [organization, directory, null, null])
  assert.deepEqual(created.after, created.user)
  assert.match(created.cause, /^sync:/)
  assert.ok(Date.parse(created.at))
  const group = changes.find(({ kind }) => kind === 'group.created')
  assert.deepEqual([group.after, group.user, group.before], [group.group, null, null])
  const member = changes.find(({ kind }) => kind === 'membership.added')
  assert.deepEqual([member.before, member.after, member.fields, member.user.detail], [null, null, ['groupIds'], null])
  assert.ok(member.user.groupIds.includes(member.group.id))

  assert.deepEqual(await mirror.poll('app', { limit: 2 }), changes.slice(0, 2))
  await mirror.ack('app', changes.at(-1).seq)
  assert.deepEqual(await mirror.poll('app'), [])
  assert.deepEqual(await mirror.wait('app', { timeoutMs: 1 }), [])

  const waiting = mirror.wait('app')
  await mirror.link(created.user.id, 'acct_1')
  sandbox.updateUser(created.user.id, { givenName: 'Ada', active: false })
  await mirror.sync(organization)
  assert.ok((await waiting).length >= 1)
  const walk = await mirror.poll('app')
  assert.deepEqual(walk.map(({ kind }) => kind), ['user.updated', 'user.deactivated'])
  assert.ok(walk[0].fields.includes('givenName'), walk[0].fields.join())
  assert.deepEqual([walk[1].before.active, walk[1].after.active, walk[1].user.linkedId], [true, false, 'acct_1'])
  await mirror.link(created.user.id, null)
  assert.equal((await mirror.user(created.user.id)).linkedId, null)
  await assert.rejects(mirror.link('diruser_none', 'acct_2'), errors.NotFoundError)
  await assert.rejects(mirror.link(created.user.id), errors.InvalidArgumentError)

  await mirror.park('app', walk[0].seq, 'the database said no')
  assert.deepEqual((await mirror.poll('app')).map(({ seq }) => seq), [walk[1].seq])
  const [parked] = await mirror.parkedChanges('app')
  assert.deepEqual([parked.change, parked.reason], [walk[0], 'the database said no'])
  const consumers = await mirror.consumers()
  assert.deepEqual(consumers.map(({ name, cursor, behind, parked }) => [name, cursor, behind, parked]), [['app', walk[0].seq, 1, 1]])
  assert.equal(await mirror.dropParked('app', walk[0].seq), true)
  assert.equal(await mirror.dropParked('app', walk[0].seq), false)

  await mirror.startFromSnapshot('new')
  const snapshot = await mirror.poll('new')
  assert.deepEqual(snapshot.map(({ kind, cause }) => `${kind} ${cause}`), [...Array(2).fill('group.created snapshot'), ...Array(5).fill('user.created snapshot')])
  assert.ok(snapshot.every(({ seq }) => seq < 0))
  assert.equal(await mirror.dropConsumer('new'), true)
  assert.equal(await mirror.dropConsumer('new'), false)
  await mirror.trim()

  await assert.rejects(mirror.ack('app', 1e6), /no change has the number 1000000/)
  await assert.rejects(mirror.ack('app', 1.5), errors.InvalidArgumentError)
  await assert.rejects(mirror.ack('app', '1'), errors.InvalidArgumentError)
  await assert.rejects(mirror.ack('nobody', 1), errors.InvalidArgumentError)
  await assert.rejects(mirror.poll('app', { limit: 0 }), errors.InvalidArgumentError)
  await assert.rejects(mirror.poll(''), errors.InvalidArgumentError)
})

test('roles of groups', async (t) => {
  const { sandbox, mirror, organization } = start(t)
  const crew = sandbox.createGroup({ displayName: 'Crew' })
  const user = sandbox.createUser({ email: 'ada@example.com', groups: ['Crew'] })
  await mirror.sync(organization)
  await mirror.poll('app')
  await mirror.ack('app', (await mirror.poll('app')).at(-1).seq)
  await mirror.setRoleMap({ Crew: 'sailor' })
  const [change] = await mirror.poll('app')
  assert.deepEqual([change.kind, change.before.roles, change.after.roles, change.cause], ['roles.changed', [], ['sailor'], 'roles'])
  await mirror.setRoleMap([[crew.id, 'captain'], ['Cr*', 'sailor']])
  assert.deepEqual((await mirror.user(user.id)).roles, ['captain', 'sailor'])
  assert.deepEqual(await mirror.roleMap(), [[crew.id, 'captain'], ['Cr*', 'sailor']])
  await mirror.setRoleMap(new Map())
  assert.deepEqual(await mirror.roleMap(), [])
  for (const wrong of [undefined, [['Crew']], { Crew: 1 }, 'Crew', [['', 'x']]]) await assert.rejects(mirror.setRoleMap(wrong), errors.InvalidArgumentError)
})

test('a loop gets every change once and waits for the next', async (t) => {
  const { sandbox, mirror, organization } = start(t)
  await mirror.sync(organization)
  const count = (await mirror.poll('loop', { limit: 1000 })).length
  const seen = []
  for await (const change of mirror.changes('loop', { limit: 3 })) {
    seen.push(change.seq)
    assert.ok(!Object.keys(change).includes('ack'))
    if (seen.length === count) {
      // Nothing was acknowledged, and yet what comes next is new.
      sandbox.createUser({ email: 'ada@example.com' })
      await mirror.sync(organization)
    } else if (seen.length === count + 1) {
      assert.deepEqual([change.kind, change.user.email], ['user.created', 'ada@example.com'])
      await change.ack()
      break
    }
  }
  assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b))
  assert.deepEqual(await mirror.poll('loop'), [])

  // What was not acknowledged comes again in the next loop.
  sandbox.createUser({ email: 'grace@example.com' })
  await mirror.sync(organization)
  for (let times = 0; times < 2; times++) {
    for await (const change of mirror.changes('loop')) {
      assert.equal(change.user.email, 'grace@example.com')
      break
    }
  }
})

test('a loop ends with its signal, when it is left and with the mirror', async (t) => {
  const { mirror } = start(t)
  const stop = new AbortController()
  const ended = all(mirror.changes('a', { signal: stop.signal }))
  setImmediate(() => stop.abort())
  assert.deepEqual(await ended, [])
  assert.deepEqual(await all(mirror.changes('a', { signal: stop.signal })), [])

  const left = mirror.changes('b')
  const pending = left.next()
  const behind = left.next()
  assert.deepEqual(await left.return(), { value: undefined, done: true })
  assert.deepEqual([await pending, await behind, await left.next()], Array(3).fill({ value: undefined, done: true }))

  const abort = new AbortController()
  const waits = [mirror.wait('c', { signal: abort.signal }), mirror.wait('c')]
  const loop = all(mirror.changes('c'))
  setImmediate(() => abort.abort('enough'))
  await assert.rejects(waits[0], (error) => error instanceof errors.CancelledError && error.cause === 'enough')
  setImmediate(() => mirror.close())
  await assert.rejects(waits[1], errors.CancelledError)
  assert.deepEqual(await loop, [])
  assert.deepEqual(await all(mirror.changes('c')), [])
  await mirror.close()
  await assert.rejects(mirror.poll('c'), (error) => error instanceof errors.InvalidArgumentError && /closed/.test(error.message))
  assert.throws(() => mirror.users('org_1'), errors.InvalidArgumentError)
})

test('a loop that was left keeps no process alive, and one that waits does', async () => {
  const program = `
    import { Mirror } from 'headcount'
    const mirror = new Mirror(':memory:')
    const changes = mirror.changes('app')
    const next = changes.next()
    setImmediate(() => changes.return())
    await next
    console.log('left')
    let closed = false
    setTimeout(() => { closed = true; mirror.close() }, 50).unref()
    for await (const change of mirror.changes('app')) break
    console.log('closed', closed)
    new Mirror(':memory:')`
  const here = fileURLToPath(new URL('..', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: here, timeout: 60_000 })
  assert.equal(stdout, 'left\nclosed true\n')
})

test('a file outlives its mirror, and what is no mirror is refused', async (t) => {
  const { sandbox, client, organization } = start(t)
  const path = join(folder(t), 'headcount.db')
  const first = new Mirror(path, { client })
  await first.sync(organization)
  const [change] = await first.poll('app')
  await first.ack('app', change.seq)
  const users = await all(first.users(organization))
  await first.close()
  const second = new Mirror(path)
  t.after(() => second.close())
  assert.deepEqual(await all(second.users(organization)), users)
  assert.ok((await second.poll('app')).every(({ seq }) => seq > change.seq))

  const other = join(folder(t), 'other.db')
  writeFileSync(other, 'something else that is no database, and long enough to be looked at')
  assert.throws(() => new Mirror(other), errors.StoreError)
  assert.throws(() => new Mirror(join(other, 'below.db')), errors.StoreError)
  assert.throws(() => new Mirror(undefined), errors.InvalidArgumentError)
  assert.throws(() => new Mirror(':memory:', { client: {} }), /expected a Client/)
  assert.throws(() => new Mirror(':memory:', { guard_users: 3 }), errors.InvalidArgumentError)
  assert.throws(() => new Mirror(':memory:', { webhookSecret: 'short' }), errors.ConfigError)
  assert.throws(() => new Mirror(':memory:', { webhookSecret: 7 }), errors.InvalidArgumentError)
  assert.throws(() => new Mirror(':memory:', { fullEverySeconds: -1 }), /fullEverySeconds/)
  assert.throws(() => new Mirror(':memory:', { guardUsers: NaN }), errors.InvalidArgumentError)
  const closed = sandbox.client()
  closed.close()
  assert.throws(() => new Mirror(':memory:', { client: closed }), errors.InvalidArgumentError)
})

test('it closes itself where the language says so', async () => {
  const mirror = new Mirror(':memory:')
  await mirror[Symbol.asyncDispose]()
  await assert.rejects(mirror.status(), errors.InvalidArgumentError)
})
