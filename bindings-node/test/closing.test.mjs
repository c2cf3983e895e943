// Syncs that end because their mirror is closed or their worker thread is terminated, and mirrors that are garbage-collected.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { Mirror, errors } from 'headcount'
import { eventually, startSandbox } from './sandbox.mjs'

/** Time limit of a test: long enough for a slow machine, and much shorter than a sync that is not ended (10 minutes) and than its lease (5 minutes). */
const LIMIT = { timeout: 60_000 }
/** A fault that delays every answer of the sandbox for longer than the tests run. */
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

test('when a worker thread is terminated, its sync ends and releases the lease', LIMIT, async (t) => {
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

/** Returns how many threads of this process have this name. */
function threads(name) {
  const names = readdirSync('/proc/self/task').map((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim()
    } catch {
      return '' // The thread has ended.
    }
  })
  return names.filter((found) => found === name).length
}

/** Locks a file for writing, in another process, until the returned function is called or the test ends. */
async function lock(t, path) {
  const program = `
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()`
  const python = spawn('python3', ['-c', program, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const unlock = () => python.stdin.end()
  t.after(unlock)
  await once(python.stdout, 'data')
  return unlock
}

/** Objects that keep a mirror open: for each, a function that makes it from the mirror. */
const HANDLES = {
  mirror: (mirror) => mirror,
  changes: (mirror) => mirror.changes('app'),
  'changes being read': async (mirror) => {
    const changes = mirror.changes('app')
    await changes.next()
    return changes
  },
  'a change': async (mirror) => (await mirror.changes('app').next()).value,
  users: (mirror, sandbox) => mirror.users(sandbox.organization_id),
  'users being read': async (mirror, sandbox) => {
    const users = mirror.users(sandbox.organization_id)
    await users.next()
    return users
  },
}

for (const [name, make] of Object.entries(HANDLES)) {
  const skip = process.platform === 'linux' ? false : 'the test reads the names of threads from /proc'
  test(`the event loop does not wait for the file of a mirror whose last handle is garbage-collected: ${name}`, { ...LIMIT, skip }, async (t) => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc')
    const sandbox = await startSandbox(t, { users: 5, groups: 1 })
    const path = file(t)
    const others = threads('headcount-write')
    let unlock

    // A sync is aborted while another process has the file locked, so that the release of its lease waits for the lock.
    async function prepare() {
      const mirror = new Mirror(path, { client: sandbox.client() })
      await mirror.sync(sandbox.organization_id)
      const handle = await make(mirror, sandbox)
      await sandbox.control('PUT', '/fault', { ...STALL, every: 3 })
      const controller = new AbortController()
      let sync
      await new Promise((begun) => {
        sync = mirror.sync(sandbox.organization_id, { mode: 'full', signal: controller.signal, onProgress: begun })
      })
      unlock = await lock(t, path)
      controller.abort()
      await assert.rejects(sync, errors.CancelledError)
      // The runtime has one thread, so it has dropped the sync before it runs this call.
      await mirror.status()
      return handle
    }
    let handle = await prepare()
    assert.equal(threads('headcount-write'), others + 1, String(handle))

    handle = undefined
    // The thread that reads does not wait for the lock: its end shows that the mirror was dropped.
    await eventually(() => collect() || threads('headcount-read') === others)
    assert.equal(threads('headcount-write'), others + 1, 'the event loop waited until the file was closed')
    unlock()
    await eventually(() => threads('headcount-write') === others)
  })
}
