// A sandbox of a test's own: the program that HEADCOUNT_SANDBOX names.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from 'headcount'

const program = process.env.HEADCOUNT_SANDBOX ?? fileURLToPath(new URL('../../target/debug/headcount-sandbox', import.meta.url))

/** Starts a sandbox with these sizes; `t.after` ends it. */
export async function startSandbox(t, sizes = {}) {
  const options = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)])
  const process = spawn(program, ['--exit-with-stdin', ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
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

/** Asks again until `check` gives something: for what a process elsewhere will do soon. */
export async function eventually(check) {
  for (;;) {
    const value = await check()
    if (value) return value
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
