// Workers of a consumer with partitions, and the exclusive consumer of `changes`.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Mirror, errors } from 'headcount'
import { startMirror, temporaryFolder } from './sandbox.mjs'

/** Starts a mirror that has been synced once. Returns it, and the number of changes in its feed as `count`. */
async function startSynced(t) {
  const { mirror, organization, client } = startMirror(t)
  await mirror.sync(organization)
  const count = (await mirror.poll('count', { limit: 1000 })).length
  return { mirror, client, organization, count }
}

/** Opens two mirrors of one file, as two processes would, and syncs it once. */
async function startTwo(t) {
  const { client, organization } = startMirror(t)
  const path = join(temporaryFolder(t), 'mirror.db')
  const [one, two] = [new Mirror(path, { client }), new Mirror(path)]
  t.after(() => Promise.all([one.close(), two.close()]))
  await one.sync(organization)
  return { one, two }
}

test('a worker returns every change once, in order, and the end of its loop closes it', async (t) => {
  const { mirror, count } = await startSynced(t)
  const worker = mirror.consumer('app', { partitions: 4 })
  assert.deepEqual(worker.partitions, [])
  const seen = []
  for await (const change of worker) {
    assert.deepEqual(worker.partitions, [0, 1, 2, 3])
    assert.ok(!Object.keys(change).includes('ack'))
    await change.ack()
    if (seen.push(change.seq) === count) break
  }
  assert.deepEqual(seen, Array.from({ length: count }, (_, index) => index + 1))
  assert.deepEqual(worker.partitions, [], 'the end of the loop closes the worker')
  assert.deepEqual(await worker.next(), { value: undefined, done: true })
  const consumer = (await mirror.consumers()).find(({ name }) => name === 'app')
  assert.equal(consumer.lag, 0)
  await assert.rejects(mirror.poll('app'), /has 4 partitions/)
})

test('park parks one change, and ackAll acknowledges all returned changes', async (t) => {
  const { mirror, count } = await startSynced(t)
  const worker = mirror.consumer('app', { partitions: 1 })
  const { value: first } = await worker.next()
  await first.park('no seat is left')
  for (let taken = 1; taken < count; taken++) await worker.next()
  await worker.ackAll()
  await worker.close()
  await worker.close()
  const consumer = (await mirror.consumers()).find(({ name }) => name === 'app')
  assert.equal(consumer.cursor, count)
  assert.equal((await mirror.parkedChanges('app'))[0].change.seq, first.seq)
})

test('an error in the loop releases the partitions, and the change is returned again', async (t) => {
  const { one, two } = await startTwo(t)
  let lost
  await assert.rejects(async () => {
    for await (const change of one.consumer('app')) {
      lost = change
      throw new Error('the handler failed')
    }
  }, /the handler failed/)
  await assert.rejects(lost.ack(), (error) => error instanceof errors.StoreError && /the lease of partition \d+ was lost/.test(error.message))
  const other = two.consumer('app')
  const { value: again } = await other.next()
  assert.equal(again.seq, lost.seq)
  await other.return()
})

test('an aborted signal ends the iteration and closes the worker', async (t) => {
  const { mirror, count } = await startSynced(t)
  const stop = new AbortController()
  const worker = mirror.consumer('app', { signal: stop.signal })
  let seen = 0
  for await (const change of worker) {
    await change.ack()
    if (++seen === count) setImmediate(() => stop.abort())
  }
  assert.equal(seen, count)
  assert.deepEqual(worker.partitions, [])
  const ended = mirror.consumer('app', { signal: stop.signal })
  assert.equal((await ended.next()).done, true)
})

test('closing the worker or the mirror ends the calls of next that wait', async (t) => {
  for (const closesMirror of [false, true]) {
    const { mirror } = startMirror(t)
    const worker = mirror.consumer('app')
    const waiting = [worker.next(), worker.next()]
    while (worker.partitions.length === 0) await setTimeout(5)
    await (closesMirror ? mirror : worker).close()
    for (const next of await Promise.all(waiting)) assert.deepEqual(next, { value: undefined, done: true })
    assert.equal((await worker.next()).done, true)
    await worker.close()
  }
})

test('two workers share the partitions', async (t) => {
  const { one, two } = await startTwo(t)
  const workers = [one, two].map((mirror) => mirror.consumer('app', { partitions: 8 }))
  const loops = workers.map(async (worker) => {
    for await (const change of worker) await change.ack()
  })
  while (workers.some(({ partitions }) => partitions.length !== 4)) await setTimeout(5)
  const partitions = workers.flatMap(({ partitions }) => partitions).sort((a, b) => a - b)
  assert.deepEqual(partitions, [0, 1, 2, 3, 4, 5, 6, 7])
  for (const worker of workers) await worker.close()
  await Promise.all(loops)
})

test('a worker keeps its partitions while a handler hangs', async (t) => {
  const { one, two } = await startTwo(t)
  const hung = one.consumer('app', { partitions: 1, leaseSeconds: 1 })
  const other = two.consumer('app', { partitions: 1, leaseSeconds: 1 })
  const { value: change } = await hung.next()
  const next = other.next()
  // Waits longer than two leases: only the background task renews the lease.
  assert.equal(await Promise.race([next, setTimeout(2500, 'timeout')]), 'timeout')
  await change.ack()
  await hung.close()
  assert.equal((await next).value.seq, change.seq + 1)
  await other.close()
})

test('a worker can be disposed', { skip: Symbol.asyncDispose === undefined }, async (t) => {
  const { mirror } = await startSynced(t)
  const worker = mirror.consumer('app')
  await worker.next()
  await worker[Symbol.asyncDispose]()
  assert.deepEqual(worker.partitions, [])
})

test('options of a worker that cannot be used are refused', async (t) => {
  const { mirror } = startMirror(t)
  for (const options of [{ partitions: 0 }, { partitions: 257 }, { partitions: '16' }, { leaseSeconds: 0.5 }, { leaseSeconds: -1 }, { lease: 60 }]) {
    assert.throws(() => mirror.consumer('app', options), errors.InvalidArgumentError, JSON.stringify(options))
  }
  assert.throws(() => mirror.consumer(''), errors.InvalidArgumentError)
  assert.throws(() => mirror.consumer(5), errors.InvalidArgumentError)
  const worker = mirror.consumer('app')
  await mirror.close()
  assert.throws(() => mirror.consumer('app'), /the mirror is closed/)
  await assert.rejects(worker.ackAll(), /the mirror is closed/)
})

test('a second mirror iterates over the changes of a consumer after the loop of the first has ended', async (t) => {
  const { one, two } = await startTwo(t)
  const changes = two.changes('app')
  let next
  let last
  for await (const change of one.changes('app')) {
    next = changes.next()
    assert.equal(await Promise.race([next, setTimeout(700, 'timeout')]), 'timeout')
    last = change
    break
  }
  assert.equal((await next).value.seq, last.seq, 'the change was not acknowledged')
  await last.ack()
})
