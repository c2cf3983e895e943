// The command `headcount` as the package installs it. Its own behaviour is tested in `cli/tests`.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startSandbox, temporaryFolder } from './sandbox.mjs'

const here = fileURLToPath(new URL('..', import.meta.url))
const { bin, version } = createRequire(import.meta.url)('headcount/package.json')

/** Starts the command in a new folder, with the sandbox's settings in its environment, and returns a function that starts it with other arguments. */
async function commandOf(t) {
  const sandbox = await startSandbox(t, { users: 3 })
  const folder = temporaryFolder(t)
  const env = { ...process.env, ...sandbox.env, HEADCOUNT_STORE: `${folder}/headcount.db` }
  return (...args) => spawn(process.execPath, [here + bin.headcount, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Waits for the end of a process, and returns its exit code and what it wrote. */
async function ended(child) {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

test('the package has the command, whose exit code is that of the process', async (t) => {
  const command = await commandOf(t)
  const synced = await ended(command('sync', '--json'))
  assert.equal(synced.code, 0, synced.stderr)
  assert.equal(JSON.parse(synced.stdout).created, 3)
  assert.equal((await ended(command('users', '--json'))).stdout.trim().split('\n').length, 3)
  assert.equal((await ended(command('version'))).stdout, `headcount ${version}\n`)
  const misspelt = await ended(command('usres'))
  assert.equal(misspelt.code, 2)
  assert.match(misspelt.stderr, /users/)
  assert.match(readFileSync(here + bin.headcount, 'utf8'), /^#!\/usr\/bin\/env node\n/)
})

test('Ctrl-C ends the command', async (t) => {
  const child = (await commandOf(t))('sync', '--watch', '1h', '--json')
  const stderr = text(child.stderr)
  const [line] = await once(createInterface(child.stdout), 'line')
  assert.equal(JSON.parse(line).created, 3)
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  assert.equal(code, 130)
  assert.match(await stderr, /interrupted/)
})
