// What an operator reads and sets through a mirror: pending events, decisions, retirements, settings, the role map, copies; and changes that are
// acknowledged late or by several tasks.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test as plainTest } from 'node:test'
import { runInNewContext } from 'node:vm'
import { METRICS_CONTENT_TYPE, Mirror, Sandbox, Webhook, errors } from 'headcount'
import { assertFields, collect, startMirror, temporaryFolder } from './sandbox.mjs'

/** A test that fails if it hangs. */
const test = (name, run) => plainTest(name, { timeout: 120_000 }, run)

test('pending events are listed until a sync applies them', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  sandbox.registerEndpoint('http://127.0.0.1:9/')
  sandbox.createUser({ email: 'ada@example.com' })
  const { body } = sandbox.deliveries().at(-1)
  assert.equal(await mirror.receive(body, new Webhook(sandbox.webhookSecret).sign(body)), 'pending')
  const [event, ...others] = await mirror.pendingEvents(organization)
  assert.deepEqual(others, [])
  assert.deepEqual(Object.keys(event), ['id', 'eventType', 'receivedAt', 'why'])
  assert.match(event.id, /^evt_/)
  assert.equal(event.eventType, 'organization.directory.user_created')
  assert.ok(Date.parse(event.receivedAt))
  assert.ok(event.why.length > 0)
  assert.deepEqual(await mirror.pendingEvents('org_0'), [])
  await mirror.sync(organization)
  assert.deepEqual(await mirror.pendingEvents(organization), [])
  await assert.rejects(mirror.pendingEvents(), errors.InvalidArgumentError)
})

test('syncs and events are recorded', async (t) => {
  const { sandbox, mirror, organization, directory } = startMirror(t)
  sandbox.registerEndpoint('http://127.0.0.1:9/')
  assert.deepEqual(await mirror.runs(), [])
  const [report] = await mirror.sync(organization)
  const user = sandbox.createUser({ email: 'ada@example.com' })
  const { body } = sandbox.deliveries().at(-1)
  assert.equal(await mirror.receive(body, new Webhook(sandbox.webhookSecret).sign(body)), 'applied')
  await mirror.sync(organization)
  const [newest, first, ...others] = await mirror.runs({ directoryId: directory })
  assert.deepEqual(others, [])
  assertFields(first, { id: report.run, organizationId: organization, directoryId: directory, outcome: 'done', startedAt: report.startedAt })
  assertFields(first, { endedAt: report.endedAt, created: report.created, changes: report.changes, holds: 0, incomplete: null, error: null })
  assert.equal(first.process.split('/').at(-1), String(process.pid))
  assert.deepEqual(await mirror.runs({ limit: 1 }), [newest])
  assert.deepEqual(await mirror.runs({ before: newest.number }), [first])
  assert.deepEqual(await mirror.runs({ organizationId: 'org_0' }), [])
  const [event] = await mirror.events({ subjectId: user.id })
  assertFields(event, { id: JSON.parse(body).id, eventType: 'organization.directory.user_created', outcome: 'applied', why: null, settledAt: null })
  assert.deepEqual(await mirror.event(event.id), event)
  assert.equal(await mirror.event('evt_0'), null)
  assert.deepEqual(await mirror.events({ organizationId: 'org_0' }), [])
  await assert.rejects(mirror.runs({ limit: 0 }), errors.InvalidArgumentError)
  await assert.rejects(mirror.event(), errors.InvalidArgumentError)
})

test('the access of a user is explained as data and as text', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  sandbox.registerEndpoint('http://127.0.0.1:9/')
  await mirror.setRoleMap([['*', 'member']])
  await mirror.sync(organization)
  const user = sandbox.createUser({ email: 'ada@example.com', groups: ['Engineering'] })
  const { body } = sandbox.deliveries().at(-1)
  assert.equal(await mirror.receive(body, new Webhook(sandbox.webhookSecret).sign(body)), 'applied')
  const why = await mirror.explain(user.id)
  assertFields(why, { userId: user.id, state: 'present', organizationId: organization, removedAt: null, isComplete: true, events: [], holds: [] })
  assert.deepEqual(why.user, await mirror.user(user.id))
  assert.deepEqual(why.roles.map(({ role, groupName, entry, isHeld }) => [role, groupName, entry.group, isHeld]), [['member', 'Engineering', '*', false]])
  assert.equal(why.changes.length, 1)
  assert.equal(why.changes[0].entry.kinds[0], 'user.created')
  assert.deepEqual(why.changes[0].event, await mirror.event(JSON.parse(body).id))
  assert.equal(why.changes[0].run, null)
  assert.equal(String(why), why.text())
  assert.ok(why.text().includes(why.changes[0].event.id) && !why.text().includes('ada@example.com'))
  assert.ok(why.text({ personal: true }).includes('ada@example.com'))
  assert.ok(!Object.keys(why).includes('text'))
  assert.throws(() => why.text({ names: true }), errors.InvalidArgumentError)
  assert.equal((await mirror.explain('diruser_0')).state, 'unknown')
  await assert.rejects(mirror.explain(''), errors.InvalidArgumentError)
  await assert.rejects(mirror.explain(), errors.InvalidArgumentError)
})

test('settings are kept in the store, and can be changed', async (t) => {
  const path = join(temporaryFolder(t), 'headcount.db')
  const first = new Mirror(path, { guardUsers: 3, retentionSeconds: 172_800, consumerExpirySeconds: 86_400, groupsPerUser: 50 })
  assert.deepEqual(await first.settings(), {
    guard: { users: 3, share: 0.1, events: true, windowSeconds: 86_400 },
    fullEverySeconds: 86_400,
    retentionSeconds: 172_800,
    historySeconds: 34_560_000,
    deletionGraceSeconds: null,
    pendingEvents: 10_000,
    pendingBytes: 67_108_864,
    groupsPerUser: 50,
    consumerExpirySeconds: 86_400,
    fields: ['email', 'givenName', 'familyName', 'preferredUsername', 'emails', 'vendorRoles', 'detail', 'attributes'],
    ignored: [],
  })
  await first.configure({ guardUsers: 5, guardWindowSeconds: 3_600, consumerExpirySeconds: 0, pendingEvents: 7 })
  const second = new Mirror(path, { guardUsers: 50, guardWindowSeconds: 60 })
  const settings = await second.settings()
  assertFields(settings, { retentionSeconds: 172_800, pendingEvents: 7, consumerExpirySeconds: null })
  assertFields(settings.guard, { users: 5, windowSeconds: 3_600 })
  assert.deepEqual(settings.ignored, [
    { name: 'guardUsers', stored: '5', asked: '50' },
    { name: 'guardWindowSeconds', stored: '3600s', asked: '60s' },
  ])
  for (const none of [{}, null, undefined]) await second.configure(none)
  await assert.rejects(second.configure({ guardUser: 1 }), (error) => error instanceof errors.InvalidArgumentError && /guardUser/.test(error.message))
  await assert.rejects(second.configure({ guardShare: 2 }), errors.InvalidArgumentError)
  await assert.rejects(second.configure({ guardWindowSeconds: 0 }), errors.InvalidArgumentError)
  await assert.rejects(second.configure({ retentionSeconds: -1 }), /retentionSeconds/)
  await second.configure({ deletionGraceSeconds: 604_800 })
  assert.equal((await first.settings()).deletionGraceSeconds, 604_800)
  await assert.rejects(second.configure({ deletionGraceSeconds: 400_000_000 }), /expected deletionGraceSeconds to be at most 315619200 seconds \(10 years\)/)
  for (const wrong of [-1, NaN, '7 days']) await assert.rejects(second.configure({ deletionGraceSeconds: wrong }), errors.InvalidArgumentError)
  await second.configure({ deletionGraceSeconds: 0 })
  assert.equal((await first.settings()).deletionGraceSeconds, null)
  assert.throws(() => new Mirror(':memory:', { deletionGraceSeconds: 0 }), /expected deletionGraceSeconds to be longer than 0/)
  for (const other of [[], new Map([['guardUsers', 1]]), 'guardUsers', 1]) await assert.rejects(second.configure(other), errors.InvalidArgumentError)
  assert.equal((await first.settings()).guard.users, 5)
  await first.close()
  await second.close()
})

test('only listed fields of users are stored', async (t) => {
  const sandbox = new Sandbox({ users: 3, groups: 1 })
  t.after(() => sandbox.close())
  const client = sandbox.client()
  t.after(() => client.close())
  const mirror = new Mirror(':memory:', { client, fields: ['givenName'] })
  t.after(() => mirror.close())
  await mirror.sync(sandbox.organizationId)
  for await (const user of mirror.users(sandbox.organizationId)) {
    assertFields(user, { email: '', familyName: '', emails: [], detail: null })
    assert.notEqual(user.givenName, '')
  }
  assert.deepEqual((await mirror.settings()).fields, ['givenName'])
  await assert.rejects(mirror.findUsers({ email: 'ada@example.com' }), (error) => error instanceof errors.InvalidArgumentError && /fields/.test(error.message))
  await mirror.configure({ fields: ['email', 'givenName'] })
  const { updated } = (await mirror.sync(sandbox.organizationId, sandbox.directoryId, { mode: 'full' }))
  assert.equal(updated, 3)
  await mirror.configure({ fields: [] })
  for await (const user of mirror.users(sandbox.organizationId)) assertFields(user, { email: '', givenName: '' })
  assert.deepEqual((await mirror.settings()).fields, [])
  for (const [fields, message] of [[['given_name'], /givenName.*got "given_name"/], [['email', 'email'], /once/], ['email', /fields is a string/]]) {
    await assert.rejects(mirror.configure({ fields }), (error) => error instanceof errors.InvalidArgumentError && message.test(error.message))
    assert.throws(() => new Mirror(':memory:', { fields }), errors.InvalidArgumentError)
  }
})

test('entries of the role map are ids or names, and may belong to an organization', async (t) => {
  const { sandbox, mirror, organization } = startMirror(t)
  const crew = sandbox.createGroup({ displayName: 'Crew' })
  const user = sandbox.createUser({ email: 'bea@example.com', groups: ['Crew'] })
  await mirror.sync(organization)
  const entries = [
    { key: 'id', group: crew.id, role: 'by-id' },
    { key: 'name', group: crew.id, role: 'misnamed' },
    { key: 'name', group: 'Cr*', role: 'here', organizationId: organization },
    { group: 'Cr*', role: 'elsewhere', organizationId: 'org_0' },
    ['C?ew', 'paired'],
  ]
  await mirror.setRoleMap(entries)
  assert.deepEqual((await mirror.user(user.id)).roles, ['by-id', 'here', 'paired'])
  const stored = await mirror.roleMapEntries()
  assert.deepEqual(stored.slice(0, 3), [
    { key: 'id', group: crew.id, role: 'by-id', organizationId: null },
    { key: 'name', group: crew.id, role: 'misnamed', organizationId: null },
    { key: 'name', group: 'Cr*', role: 'here', organizationId: organization },
  ])
  assert.deepEqual(stored[4], { key: 'name', group: 'C?ew', role: 'paired', organizationId: null })
  assert.deepEqual((await mirror.unmatchedRoles()).map(({ role }) => role), ['misnamed', 'elsewhere'])
  await mirror.setRoleMap(stored.slice(0, 1))
  assert.deepEqual((await mirror.user(user.id)).roles, ['by-id'])
})

test('a role map is read from any iterable and from values of another realm', async (t) => {
  const { mirror } = startMirror(t)
  function* pairs() {
    yield ['Crew', 'sailor']
  }
  for (const map of [pairs(), new Set([['Crew', 'sailor']]), runInNewContext("new Map([['Crew', 'sailor']])"), runInNewContext("({ Crew: 'sailor' })")]) {
    await mirror.setRoleMap([])
    await mirror.setRoleMap(map)
    assert.deepEqual(await mirror.roleMap(), [['Crew', 'sailor']])
  }
})

test('the error names the role map entry that cannot be read, and the stored role map is unchanged', async (t) => {
  const { mirror } = startMirror(t)
  await mirror.setRoleMap({ Crew: 'sailor' })
  const wrong = [
    [Promise.resolve([]), /the role map is a promise/],
    [new Date(), /the role map is a Date/],
    [{ next: () => ({ done: true }) }, /entry 0 is a list/],
    [[['Crew', 'sailor'], 'Crew'], /entry 1 is a string/],
    [[{ key: 'email', group: 'Crew', role: 'x' }], /entry 0 has a key that is not known/],
    [[{ group: 'Crew', role: 1 }], /entry 0 has the role a number/],
    [[{ group: 'Crew', role: 'x', organizationId: 5 }], /entry 0 has the organizationId a number/],
    [[{ group: 'Crew', role: 'x', organisationId: 'org_1' }], /organisationId/],
    [[{ group: '', role: 'x' }], /group/],
  ]
  for (const [map, message] of wrong) {
    await assert.rejects(mirror.setRoleMap(map), (error) => error instanceof errors.InvalidArgumentError && message.test(error.message), String(message))
  }
  assert.deepEqual(await mirror.roleMap(), [['Crew', 'sailor']])
})

test('decisions about holds are recorded', async (t) => {
  const { sandbox, client, mirror, organization, directory } = startMirror(t, { users: 12 }, { guardUsers: 0, guardShare: 0 })
  await mirror.sync(organization)
  const users = (await collect(client.directory.users(organization, directory))).map(({ id }) => id)
  const holds = []
  for (const [user, decide, note] of [[users[0], 'approve', 'confirmed'], [users[1], 'dismiss', undefined]]) {
    sandbox.deleteUser(user)
    await assert.rejects(mirror.sync(organization, directory, { mode: 'full' }), errors.MassRemovalError)
    const [hold] = await mirror.holds(organization)
    assert.equal(await mirror[decide](hold.id, { by: 'ops@example.com', note }), 1)
    holds.push(hold.id)
  }
  const approvals = await mirror.approvals()
  assert.deepEqual(approvals.map(({ holdId }) => holdId), holds)
  assert.deepEqual(approvals.map(({ isApproved }) => isApproved), [true, false])
  assert.deepEqual(Object.keys(approvals[0]), ['id', 'holdId', 'organizationId', 'directoryId', 'reason', 'isApproved', 'by', 'note', 'at', 'count'])
  assertFields(approvals[0], { organizationId: organization, directoryId: directory, reason: 'mass_removal', by: 'ops@example.com', note: 'confirmed', count: 1 })
  assert.equal(approvals[1].note, '')
  assert.ok(Date.parse(approvals[0].at))
  assert.deepEqual(await mirror.approvals(organization), approvals)
  assert.deepEqual(await mirror.approvals('org_0'), [])
})

test('retirements are recorded', async (t) => {
  const { client, mirror, organization, directory } = startMirror(t)
  await mirror.sync(organization)
  assert.deepEqual(await mirror.retirements(), [])
  await client.directory.disableDirectory(organization, directory)
  await mirror.sync(organization)
  assert.equal(await mirror.retire(directory, { by: 'ops', note: 'the customer left' }), 5)
  const [retirement] = await mirror.retirements()
  assert.deepEqual(Object.keys(retirement), ['id', 'organizationId', 'directoryId', 'by', 'note', 'at', 'endedAt', 'users'])
  assertFields(retirement, { organizationId: organization, directoryId: directory, by: 'ops', note: 'the customer left', users: 5 })
  assert.ok(Date.parse(retirement.at) <= Date.parse(retirement.endedAt))
})

test('an erasure says what was removed', async (t) => {
  const { mirror, organization } = startMirror(t)
  const [first] = await mirror.sync(organization)
  assert.equal(first.erased, 0)
  const { user } = (await mirror.poll('app', { limit: 1000 })).find(({ kind }) => kind === 'user.created')
  // Takes the changes into the history.
  await mirror.trim()
  const erasure = await mirror.eraseUser(user.id)
  assert.deepEqual(Object.keys(erasure), ['id', 'userId', 'at', 'wasMirrored', 'changes', 'history', 'events', 'parked'])
  assertFields(erasure, { userId: user.id, wasMirrored: true, events: 0, parked: 0 })
  assert.ok(erasure.changes > 0 && erasure.history > 0)
  assert.equal(await mirror.user(user.id), null)
  const own = (await mirror.poll('app', { limit: 1000 })).filter((change) => change.user?.id === user.id)
  assert.deepEqual([...new Set(own.map(({ kind, user }) => kind + user.email))], ['user.deleted'])
  const [second] = await mirror.sync(organization, { mode: 'full' })
  assert.equal(second.erased, 1)
  assertFields(await mirror.eraseUser(user.id), { id: erasure.id, at: erasure.at, wasMirrored: false, changes: 0 })
  for (const wrong of ['', 'diruser 1', 'd'.repeat(201)]) {
    await assert.rejects(mirror.eraseUser(wrong), { name: 'InvalidArgumentError', message: /expected the id of a directory user/ })
  }
  await assert.rejects(mirror.eraseUser(1), { name: 'InvalidArgumentError', message: /the user id is a number/ })
})

test('a moment that the history does not have is refused', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const first = async (moment) => mirror.at(moment, organization).next()
  await assert.rejects(first(new Date(Date.now() + 86_400_000)), errors.InvalidArgumentError)
  await assert.rejects(first(new Date(Date.now() - 86_400_000)), errors.HistoryTrimmedError)
  assert.equal((await mirror.history({ userId: 'diruser_0' }).next()).done, true)
})

test('a forgotten organization leaves numbers alone', async (t) => {
  const { client, mirror, organization, directory } = startMirror(t)
  await mirror.sync(organization)
  await assert.rejects(mirror.forgetOrganization(organization), { name: 'InvalidArgumentError', message: /retire its directories/ })
  await mirror.poll('app', { limit: 1 })
  await client.directory.disableDirectory(organization, directory)
  await mirror.sync(organization)
  await mirror.retire(directory, { by: 'ops', note: 'the customer left' })
  await assert.rejects(mirror.forgetOrganization(organization), { name: 'InvalidArgumentError', context: { organization, consumer: 'app', seq: '1' } })
  const { seq } = (await mirror.poll('app', { limit: 10_000 })).at(-1)
  await mirror.ack('app', seq)
  const erasure = await mirror.forgetOrganization(organization)
  const fields = ['id', 'organizationId', 'at', 'wasMirrored', 'directories', 'users', 'groups', 'changes', 'history', 'events', 'parked', 'runs']
  assert.deepEqual(Object.keys(erasure), fields)
  assertFields(erasure, { organizationId: organization, wasMirrored: true, directories: 1, users: 5, changes: seq, parked: 0 })
  const changes = await mirror.poll('new', { limit: 10_000 })
  assert.equal(changes.length, seq)
  assert.deepEqual([...new Set(changes.map(({ kind, organizationId, user }) => `${kind} ${organizationId}${user}`))], ['organization.forgotten null'])
  assert.deepEqual(await mirror.syncAll(), [])
  assertFields(await mirror.forgetOrganization(organization), { id: erasure.id, at: erasure.at, wasMirrored: false, changes: 0 })
  for (const wrong of ['', 'org 1', 'o'.repeat(201)]) {
    await assert.rejects(mirror.forgetOrganization(wrong), { name: 'InvalidArgumentError', message: /expected the id of an organization/ })
  }
  await assert.rejects(mirror.forgetOrganization(1), { name: 'InvalidArgumentError', message: /the organization id is a number/ })
})

test('a mirror that was unbound from its environment can be synced again', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  assert.equal(await mirror.unbindEnvironment(), undefined)
  const [report] = await mirror.sync(organization)
  assert.equal(report.outcome, 'done')
})

test('the mirrors of one file have the same id, which is still available after they are closed', async (t) => {
  const path = join(temporaryFolder(t), 'mirror.db')
  const mirror = new Mirror(path)
  const { id } = mirror
  await mirror.close()
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(mirror.id, id)
  const again = new Mirror(path)
  assert.equal(again.id, id)
  await again.close()
  const other = new Mirror(':memory:')
  assert.notEqual(other.id, id)
  await other.close()
})

test('in a copy of a mirror, a consumer continues with its next change', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const [first, second] = await mirror.poll('app', { limit: 2 })
  await mirror.ack('app', first.seq)
  const target = join(temporaryFolder(t), 'copy.db')
  const report = await mirror.copyTo(target)
  assert.deepEqual(Object.keys(report), ['tables', 'rows', 'lastChange', 'checksum'])
  assert.equal(report.rows, report.tables.reduce((sum, { rows }) => sum + rows, 0))
  assert.match(report.checksum, /^[0-9a-f]{64}$/)
  const copy = new Mirror(target)
  const [next] = await copy.poll('app', { limit: 1 })
  assert.equal(next.seq, second.seq)
  assert.equal(copy.id, mirror.id)
  await assert.rejects(mirror.copyTo(target), { name: 'StoreError', message: /expected an empty store/ })
  await assert.rejects(mirror.copyTo(':memory:'), errors.ConfigError)
  await assert.rejects(mirror.copyTo(target, { scheme: 'other' }), errors.InvalidArgumentError)
  await copy.close()
})

test('a backup is opened as a mirror, and refused where there is a file', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const path = join(temporaryFolder(t), 'backup.db')
  assert.equal(await mirror.backup(path), undefined)
  const restored = new Mirror(path)
  assert.equal(restored.id, mirror.id)
  assert.equal((await collect(restored.users(organization))).length, (await collect(mirror.users(organization))).length)
  await restored.close()
  await assert.rejects(mirror.backup(path), { name: 'StoreError', message: /one where there is a file/ })
  await assert.rejects(mirror.backup(':memory:'), errors.ConfigError)
  await assert.rejects(mirror.backup(), errors.InvalidArgumentError)
})

test('metrics are OpenMetrics text', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const text = await mirror.metrics({ organizations: true })
  assert.match(text, /^headcount_sync_duration_seconds_count\{outcome="done"\} 1$/m)
  assert.match(text, /\n# EOF\n$/)
  assert.ok(text.includes(`organization="${organization}"`))
  assert.ok(!(await mirror.metrics()).includes(organization))
  assert.match(METRICS_CONTENT_TYPE, /^application\/openmetrics-text; version=1\.0\.0/)
  await assert.rejects(mirror.metrics({ organizations: 1 }), { name: 'InvalidArgumentError', message: /organizations is a number/ })
  await assert.rejects(mirror.metrics({ users: true }), { name: 'InvalidArgumentError', message: /the option users is unknown/ })
})

test('users who are not in the mirror are found after a full sync', async (t) => {
  const { mirror, organization } = startMirror(t)
  await assert.rejects(mirror.reconcile(['diruser_gone']), { name: 'InvalidArgumentError', message: /run sync_all/ })
  await mirror.syncAll({ mode: 'full' })
  const users = await collect(mirror.users(organization))
  async function* known() {
    yield 'diruser_gone'
    for (let round = 0; round < 3_000; round++) yield users[round % users.length].id
    yield 'diruser_gone'
    yield 'diruser_a'
  }
  assert.deepEqual(await mirror.reconcile(known()), ['diruser_a', 'diruser_gone'])
  assert.deepEqual(await mirror.reconcile(new Set(['diruser_b']), { organizationId: organization }), ['diruser_b'])
  assert.deepEqual(await mirror.reconcile([], { since: new Date(0) }), [])
  await assert.rejects(mirror.reconcile(['diruser_b'], { since: Date.now() / 1000 + 3600 }), errors.InvalidArgumentError)
  await assert.rejects(mirror.reconcile([''], { since: 0 }), { name: 'InvalidArgumentError', message: /got an empty one/ })
  for (const wrong of [undefined, null, 7, 'diruser_1', {}, [7], [null]]) {
    await assert.rejects(mirror.reconcile(wrong), { name: 'InvalidArgumentError', message: /expected/ })
  }
  await assert.rejects(mirror.reconcile([], { organization }), { name: 'InvalidArgumentError', message: /the option organization is unknown/ })
})

test('a change that was not acknowledged is returned again after the mirror is reopened', async (t) => {
  const path = join(temporaryFolder(t), 'headcount.db')
  const { client, organization } = startMirror(t)
  let mirror = new Mirror(path, { client })
  await mirror.sync(organization)
  const changes = mirror.changes('app')
  const [{ value: first }, { value: second }] = await Promise.all([changes.next(), changes.next()])
  // Only the later of the two changes is acknowledged.
  await second.ack()
  assert.equal((await mirror.consumers())[0].cursor, 0)
  await mirror.close()
  await assert.rejects(first.ack(), (error) => error instanceof errors.InvalidArgumentError && /closed/.test(error.message))

  mirror = new Mirror(path, { client })
  const again = mirror.changes('app')
  const repeated = [(await again.next()).value, (await again.next()).value]
  assert.deepEqual(repeated.map(({ seq }) => seq), [first.seq, second.seq])
  await repeated[1].ack()
  await repeated[0].ack()
  assert.equal((await mirror.consumers())[0].cursor, second.seq)
  await mirror.close()
})

test('a change can be acknowledged after its loop has ended', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  let last
  for await (const change of mirror.changes('app')) {
    last = change
    break
  }
  await last.ack()
  assert.equal((await mirror.consumers())[0].cursor, last.seq)
})

test('a change of a snapshot can be parked', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  await mirror.startFromSnapshot('app')
  const changes = mirror.changes('app', { limit: 3 })
  const { value: first } = await changes.next()
  const { value: second } = await changes.next()
  assert.ok(first.seq < 0)
  assert.equal(first.cause, 'snapshot')
  assert.ok(!Object.keys(second).includes('park'))
  await assert.rejects(second.park(), /the reason/)
  await second.park('no seat is left')
  const [parked] = await mirror.parkedChanges('app')
  assert.equal(parked.reason, 'no seat is left')
  assert.deepEqual(parked.change, { ...second })
  assert.equal((await mirror.poll('app'))[0].seq, first.seq)
  await first.ack()
  assert.equal((await mirror.consumers())[0].cursor, second.seq)
})

test('several tasks share an iterator, which ends for all of them when the mirror is closed', async (t) => {
  const { mirror, organization } = startMirror(t)
  await mirror.sync(organization)
  const changes = mirror.changes('app')
  const expected = (await mirror.poll('app', { limit: 1000 })).map(({ seq }) => seq)
  const taken = []
  const work = async () => {
    for await (const change of { [Symbol.asyncIterator]: () => ({ next: () => changes.next() }) }) {
      taken.push(change.seq)
      await change.ack()
      if (taken.length === expected.length) setImmediate(() => mirror.close())
    }
  }
  await Promise.all([work(), work(), work()])
  assert.deepEqual(taken.sort((a, b) => a - b), expected)
  assert.deepEqual(await changes.next(), { value: undefined, done: true })
})
