// The change feed: polling, acknowledging, parking, snapshots, and loops over changes.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { errors } from 'headcount'
import { assertFields, collect, startMirror } from './sandbox.mjs'

/** Starts a mirror that has been synced once. */
async function startSynced(t) {
  const started = startMirror(t)
  await started.mirror.sync(started.organization)
  return started
}

test('the first sync appends a change for each row', async (t) => {
  const { mirror, organization, directory } = startMirror(t)
  assert.deepEqual(await mirror.poll('app'), [])
  await mirror.sync(organization)
  const changes = await mirror.poll('app', { limit: 1000 })
  assert.deepEqual([...new Set(changes.map(({ kind }) => kind))].sort(), ['directory.enabled', 'group.created', 'membership.added', 'user.created'])

  const created = changes.find(({ kind }) => kind === 'user.created')
  const names = ['seq', 'kind', 'organizationId', 'directoryId', 'user', 'group', 'before', 'after', 'fields', 'possibleRehireOf', 'possibleRehireLinkedId', 'cause', 'at']
  assert.deepEqual(Object.keys(created), names)
  assertFields(created, { organizationId: organization, directoryId: directory, before: null, group: null })
  assert.deepEqual(created.after, created.user)
  assert.match(created.cause, /^sync:/)
  assert.ok(Date.parse(created.at))

  const group = changes.find(({ kind }) => kind === 'group.created')
  assertFields(group, { after: group.group, user: null, before: null })

  const member = changes.find(({ kind }) => kind === 'membership.added')
  assertFields(member, { before: null, after: null, fields: ['groupIds'] })
  assert.equal(member.user.detail, null)
  assert.ok(member.user.groupIds.includes(member.group.id))
})

test('a consumer gets changes until it acknowledges them', async (t) => {
  const { mirror } = await startSynced(t)
  const changes = await mirror.poll('app', { limit: 1000 })
  assert.deepEqual(await mirror.poll('app', { limit: 2 }), changes.slice(0, 2))
  await mirror.ack('app', changes.at(-1).seq)
  assert.deepEqual(await mirror.poll('app'), [])
  assert.deepEqual(await mirror.wait('app', { timeoutMs: 1 }), [])
})

test('a poll by user returns the changes of each user together, and no part of them', async (t) => {
  const { mirror } = await startSynced(t)
  const groups = await mirror.poll('app', { limit: 1000, groupByUser: true })
  assert.deepEqual(groups.flat(), await mirror.poll('app', { limit: 1000 }))
  assert.deepEqual(groups.flat(), await mirror.poll('app', { limit: 1000, groupByUser: false }))
  const hires = groups.filter(([first]) => first.kind === 'user.created')
  assert.equal(hires.length, 5)
  assert.ok(hires.some((group) => group.length > 1))
  for (const group of hires) assert.equal(new Set(group.map(({ user }) => user.id)).size, 1)

  const before = groups.indexOf(hires.find((group) => group.length > 1))
  if (before > 0) await mirror.ack('app', groups[before - 1].at(-1).seq)
  assert.deepEqual(await mirror.poll('app', { limit: 1, groupByUser: true }), [groups[before]])
  await mirror.ack('app', groups[before][0].seq)
  assert.deepEqual(await mirror.poll('app', { limit: 1, groupByUser: true }), [groups[before].slice(1)])
})

/** Starts a mirror whose consumer `app` has two changes to acknowledge, both of one user: `user.updated` and `user.deactivated`. */
async function startWithTwoChanges(t) {
  const started = await startSynced(t)
  const { sandbox, mirror, organization } = started
  const changes = await mirror.poll('app', { limit: 1000 })
  await mirror.ack('app', changes.at(-1).seq)
  const { user } = changes.find(({ kind }) => kind === 'user.created')
  const waiting = mirror.wait('app')
  await mirror.link(user.id, 'acct_1')
  sandbox.updateUser(user.id, { givenName: 'Ada', active: false })
  await mirror.sync(organization)
  return { ...started, waited: await waiting, changes: await mirror.poll('app') }
}

test('wait returns as soon as there is a change', async (t) => {
  const { waited, changes } = await startWithTwoChanges(t)
  assert.ok(waited.length >= 1)
  assert.deepEqual(changes.map(({ kind }) => kind), ['user.updated', 'user.deactivated'])
  const [updated, deactivated] = changes
  assert.ok(updated.fields.includes('givenName'), updated.fields.join())
  assert.equal(deactivated.before.active, true)
  assert.equal(deactivated.after.active, false)
  assert.equal(deactivated.user.linkedId, 'acct_1')
})

test('a parked change does not stop its consumer, and can be read and deleted', async (t) => {
  const { mirror, changes } = await startWithTwoChanges(t)
  const [updated, deactivated] = changes
  await mirror.park('app', updated.seq, 'the database refused it')
  assert.deepEqual((await mirror.poll('app')).map(({ seq }) => seq), [deactivated.seq])
  const [parked] = await mirror.parkedChanges('app')
  assertFields(parked, { change: updated, reason: 'the database refused it' })
  assert.ok(Date.parse(parked.at))

  const consumers = await mirror.consumers()
  assert.equal(consumers.length, 1)
  assert.deepEqual(Object.keys(consumers[0]), ['name', 'cursor', 'lag', 'parked', 'seenAt', 'expiresAt'])
  assertFields(consumers[0], { name: 'app', cursor: updated.seq, lag: 1, parked: 1 })

  assert.equal(await mirror.dropParked('app', updated.seq), true)
  assert.equal(await mirror.dropParked('app', updated.seq), false)
})

test('a consumer can start with a snapshot of the current rows', async (t) => {
  const { mirror } = await startSynced(t)
  await mirror.startFromSnapshot('new')
  const snapshot = await mirror.poll('new')
  const kinds = [...Array(2).fill('group.created'), ...Array(5).fill('user.created')]
  assert.deepEqual(snapshot.map(({ kind }) => kind), kinds)
  assert.ok(snapshot.every(({ cause }) => cause === 'snapshot'))
  assert.ok(snapshot.every(({ seq }) => seq < 0))
  assert.equal(await mirror.dropConsumer('new'), true)
  assert.equal(await mirror.dropConsumer('new'), false)
  await mirror.trim()
})

test('numbers of changes, limits and consumer names that are not valid are refused', async (t) => {
  const { mirror } = await startSynced(t)
  await mirror.poll('app')
  await assert.rejects(mirror.ack('app', 1e6), /no change has the number 1000000/)
  await assert.rejects(mirror.ack('app', 1.5), errors.InvalidArgumentError)
  await assert.rejects(mirror.ack('app', '1'), errors.InvalidArgumentError)
  await assert.rejects(mirror.ack('unknown', 1), errors.InvalidArgumentError)
  await assert.rejects(mirror.poll('app', { limit: 0 }), errors.InvalidArgumentError)
  await assert.rejects(mirror.poll(''), errors.InvalidArgumentError)
})

test('a loop gets every change once and waits for the next one', async (t) => {
  const { sandbox, mirror, organization } = await startSynced(t)
  const count = (await mirror.poll('loop', { limit: 1000 })).length
  const seen = []
  const changes = []
  for await (const change of mirror.changes('loop', { limit: 3 })) {
    seen.push(change.seq)
    changes.push(change)
    assert.ok(!Object.keys(change).includes('ack'))
    if (seen.length === count) {
      // No change has been acknowledged yet. The loop does not return them again: it continues with the next change.
      sandbox.createUser({ email: 'ada@example.com' })
      await mirror.sync(organization)
    } else if (seen.length === count + 1) {
      assert.equal(change.kind, 'user.created')
      assert.equal(change.user.email, 'ada@example.com')
      await change.ack()
      assert.equal((await mirror.poll('loop'))[0].seq, seen[0], 'the changes before it are not acknowledged')
      for (const earlier of changes.slice(0, -1)) await earlier.ack()
      break
    }
  }
  assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b))
  assert.deepEqual(await mirror.poll('loop'), [])
})

test('the next loop gets the changes that were not acknowledged', async (t) => {
  const { sandbox, mirror, organization } = await startSynced(t)
  await mirror.ack('loop', (await mirror.poll('loop', { limit: 1000 })).at(-1).seq)
  sandbox.createUser({ email: 'grace@example.com' })
  await mirror.sync(organization)
  for (let times = 0; times < 2; times++) {
    for await (const change of mirror.changes('loop')) {
      assert.equal(change.user.email, 'grace@example.com')
      break
    }
  }
})

test('a loop ends when its signal is aborted', async (t) => {
  const { mirror } = startMirror(t)
  const stop = new AbortController()
  const ended = collect(mirror.changes('app', { signal: stop.signal }))
  setImmediate(() => stop.abort())
  assert.deepEqual(await ended, [])
  assert.deepEqual(await collect(mirror.changes('app', { signal: stop.signal })), [])
})

test('return ends the calls of next that wait', async (t) => {
  const { mirror } = startMirror(t)
  const changes = mirror.changes('app')
  const first = changes.next()
  const second = changes.next()
  const end = { value: undefined, done: true }
  assert.deepEqual(await changes.return(), end)
  assert.deepEqual(await first, end)
  assert.deepEqual(await second, end)
  assert.deepEqual(await changes.next(), end)
})

test('closing the mirror ends its loops and waits', async (t) => {
  const { mirror } = startMirror(t)
  const abort = new AbortController()
  const aborted = mirror.wait('app', { signal: abort.signal })
  const waiting = mirror.wait('app')
  const loop = collect(mirror.changes('app'))
  setImmediate(() => abort.abort('enough'))
  await assert.rejects(aborted, (error) => error instanceof errors.CancelledError && error.cause === 'enough')
  setImmediate(() => mirror.close())
  await assert.rejects(waiting, errors.CancelledError)
  assert.deepEqual(await loop, [])
  assert.deepEqual(await collect(mirror.changes('app')), [])
  await mirror.close()
  await assert.rejects(mirror.poll('app'), (error) => error instanceof errors.InvalidArgumentError && /closed/.test(error.message))
  assert.throws(() => mirror.users('org_1'), errors.InvalidArgumentError)
})

test('a loop that has ended does not keep the process alive, and one that waits does', async () => {
  const program = `
    import { Mirror } from 'headcount'
    const mirror = new Mirror(':memory:')
    const changes = mirror.changes('app')
    const next = changes.next()
    setImmediate(() => changes.return())
    await next
    console.log('ended')
    let closed = false
    setTimeout(() => { closed = true; mirror.close() }, 50).unref()
    for await (const change of mirror.changes('app')) break
    console.log('closed', closed)
    new Mirror(':memory:')`
  const here = fileURLToPath(new URL('..', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: here, timeout: 60_000 })
  assert.equal(stdout, 'ended\nclosed true\n')
})
