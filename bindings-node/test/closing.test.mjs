// Syncs that end because their mirror is closed or their worker is terminated.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Mirror, errors } from 'headcount'
import { startSandbox } from './sandbox.mjs'

/** Long enough for a slow machine, and much shorter than a sync that is not ended, or than its lease. */
const LIMIT = { timeout: 60_000 }
const STALL = { faults: ['latency:600s'], every: 1 }

/** Returns the path of a mirror's file in a folder that is removed with the test. */
function file(t) {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-closing-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'mirror.db')
}

test('closing a mirror ends its syncs', LIMIT, async (t) => {
  const sandbox = await startSandbox(t, { users: 5, groups: 1 })
  await sandbox.control('PUT', '/fault', STALL)
  const mirror = new Mirror(file(t), { client: sandbox.client() })
  const sync = mirror.sync(sandbox.organization_id)
  setImmediate(() => mirror.close())
  await assert.rejects(sync, errors.CancelledError)
})

test('the file is closed when close resolves', LIMIT, async (t) => {
  const sandbox = await startSandbox(t, { users: 5, groups: 1 })
  const path = file(t)
  const mirror = new Mirror(path, { client: sandbox.client() })
  await mirror.sync(sandbox.organization_id)
  const running = mirror.status()
  await Promise.all([mirror.close(), mirror.close()])
  assert.deepEqual(readdirSync(dirname(path)), ['mirror.db'])
  assert.equal((await running).length, 1, 'a running call finishes first')
  await mirror.close()
})

test('a mirror can be closed in a callback of its sync', LIMIT, async (t) => {
  const sandbox = await startSandbox(t, { users: 5, groups: 1 })
  const path = file(t)
  const mirror = new Mirror(path, { client: sandbox.client() })
  let closed
  const sync = mirror.sync(sandbox.organization_id, { onProgress: () => void (closed ??= mirror.close()) })
  await sync.catch((error) => assert.ok(error instanceof errors.CancelledError, error))
  await (closed ?? mirror.close())
  assert.deepEqual(readdirSync(dirname(path)), ['mirror.db'])
})

test('a worker that is terminated ends its sync and releases the lease', LIMIT, async (t) => {
  const sandbox = await startSandbox(t, { users: 5, groups: 1 })
  const path = file(t)
  // The directories and groups are listed, and the listing of users is not answered.
  await sandbox.control('PUT', '/fault', { ...STALL, every: 3 })
  const program = `
    import { Client, Mirror } from 'headcount'
    import { parentPort, workerData } from 'node:worker_threads'
    const { url, id, secret, path, organization } = workerData
    const mirror = new Mirror(path, { client: new Client(url, id, secret) })
    await mirror.sync(organization, { onProgress: () => parentPort.postMessage('begun') })`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program.replace("'headcount'", JSON.stringify(import.meta.resolve('headcount'))))}`), {
    workerData: { url: sandbox.environment_url, id: sandbox.client_id, secret: sandbox.client_secret, path, organization: sandbox.organization_id },
  })
  await once(worker, 'message')
  await worker.terminate()
  await sandbox.control('PUT', '/fault', { faults: [], every: 1 })
  const mirror = new Mirror(path, { client: sandbox.client() })
  t.after(() => mirror.close())
  const [report] = await mirror.sync(sandbox.organization_id)
  assert.equal(report.outcome, 'done')
})
