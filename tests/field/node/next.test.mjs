// Next.js: builds the application of docs/bundlers.md without any secret, starts it with them, and sends it requests.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bin, project, run, sandboxed, start, succeed, withoutSecrets } from './field.mjs'

test('Next.js builds without secrets, and answers requests', { timeout: 200_000 }, async (t) => {
  const cwd = project(t, 'next')
  const built = await succeed(bin('next'), ['build'], { cwd, env: withoutSecrets, seconds: 150 })
  assert.match(built, /\/webhooks\/scalekit/)
  assert.doesNotMatch(built, /warn/i)

  const { sandbox, env, webhook } = sandboxed(t)
  const server = start(bin('next'), ['start', '--port', '0', '--hostname', '127.0.0.1'], { cwd, env })
  t.after(() => server.kill())
  const [, url] = await server.printed(/(http:\/\/127\.0\.0\.1:[1-9]\d*)/)
  await server.printed(/Ready/)
  const body = JSON.stringify({ id: 'evt_1', type: 'user.login', occurred_at: '2025-01-06T18:44:25Z', data: {} })
  const post = async (headers) => (await fetch(`${url}/webhooks/scalekit`, { method: 'POST', headers, body })).status
  assert.equal(await post({ ...webhook.sign(body) }), 201)
  await server.printed(/received user\.login/)
  assert.equal(await post({ ...webhook.sign(`${body} `) }), 400)
  const users = await fetch(`${url}/users`)
  assert.equal(users.status, 200)
  assert.equal((await users.json()).length, 12)
  assert.ok(Object.keys(sandbox.requests()).length > 0)
})

test('without serverExternalPackages, Turbopack refuses the addon, and no other file of the package', { timeout: 200_000 }, async (t) => {
  const cwd = project(t, 'next')
  writeFileSync(join(cwd, 'next.config.mjs'), 'export default {}\n')
  const { status, output } = await run(bin('next'), ['build'], { cwd, env: withoutSecrets, seconds: 150 })
  assert.equal(status, 1, output)
  assert.match(output, /Turbopack build failed with 1 error:\n.*headcount\/addons\.js\n.*\n.*headcount\.[\w-]+\.node \(node addon\)/)
  assert.doesNotMatch(output, /README|\.d\.m?ts|warn/i)
})
