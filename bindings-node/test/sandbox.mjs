// Helpers of the tests: sandboxes, mirrors, servers and assertions.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client, Mirror, Sandbox } from 'headcount'

/** Path of the sandbox as a program. */
const program = process.env.HEADCOUNT_SANDBOX ?? fileURLToPath(new URL('../../target/debug/headcount-sandbox', import.meta.url))

/** Starts the sandbox as a process with these options of its command line; it ends with the test. */
export async function startSandbox(t, options = {}) {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const process = spawn(program, ['--exit-with-stdin', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(process.stdout), 'line')
  const settings = JSON.parse(line)
  t.after(async () => {
    process.stdin.end()
    if (process.exitCode === null) await once(process, 'exit')
  })
  return {
    ...settings,
    client: (options) => new Client(settings.environment_url, settings.client_id, settings.client_secret, options),
    env: {
      SCALEKIT_ENVIRONMENT_URL: settings.environment_url,
      SCALEKIT_CLIENT_ID: settings.client_id,
      SCALEKIT_CLIENT_SECRET: settings.client_secret,
      SCALEKIT_WEBHOOK_SECRET: settings.webhook_secret,
    },
    async control(method, path, body) {
      const answer = await fetch(settings.control_url + path, {
        method,
        headers: { 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
      const text = await answer.text()
      return text && JSON.parse(text)
    },
  }
}

/** Repeats `check` until it returns a truthy value, and returns that: for effects of another thread or process. */
export async function eventually(check) {
  for (;;) {
    const value = await check()
    if (value) return value
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Compares the fields of `actual` that `expected` names. */
export function assertFields(actual, expected, message) {
  const fields = Object.fromEntries(Object.keys(expected).map((name) => [name, actual[name]]))
  assert.deepEqual(fields, expected, message)
}

/** Returns all items of an async iterator. */
export async function collect(listing) {
  const items = []
  for await (const item of listing) items.push(item)
  return items
}

/** Starts a sandbox in this process, with a client and a mirror in memory, which all end with the test. */
export function startMirror(t, options, settings) {
  const sandbox = new Sandbox({ users: 5, groups: 2, ...options })
  const client = sandbox.client()
  const mirror = new Mirror(':memory:', { client, webhookSecret: sandbox.webhookSecret, ...settings })
  t.after(async () => {
    await mirror.close()
    client.close()
    sandbox.close()
  })
  return { sandbox, client, mirror, organization: sandbox.organizationId, directory: sandbox.directoryId }
}

/** Starts an HTTP server with this listener, and returns its URL; the server ends with the test. */
export async function serve(t, listener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}/`
}

/** Makes a folder for temporary files, which is deleted after the test. */
export function temporaryFolder(t) {
  const path = mkdtempSync(join(tmpdir(), 'headcount-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** Starts a PostgreSQL server, which ends with the test, or uses that of HEADCOUNT_TEST_POSTGRES. Returns the URL of a database. */
export async function startPostgres(t) {
  const server = spawn('python3', [fileURLToPath(new URL('../../tests/postgres.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(server.stdout)
  t.after(async () => {
    server.stdin.end()
    if (server.exitCode === null) await once(server, 'exit')
  })
  const [url] = await Promise.race([once(lines, 'line'), once(server, 'exit').then(([code]) => assert.fail(`PostgreSQL did not start: ${code}`))])
  return url
}

/** Number of schemas that `newSchema` has named. */
let schemas = 0

/** Returns the name of a schema that no other test has. The schema is not dropped: it stays on the server of HEADCOUNT_TEST_POSTGRES. */
export function newSchema() {
  return `test_${process.pid}_${Date.now()}_${schemas++}`
}
