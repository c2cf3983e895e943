// Callbacks of the application, signals, and a sandbox that the program does not refer to.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { errors } from 'headcount'
import { startMirror } from './sandbox.mjs'

const limit = { timeout: 60_000 }

test('a sync rejects with the error of a rejected promise of onProgress', limit, async (t) => {
  const { mirror, organization } = startMirror(t, { users: 400 })
  const failure = new RangeError('the progress bar')
  const onProgress = async () => {
    throw failure
  }
  await assert.rejects(mirror.sync(organization, { mode: 'full', onProgress }), (error) => error === failure)
  const thenable = { then: (resolve, reject) => reject(failure) }
  await assert.rejects(mirror.sync(organization, { mode: 'full', onProgress: () => thenable }), (error) => error === failure)
})

test('a sync waits for the promises of onProgress', limit, async (t) => {
  const { mirror, organization } = startMirror(t)
  let running = 0
  let ended = 0
  const onProgress = async () => {
    running++
    await new Promise((resolve) => setTimeout(resolve, 20))
    ended++
  }
  await mirror.sync(organization, { mode: 'full', onProgress })
  assert.ok(running > 0)
  assert.equal(ended, running)
})

test('a sync that is refused, cancelled or fails still ends if it has onProgress', limit, async (t) => {
  const { mirror, client, organization } = startMirror(t)
  const onProgress = () => {}
  await assert.rejects(mirror.sync(organization, { onProgress, signal: AbortSignal.abort(new Error('no')) }), errors.CancelledError)
  await assert.rejects(mirror.sync('org_none', { onProgress }), errors.NotFoundError)
  client.close()
  await mirror.close()
  await assert.rejects(mirror.sync(organization, { onProgress }), errors.InvalidArgumentError)
})

/** Runs a program, and returns its exit status and what it wrote to stdout and stderr. */
function run(program, args = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, '--input-type=module', '-e', program], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, NODE_OPTIONS: '' },
    encoding: 'utf8',
    timeout: 50_000,
  })
  return { status, stdout, stderr }
}

test('an error of onActivity is reported once as a warning, and the process continues', limit, () => {
  for (const callback of ["() => { throw new Error('the logger') }", "async () => { throw new Error('the logger') }"]) {
    const { status, stdout, stderr } = run(`
      import { Sandbox } from 'headcount'
      const sandbox = new Sandbox()
      const client = sandbox.client({ onActivity: ${callback} })
      for (let i = 0; i < 5; i++) await client.organization.listOrganization()
      client.close()
      sandbox.close()
      console.log('done')`)
    assert.equal(status, 0, stderr)
    assert.equal(stdout, 'done\n')
    assert.equal(stderr.split('HeadcountWarning').length, 2, stderr)
    assert.match(stderr, /onActivity failed, and further failures are not reported: Error: the logger/)
  }
})

test('a sandbox without a reference to it runs until it is closed', limit, () => {
  const { status, stdout, stderr } = run(
    `
      import { Client, Sandbox } from 'headcount'
      const settings = (() => {
        const sandbox = new Sandbox({ users: 3 })
        return [sandbox.environmentUrl, sandbox.clientId, sandbox.clientSecret]
      })()
      for (let i = 0; i < 20; i++) {
        gc()
        await new Promise(setImmediate)
      }
      const { organizations } = await new Client(...settings, { maxAttempts: 1 }).organization.listOrganization()
      console.log(organizations.length)`,
    ['--expose-gc'],
  )
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '1\n', stderr: '' })
})

test('a thousand calls share one listener on their signal', limit, async (t) => {
  const { sandbox, client, mirror, organization, directory } = startMirror(t)
  const warnings = []
  const warn = (warning) => warnings.push(warning.name)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  const controller = new AbortController()
  const { signal } = controller
  let added = 0
  let removed = 0
  const { addEventListener, removeEventListener } = EventTarget.prototype
  signal.addEventListener = (...args) => (added++, addEventListener.apply(signal, args))
  signal.removeEventListener = (...args) => (removed++, removeEventListener.apply(signal, args))

  await Promise.all(Array.from({ length: 1000 }, () => client.organization.listOrganization({ signal })))
  assert.deepEqual({ added, removed }, { added: 1, removed: 1 })

  // The signal cancels all of these calls. Because of the fault, none is answered before that.
  sandbox.fault('latency:20s')
  const calls = [
    ...Array.from({ length: 20 }, () => mirror.wait('app', { signal })),
    ...Array.from({ length: 20 }, () => client.directory.listDirectoryUsers(organization, directory, { signal })),
    mirror.sync(organization, { mode: 'full', signal, onProgress: () => {} }),
  ]
  const settled = Promise.allSettled(calls)
  controller.abort(new Error('enough'))
  for (const { status, reason } of await settled) {
    assert.equal(status, 'rejected')
    assert.ok(reason instanceof errors.CancelledError, reason)
    assert.equal(reason.cause.message, 'enough')
  }
  sandbox.fault(null)
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})

test('a call that ends does not remove the listener of other calls with its signal', limit, async (t) => {
  const { client, mirror } = startMirror(t)
  const controller = new AbortController()
  const waiting = mirror.wait('app', { signal: controller.signal })
  await client.organization.listOrganization({ signal: controller.signal })
  controller.abort()
  await assert.rejects(waiting, errors.CancelledError)
})
