// The vendor's quickstart with Express: the program differs from one for the vendor's package only in its import line.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'headcount'
import { eventually, startSandbox } from './sandbox.mjs'

const folder = new URL('../../examples/node/vendor-quickstart/', import.meta.url)

test('the two programs differ only in their import line', () => {
  const [ours, theirs] = ['app.mjs', 'app.vendor.mjs'].map((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'))
  assert.equal(ours.length, theirs.length)
  const different = ours.map((line, at) => [line, theirs[at]]).filter(([line, other]) => line !== other)
  assert.deepEqual(different, [["import { ScalekitClient } from 'headcount';", "import { ScalekitClient } from '@scalekit-sdk/node';"]])
})

test('the quickstart runs against the sandbox', async (t) => {
  const sandbox = await startSandbox(t, { organizations: 12, users: 40, groups: 5 })
  const program = spawn(process.execPath, [fileURLToPath(new URL('app.mjs', folder))], {
    env: { ...process.env, ...sandbox.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => program.kill())
  const lines = []
  let url
  for await (const line of createInterface(program.stdout)) {
    lines.push(line)
    url = /listening on (.*)/.exec(line)?.[1]
    if (url) break
  }
  assert.ok(url, lines.join('\n'))
  assert.equal(lines[0], 'organizations: 10') // the server's smallest page size
  const { organizations: [newest] } = await sandbox.client().organization.listOrganization() // listed first
  const { id: primary } = await sandbox.client().directory.getPrimaryDirectoryByOrganizationId(newest.id)
  assert.equal(lines[1], `primary directory: ${primary}`)
  assert.match(lines[3], /^first user: .+@.+/)
  assert.equal(lines[4], 'groups: 5')

  // Names with every character that serializers escape differently.
  await sandbox.control('POST', '/endpoints', { url })
  await sandbox.control('POST', '/users', { email: 'zoe@example.com', given_name: 'Zoë <&> 🦉\u2028', family_name: "O'Neil/\"Ångström\"" })
  const delivery = await eventually(async () => {
    const { deliveries } = await sandbox.control('GET', '/deliveries')
    return deliveries.find(({ state }) => state !== 'pending' && state !== 'sending')
  })
  assert.equal(delivery.state, 'delivered')
  assert.equal(delivery.attempts.at(-1).status, 201)

  const headers = { ...new Webhook(sandbox.webhook_secret).sign(delivery.body), 'content-type': 'application/json' }
  const good = await fetch(url, { method: 'POST', headers, body: delivery.body })
  assert.deepEqual([good.status, await good.json()], [201, { message: 'User account created' }])
  const bad = await fetch(url, { method: 'POST', headers, body: delivery.body.replace('zoe@', 'eve@') })
  assert.deepEqual([bad.status, await bad.json()], [400, { error: 'Invalid signature' }])
  assert.equal(program.exitCode, null)
  program.kill()
  await once(program, 'exit')
})
