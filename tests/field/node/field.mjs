// Helpers: find and run the tools, and extract the configurations of docs/bundlers.md.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const here = fileURLToPath(new URL('.', import.meta.url))
const modules = join(here, 'node_modules')
const { Sandbox, Webhook } = createRequire(import.meta.url)('headcount')

/** The environment of every tool: credentials for a server that does not exist, as a developer's shell may have them, and no telemetry. */
const SHELL = {
  ...process.env,
  SCALEKIT_ENVIRONMENT_URL: 'http://127.0.0.1:9/the-shell',
  SCALEKIT_CLIENT_ID: 'skc_the_shell',
  SCALEKIT_CLIENT_SECRET: 'the shell',
  SCALEKIT_WEBHOOK_SECRET: 'whsec_dGhlIHNoZWxsLCBub3QgdGhlIHNhbmRib3g=',
  NEXT_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  NO_COLOR: '1',
  FORCE_COLOR: '0',
  NODE_OPTIONS: '',
  NODE_TEST_CONTEXT: undefined,
}

/** An environment that unsets every `SCALEKIT_` variable, as on a machine that builds container images and has no secrets. */
export const withoutSecrets = Object.fromEntries(Object.keys(SHELL).filter((name) => name.startsWith('SCALEKIT_')).map((name) => [name, undefined]))

/** Runs a program to its end, within `seconds`. Returns its status and output. */
export async function run(command, args, { cwd = here, env = {}, seconds = 100 } = {}) {
  const started = start(command, args, { cwd, env })
  const timer = setTimeout(() => started.kill(), seconds * 1000)
  const status = await started.ended
  clearTimeout(timer)
  return { status, output: started.output() }
}

/** Runs a program that has to succeed, and returns its output. */
export async function succeed(command, args, options) {
  const { status, output } = await run(command, args, options)
  assert.equal(status, 0, output)
  return output
}

/** Starts a program in a process group of its own, so that `kill` ends its children as well. */
export function start(command, args, { cwd = here, env = {} } = {}) {
  const child = spawn(command, args, { cwd, env: { ...SHELL, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  const waiting = new Set()
  const more = (data) => {
    output += data
    for (const check of [...waiting]) check()
  }
  child.stdout.on('data', more)
  child.stderr.on('data', more)
  const ended = new Promise((resolve, reject) => child.on('error', reject).on('close', (code, signal) => resolve(code ?? signal)))
  return {
    ended,
    output: () => output,
    kill() {
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch (error) {
        if (error.code !== 'ESRCH') throw error
      }
    },
    /** Waits until the output matches, and returns the match. Fails if the program ends without such output. */
    async printed(pattern) {
      let check
      const found = new Promise((resolve) => {
        check = () => pattern.test(output) && resolve(output.match(pattern))
        waiting.add(check)
        check()
      })
      const match = await Promise.race([found, ended.then(() => undefined)])
      waiting.delete(check)
      assert.ok(match, `the program ended: ${output}`)
      return match
    },
  }
}

/** Returns the path of a package's program in `node_modules/.bin`. */
export const bin = (name) => join(modules, '.bin', name)

/** Returns the path of a program that npm installs in a package for this platform: the first program at `path` in the packages of `scope` that runs. */
export async function platformProgram(scope, path) {
  const candidates = readdirSync(join(modules, scope)).map((name) => join(modules, scope, name, path)).filter(existsSync)
  for (const program of candidates) {
    const { status } = await run(program, ['--version'], { seconds: 30 })
    if (status === 0) return program
  }
  throw new Error(`no program of ${scope} runs on this machine: ${candidates.join(', ') || 'npm installed none'}`)
}

/** Returns a copy of a project, or of the folder `source`, in a new folder of `build`, from which Node finds the packages in `node_modules`. The copy is deleted when the test ends. */
export function project(t, name, source = join(here, 'projects', name), parent = join(here, 'build')) {
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, `${name}-`))
  cpSync(source, folder, { recursive: true })
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Returns a new folder outside of the repository, where no installed package is found. It is deleted when the test ends. */
export function outsideFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-field-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a sandbox, which is closed when the test ends. Returns it, with the environment variables of a program that uses it. */
export function sandboxed(t, options = { users: 12, groups: 2, seed: 3 }) {
  const sandbox = new Sandbox(options)
  t.after(() => sandbox.close())
  const env = {
    SCALEKIT_ENVIRONMENT_URL: sandbox.environmentUrl,
    SCALEKIT_CLIENT_ID: sandbox.clientId,
    SCALEKIT_CLIENT_SECRET: sandbox.clientSecret,
    SCALEKIT_WEBHOOK_SECRET: sandbox.webhookSecret,
  }
  return { sandbox, env, webhook: new Webhook(sandbox.webhookSecret) }
}

/** Returns the code blocks of docs/bundlers.md; the code of files, by the file name in its first line (`// next.config.mjs`); and the lines of shell commands. */
export function documented() {
  const text = readFileSync(join(here, '../../../docs/bundlers.md'), 'utf8')
  const blocks = [...text.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }))
  const files = new Map()
  for (const { code } of blocks) {
    const named = code.match(/^\/\/ (\S+\.[a-z]+)\n/)
    if (named) files.set(named[1], code)
  }
  const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.trim().split('\n'))
  return { blocks, files, commands }
}
