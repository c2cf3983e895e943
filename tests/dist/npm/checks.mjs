// What a user of the installed package does first; ends with the version of the runtime. Needs no network but this machine.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mkdtempSync, rmSync } from 'node:fs'
import * as headcount from 'headcount'
import { startSandbox } from 'headcount/testing'

const { Client, Mirror, Webhook, errors } = headcount
const required = createRequire(import.meta.url)('headcount')
assert.equal(required.Client, Client)
assert.equal(headcount.default, Client)

// A webhook is verified, and a changed one refused.
const body = Buffer.from('{"id":"evt_1","type":"organization.directory_enabled","occurred_at":"2025-01-01T00:00:00Z","data":{}}')
const webhook = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
const headers = webhook.sign(body)
assert.equal(webhook.verify(body, headers).type, 'organization.directory_enabled')
assert.throws(() => webhook.verify(Buffer.concat([body, Buffer.from(' ')]), headers), errors.WebhookVerificationError)

const folder = mkdtempSync(join(tmpdir(), 'headcount-'))
const sandbox = startSandbox({ users: 20, groups: 2, seed: 1 })
try {
  const client = Client.fromEnv()
  const { organizations } = await client.organization.listOrganization({ pageSize: 1 })
  const { directory } = await client.directory.getPrimaryDirectoryByOrganizationId(organizations[0].id)
  const emails = []
  for await (const user of client.directory.users(organizations[0].id, directory.id)) emails.push(user.email)
  assert.equal(emails.length, 20)

  const mirror = new Mirror(join(folder, 'mirror.db'), { client })
  const [report] = await mirror.syncAll()
  assert.equal(report.outcome, 'done')
  const mirrored = []
  for await (const user of mirror.users(organizations[0].id)) mirrored.push(user.email)
  assert.deepEqual(mirrored.sort(), emails.sort())
  await mirror.close()
  client.close()
} finally {
  sandbox.close()
  rmSync(folder, { recursive: true })
}
console.log(`headcount ${headcount.version} works with ${process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`}`)
