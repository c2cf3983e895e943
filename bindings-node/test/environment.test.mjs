// Environment variables are read from `process.env` when they are needed. A worker thread can have another environment than the process.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Client, Mirror, Sandbox, Webhook, errors } from 'headcount'
import { webhook as fetchEndpoint } from 'headcount/fetch'

const limit = { timeout: 60_000 }
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const NAMES = ['SCALEKIT_ENVIRONMENT_URL', 'SCALEKIT_CLIENT_ID', 'SCALEKIT_CLIENT_SECRET', 'SCALEKIT_WEBHOOK_SECRET']

/** Removes the package's environment variables for the time of the test. */
function withoutVariables(t) {
  const before = NAMES.map((name) => process.env[name])
  for (const name of NAMES) delete process.env[name]
  t.after(() => NAMES.forEach((name, at) => (before[at] === undefined ? delete process.env[name] : (process.env[name] = before[at]))))
}

test('a worker thread uses the environment that it was given', limit, async (t) => {
  const sandbox = new Sandbox({ users: 3 })
  t.after(() => sandbox.close())
  const env = {
    SCALEKIT_ENVIRONMENT_URL: ` '${sandbox.environmentUrl}' `, // docker's --env-file keeps quotes
    SCALEKIT_CLIENT_ID: sandbox.clientId,
    SCALEKIT_CLIENT_SECRET: sandbox.clientSecret,
    SCALEKIT_WEBHOOK_SECRET: `"${SECRET} ${sandbox.webhookSecret}"`,
  }
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { Client, Mirror, Webhook } = require(workerData)
    async function main() {
      const client = Client.fromEnv()
      const { organizations } = await client.organization.listOrganization()
      const body = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
      const mirror = new Mirror(':memory:')
      const headers = new Webhook('${SECRET}').sign(body)
      const outcome = await mirror.receive(body, headers)
      await mirror.close()
      client.close()
      parentPort.postMessage({ organizations: organizations.length, type: new Webhook().verify(body, headers).type, outcome })
    }
    main()`
  const worker = new Worker(program, { eval: true, env, workerData: new URL('../index.js', import.meta.url).pathname })
  t.after(() => worker.terminate())
  const [message] = await once(worker, 'message')
  assert.deepEqual(message, { organizations: 1, type: 'user.login', outcome: 'ignored' })
})

test('variables are read at each call, and the error names a missing one', limit, async (t) => {
  withoutVariables(t)
  const isMissing = (name) => (error) => error instanceof errors.ConfigError && error.message.includes(`${name} is not set`)
  assert.throws(() => Client.fromEnv(), isMissing('SCALEKIT_ENVIRONMENT_URL'))
  assert.throws(() => new Webhook(), isMissing('SCALEKIT_WEBHOOK_SECRET'))
  const body = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
  const headers = new Webhook(SECRET).sign(body)
  const mirror = new Mirror(':memory:')
  t.after(() => mirror.close())
  await assert.rejects(mirror.receive(body, headers), isMissing('SCALEKIT_WEBHOOK_SECRET'))
  process.env.SCALEKIT_WEBHOOK_SECRET = SECRET
  assert.equal(await mirror.receive(body, headers), 'ignored')
  assert.equal(new Webhook().verify(body, headers).id, 'evt_1')
})

test('headcount/fetch reads the secret at the first request', limit, async (t) => {
  withoutVariables(t)
  const types = []
  const POST = fetchEndpoint((event) => types.push(event.type))
  const body = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
  const ask = () => POST(new Request('http://localhost/', { method: 'POST', body, headers: new Webhook(SECRET).sign(body) }))
  await assert.rejects(ask(), errors.ConfigError)
  process.env.SCALEKIT_WEBHOOK_SECRET = SECRET
  assert.equal((await ask()).status, 201)
  assert.deepEqual(types, ['user.login'])
  // An application that makes the verifier itself reads the secret before the first request.
  delete process.env.SCALEKIT_WEBHOOK_SECRET
  assert.throws(() => fetchEndpoint(() => {}, { webhook: new Webhook() }), errors.ConfigError)
})

test('receive compares the timestamp with the time that is passed as `now`, or else with the current time', limit, async (t) => {
  const mirror = new Mirror(':memory:', { webhookSecret: SECRET })
  t.after(() => mirror.close())
  const arrived = new Date('2025-01-06T18:44:30Z')
  const body = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
  const headers = new Webhook(SECRET).sign(body, { timestamp: arrived })
  await assert.rejects(mirror.receive(body, headers), (error) => error.reason === 'too_old')
  assert.equal(await mirror.receive(body, headers, { now: arrived }), 'ignored')
  assert.equal(await mirror.receive(body, headers, { now: arrived.getTime() / 1000 }), 'ignored')
  await assert.rejects(mirror.receive(body, headers, { now: '2025' }), /now is a string: expected a number/)
  await assert.rejects(mirror.receive(body, headers, { time: arrived }), /the option time is unknown: expected now/)
})
