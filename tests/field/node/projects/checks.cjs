// What has to work in every test runner and runtime: the values that JavaScript sets in `process.env` are used, timers may be fake, and arguments may be
// objects of the test's realm. Run by the tests of Jest, Vitest, Bun and Deno.
const assert = require('node:assert/strict')
const { default: byDefault, Client, Mirror, ReplayGuard, Scalekit, Webhook, errors } = require('headcount')
const { event, startSandbox } = require('headcount/testing')
const { webhook: endpoint } = require('headcount/fetch')

async function checks() {
  assert.equal(Scalekit, Client)
  assert.equal(byDefault, Client)
  const shell = process.env.SCALEKIT_ENVIRONMENT_URL
  // The value with which field.mjs starts this program.
  assert.match(shell, /the-shell$/)
  // Sets the variables in `process.env`. In test runners, workers and Bun, this does not change the environment of the process.
  const sandbox = startSandbox({ users: 7, groups: 1, seed: 1 })
  try {
    const client = Client.fromEnv()
    const users = []
    for await (const user of client.directory.users(sandbox.organizationId, sandbox.directoryId, { updatedAfter: new Date(0) })) users.push(user.email)
    assert.equal(users.length, 7)

    const body = event('organization.directory.user_updated', { organizationId: sandbox.organizationId })
    const headers = new Map(Object.entries(new Webhook().sign(body, { timestamp: new Date() })))
    assert.equal(new Webhook(sandbox.webhookSecret).verify(new Uint8Array(body).buffer, headers, { now: new Date() }).type, 'organization.directory.user_updated')

    const mirror = new Mirror(':memory:', { client })
    await mirror.setRoleMap(new Map([['*', 'member']]))
    await assert.rejects(mirror.setRoleMap(Promise.resolve([['*', 'admin']])), errors.InvalidArgumentError)
    assert.deepEqual(await mirror.roleMap(), [['*', 'member']])
    const phases = []
    const [report] = await mirror.sync(sandbox.organizationId, { mode: 'full', onProgress: async ({ phase }) => void phases.push(phase) })
    assert.equal(report.created, 7)
    assert.ok(phases.length > 0)
    await assert.rejects(mirror.sync(sandbox.organizationId, { mode: 'full', onProgress: async () => Promise.reject(new RangeError('no')) }), RangeError)
    assert.equal(typeof (await mirror.receive(body, headers)), 'string')
    await mirror.close()

    const handled = []
    const POST = endpoint((event) => void handled.push(event.id), { replayGuard: new ReplayGuard() })
    if (typeof Request === 'function') {
      const request = new Request('http://localhost/', { method: 'POST', body, headers: Object.fromEntries(headers) })
      assert.equal((await POST(request)).status, 201)
      assert.equal(handled.length, 1)
    }
    await assert.rejects(client.organization.getOrganization('org_none'), (error) => error instanceof errors.NotFoundError && error.kind === 'not_found')
    client.close()
  } finally {
    sandbox.close()
  }
  assert.equal(process.env.SCALEKIT_ENVIRONMENT_URL, shell)
}

module.exports = { checks }
