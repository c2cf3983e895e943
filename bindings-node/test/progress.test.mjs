// The option `progress` of a sync: a bar if stderr is a terminal, and lines elsewhere.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { startSandbox } from './sandbox.mjs'

const limit = { timeout: 60_000 }
const program = `
import { Client, Mirror } from 'headcount'
const mirror = new Mirror(':memory:', { client: Client.fromEnv() })
const seen = []
const options = { onProgress: (progress) => seen.push(progress), progress: process.argv[1] === 'yes' }
const [report] = await mirror.syncAll(options)
console.log(String(report.users) + ' ' + String(seen.length > 0))
await mirror.close()`

/** Runs the program with these settings, after `before` and its arguments. */
function run(sandbox, progress, before = []) {
  const [command, ...args] = [...before, process.execPath, '--input-type=module', '-e', program, progress]
  const settings = { cwd: new URL('..', import.meta.url), env: { ...process.env, ...sandbox.env, NODE_OPTIONS: '' }, encoding: 'utf8' }
  return spawnSync(command, args, settings)
}

test('a sync writes its progress as lines if stderr is no terminal', limit, async (t) => {
  const sandbox = await startSandbox(t, { users: 3, groups: 1 })
  const { stdout, stderr } = run(sandbox, 'yes')
  assert.equal(stdout, '3 true\n', stderr)
  assert.ok(stderr.split('\n').includes(`${sandbox.directory_id}: users 3 of 3, 1 page`), stderr)
})

test('a sync writes nothing unless it is asked to', limit, async (t) => {
  const sandbox = await startSandbox(t, { users: 3 })
  const { stdout, stderr } = run(sandbox, 'no')
  assert.deepEqual([stdout, stderr], ['3 true\n', ''])
})

test('a sync shows a bar on a terminal', limit, async (t) => {
  const sandbox = await startSandbox(t, { users: 1000 })
  await sandbox.control('PUT', '/fault', { faults: ['latency:250ms'], every: 1 })
  // Runs the program in a pseudo-terminal, which stdout and stderr share.
  const inTerminal = ['python3', '-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)']
  const { status, stdout } = run(sandbox, 'yes', inTerminal)
  assert.equal(status, 0, stdout)
  assert.match(stdout, /\[#+-*\] \d+\/1000 users, /)
  assert.match(stdout, /1000 true/)
  assert.doesNotMatch(stdout, /: users /)
})
