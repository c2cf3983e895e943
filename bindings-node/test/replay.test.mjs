// What the shared vectors do not cover of the replay guard: its clock, claims, wrong arguments, and a file that several processes use.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ReplayGuard, Webhook, errors } from 'headcount'
import { event, signed } from 'headcount/testing'

const webhook = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')

/** Makes a folder for temporary files, which is deleted after the test. */
function folder(t) {
  const made = mkdtempSync(join(tmpdir(), 'headcount-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

test('a message is identified by the id of its headers', async () => {
  const body = event('user.login')
  const [one, other] = ['msg_1', 'msg_2'].map((id) => webhook.verify(body, signed(webhook, body, { id })))
  assert.deepEqual([one.messageId, other.messageId], ['msg_1', 'msg_2'])
  const guard = new ReplayGuard()
  assert.equal(await guard.check(one), true)
  assert.equal(await guard.commit(one), undefined)
  assert.deepEqual([await guard.check(one), await guard.check(other), await guard.check('msg_1')], [false, true, false])
  assert.equal(await guard.check({ id: 'evt_1', messageId: '' }), true)
})

test('a message id is stored for three days by default, by the clock of the machine', async (t) => {
  const kept = []
  const store = { contains: () => false, record: (id, expiresAt) => kept.push([id, expiresAt]) }
  const before = Date.now()
  await ReplayGuard.custom(store).commit('msg_1')
  await ReplayGuard.custom(store, { retentionSeconds: 600 }).commit('msg_2', { now: new Date(1000) })
  await ReplayGuard.custom(store, { retentionSeconds: 1e15 }).commit('msg_3')
  const days = (kept[0][1] - before) / 86_400_000
  assert.ok(days >= 3 && days < 3.1, String(days))
  assert.deepEqual(kept[1], ['msg_2', new Date(601_000)])
  assert.equal(kept[2][1].getTime(), 8_640_000_000_000_000)
  for (const guard of [new ReplayGuard({ retentionSeconds: 600 }), ReplayGuard.sqlite(join(folder(t), 'seen.db'), { retentionSeconds: 600 })]) {
    await guard.commit('msg_1', { now: new Date(0) })
    assert.deepEqual([await guard.check('msg_1'), await guard.check('msg_1', { now: 599 })], [true, false])
    await guard.commit('msg_2')
    assert.equal(await guard.check('msg_2'), false)
  }
})

test('exactly one of several simultaneous deliveries claims a message', async (t) => {
  const taken = new Set()
  const store = {
    contains: (id) => taken.has(id),
    record: (id) => taken.add(id),
    claim: (id, expiresAt) => expiresAt > new Date() && !taken.has(id) && Boolean(taken.add(id)),
    release: (id) => taken.delete(id),
  }
  for (const guard of [new ReplayGuard(), ReplayGuard.sqlite(join(folder(t), 'seen.db')), ReplayGuard.custom(store)]) {
    const claims = await Promise.all(Array.from({ length: 20 }, () => guard.claim('msg_1')))
    assert.equal(claims.filter(Boolean).length, 1)
    assert.equal(await guard.check('msg_1'), false)
    assert.equal(await guard.release('msg_1'), undefined)
    assert.deepEqual([await guard.check('msg_1'), await guard.claim('msg_1'), await guard.claim('msg_1')], [true, true, false])
  }
  const without = ReplayGuard.custom({ contains: () => false, record: () => {} })
  await assert.rejects(without.claim('msg_1'), (error) => error instanceof errors.InvalidArgumentError && /claim/.test(error.message))
  await assert.rejects(without.release('msg_1'), errors.InvalidArgumentError)
})

test('a file is shared between processes, and remains after they end', async (t) => {
  const path = join(folder(t), 'seen.db')
  const guard = ReplayGuard.sqlite(path)
  const code = `const { ReplayGuard } = require('headcount'); ReplayGuard.sqlite(${JSON.stringify(path)}).commit('msg_1')`
  execFileSync(process.execPath, ['-e', code], { cwd: fileURLToPath(new URL('..', import.meta.url)) })
  assert.equal(await guard.check('msg_1'), false)
  await Promise.all(Array.from({ length: 50 }, (_, at) => guard.commit(`msg_${at}`)))
  assert.deepEqual(await Promise.all([49, 50].map((at) => guard.check(`msg_${at}`))), [false, true])
})

test('wrong files, options and messages are refused', async (t) => {
  const other = join(folder(t), 'letter.txt')
  writeFileSync(other, 'Dear Ada, '.repeat(200))
  assert.throws(() => ReplayGuard.sqlite(other), errors.StoreError)
  assert.throws(() => ReplayGuard.sqlite(join(other, 'seen.db')), errors.StoreError)
  assert.throws(() => ReplayGuard.sqlite(), errors.InvalidArgumentError)
  assert.throws(() => ReplayGuard.custom({ contains: () => true }), (error) => error instanceof errors.InvalidArgumentError && /record/.test(error.message))
  for (const options of [{ capacity: 0 }, { capacity: -1 }, { capacity: 1.5 }, { retentionSeconds: -1 }, { retentionSeconds: 599 }, { size: 3 }, 'seen.db']) {
    assert.throws(() => new ReplayGuard(options), errors.InvalidArgumentError, JSON.stringify(options))
  }
  assert.throws(() => ReplayGuard.sqlite(join(folder(t), 'seen.db'), { capacity: 3 }), errors.InvalidArgumentError)
  const guard = new ReplayGuard()
  for (const message of [undefined, null, '', {}, { id: '', messageId: '' }, 7]) {
    await assert.rejects(guard.check(message), errors.InvalidArgumentError)
    await assert.rejects(guard.commit(message), errors.InvalidArgumentError)
  }
  await assert.rejects(guard.check('msg_1', { now: NaN }), errors.InvalidArgumentError)
  const failure = new Error('simulated failure of the store')
  const broken = ReplayGuard.custom({ contains: () => Promise.reject(failure), record: () => { throw failure } })
  await assert.rejects(broken.check('msg_1'), failure)
  await assert.rejects(broken.commit('msg_1'), failure)
})
