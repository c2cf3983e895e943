// Endpoints in the frameworks, over HTTP. The programs are those of examples/node/webhooks.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ReplayGuard, Webhook, errors } from 'headcount'
import { webhook as http } from 'headcount/http'
import { assertFields } from './sandbox.mjs'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const verifier = new Webhook(SECRET)
// tests/field/node runs this file with the oldest versions of the frameworks: it sets the variable to another folder.
const examples = new URL(process.env.HEADCOUNT_WEBHOOK_EXAMPLES ?? '../../examples/node/webhooks/', import.meta.url)
const published = JSON.parse(readFileSync(new URL('../../tests/vectors/webhook_events.json', import.meta.url), 'utf8'))
const event = published['organization.directory.user_created']
const body = Buffer.from(JSON.stringify(event, null, 1))
/** The line that an example prints for `body`. */
const good = `${event.type} ${event.id}`

/** Starts an example as a process. Returns its port and the lines that it prints. */
async function start(t, name, environment = {}) {
  const file = fileURLToPath(new URL(`with_${name}.mjs`, examples))
  const env = { ...process.env, SCALEKIT_WEBHOOK_SECRET: SECRET, PORT: '0', NODE_OPTIONS: '', ...environment }
  const program = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  program.stderr.on('data', (data) => (output += data))
  t.after(() => program.kill())
  const lines = []
  const reader = createInterface(program.stdout)
  const [line] = await Promise.race([once(reader, 'line'), once(program, 'exit').then(() => [`the program ended: ${output}`])])
  assert.match(line, /^listening on /, line)
  reader.on('line', (line) => lines.push(line))
  const ended = once(program, 'close')
  return {
    port: new URL(line.slice('listening on '.length)).port,
    lines,
    output: () => output,
    end: () => (program.kill(), ended),
  }
}

/** Sends a request and returns its answer. With `chunked`, sends the body in chunks, without Content-Length. */
function ask(port, body, headers, { method = 'POST', chunked = false } = {}) {
  return new Promise((resolve, reject) => {
    const length = chunked || method === 'GET' ? {} : { 'content-length': body.length }
    const sent = request({ port, host: '127.0.0.1', method, path: '/webhooks/scalekit', headers: { 'content-type': 'application/json', ...length, ...headers } })
    let answered = false
    sent.on('response', (response) => {
      answered = true
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString(), headers: response.headers }))
      response.on('error', reject)
    })
    // The request may be refused before all of it was sent.
    sent.on('error', (error) => answered || reject(error))
    if (method === 'GET') return void sent.end()
    if (chunked) for (let at = 0; at < body.length; at += 50_000) sent.write(body.subarray(at, at + 50_000))
    sent.end(chunked ? undefined : body)
  })
}

const post = (port, body, headers = verifier.sign(body), options) => ask(port, body, headers, options)

for (const name of ['http', 'express', 'koa', 'fastify', 'hono']) {
  test(`an endpoint of ${name} verifies requests, limits bodies and handles a repeated message once`, async (t) => {
    const { port, lines, end } = await start(t, name)
    const strange = Buffer.from(JSON.stringify({ ...event, id: 'evt_ü', display_name: 'Žofie 😀' }))
    assert.equal((await post(port, body)).status, 201)
    assert.equal((await post(port, strange)).status, 201)
    assert.equal((await post(port, body, undefined, { chunked: true })).status, 201)

    // The answer has a status and no body, so that an attacker does not learn the reason.
    const refused = async (status, ...asked) => {
      const answer = await post(port, ...asked)
      assertFields(answer, { status, text: '' }, asked[0].toString().slice(0, 40))
    }
    await refused(400, Buffer.concat([body, Buffer.from(' ')]), verifier.sign(body))
    await refused(400, body, {})
    await refused(400, Buffer.from('{}'), {})
    await refused(400, body, { ...verifier.sign(body), 'webhook-timestamp': '1' })
    await refused(400, Buffer.from('[1]'))

    const long = Buffer.from(JSON.stringify({ ...event, note: 'x'.repeat(1 << 21) }))
    await refused(413, long)
    await refused(413, long, verifier.sign(long), { chunked: true })

    const get = await ask(port, body, {}, { method: 'GET' })
    assert.deepEqual([get.status, get.headers.allow, get.text], [405, 'POST', ''])

    // If the handler fails, status 500 makes the vendor send the event again.
    assert.equal((await post(port, Buffer.from(JSON.stringify({ ...event, data: { id: 'fail' } })))).status, 500)
    assert.equal((await post(port, body)).status, 201)

    // A repeated message is not handled again, unless its handler failed.
    const sent = verifier.sign(body)
    for (let i = 0; i < 3; i++) assert.equal((await post(port, body, sent)).status, 201)
    const failing = Buffer.from(JSON.stringify({ ...event, data: { id: 'fail' } }))
    const failed = verifier.sign(failing)
    for (let i = 0; i < 3; i++) assert.equal((await post(port, failing, failed)).status, 500)
    await end()
    assert.deepEqual(lines, [good, `${event.type} evt_ü`, good, good, good])
  })
}

for (const name of ['express', 'koa']) {
  test(`an endpoint of ${name} works after a body parser`, async (t) => {
    const { port, lines, output, end } = await start(t, name, { AFTER_A_PARSER: '1' })
    const compact = Buffer.from(JSON.stringify(event))
    assert.equal((await post(port, compact)).status, 201)
    assert.equal((await post(port, Buffer.concat([compact, Buffer.from(' ')]), verifier.sign(Buffer.from('{}')))).status, 400)
    if (name === 'express') {
      // The signed text cannot be restored from the parsed body: the process prints one warning, and the answer has no body.
      for (let i = 0; i < 2; i++) assert.deepEqual([(await post(port, body)).status, (await post(port, body)).text], [400, ''])
      await end()
      assert.equal(output().split('HeadcountWarning').length, 2, output())
      assert.match(output(), /mount the webhook before any body parser/)
    } else {
      // @koa/bodyparser keeps the raw body.
      assert.equal((await post(port, body)).status, 201)
      await end()
      assert.equal(output(), '')
    }
    assert.deepEqual([lines.at(0), new Set(lines).size], [good, 1])
  })
}

test('other routes of Fastify keep their body parsers', async (t) => {
  const { port } = await start(t, 'fastify')
  const answer = await fetch(`http://127.0.0.1:${port}/echo`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":[1]}' })
  assert.deepEqual(await answer.json(), { a: [1] })
})

test('a route handler of Next.js verifies requests', async () => {
  process.env.SCALEKIT_WEBHOOK_SECRET = SECRET
  const { POST } = await import(new URL('next-route.mjs', examples))
  const ask = (body, headers, method = 'POST') => POST(new Request('http://localhost/webhooks/scalekit', { method, headers, body }))
  assert.equal((await ask(body, verifier.sign(body))).status, 201)
  assert.equal((await ask(body, {})).status, 400)
  assert.equal((await ask(undefined, {}, 'GET')).status, 405)
  assert.equal((await ask(Buffer.alloc((1 << 20) + 1), verifier.sign(body))).status, 413)
  await assert.rejects(ask(Buffer.from(JSON.stringify({ ...event, data: { id: 'fail' } })), verifier.sign(Buffer.from(JSON.stringify({ ...event, data: { id: 'fail' } })))), /database/)
  const read = new Request('http://localhost/', { method: 'POST', body, headers: verifier.sign(body) })
  await read.text()
  await assert.rejects(POST(read), /mount the webhook before/)
  delete process.env.SCALEKIT_WEBHOOK_SECRET
})

test('a replay guard records messages whose handler succeeded, and no others', async (t) => {
  const handled = []
  let failing = true
  const guards = { memory: new ReplayGuard(), sqlite: ReplayGuard.sqlite(join(mkdtempSync(join(tmpdir(), 'headcount-')), 'seen.db')) }
  guards.custom = ReplayGuard.custom({ contains: async (id) => handled.includes(`kept ${id}`), record: async (id) => handled.push(`kept ${id}`) })
  for (const [name, replayGuard] of Object.entries(guards)) {
    failing = true
    const receive = async (event) => {
      await new Promise(setImmediate)
      if (failing) throw new Error('simulated failure of the database')
      handled.push(`${name} ${event.messageId}`)
    }
    const server = createServer(http(receive, { webhook: verifier, replayGuard, onError: () => {} })).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const headers = verifier.sign(body, { id: `msg_${name}` })
    const send = async () => (await post(server.address().port, body, headers)).status
    assert.deepEqual([await send(), await send()], [500, 500], name)
    failing = false
    assert.deepEqual([await send(), await send()], [201, 201], name)
    assert.equal((await post(server.address().port, body, { ...headers, 'webhook-id': 'msg_x' })).status, 400)
  }
  assert.deepEqual(handled, ['memory msg_memory', 'sqlite msg_sqlite', 'custom msg_custom', 'kept msg_custom'])
})

test('wrong options of an endpoint are refused when it is made', () => {
  assert.throws(() => http(() => {}), (error) => error instanceof errors.ConfigError && /SCALEKIT_WEBHOOK_SECRET/.test(error.message))
  assert.throws(() => http('receive', { webhook: verifier }), errors.InvalidArgumentError)
  assert.throws(() => http(() => {}, { webhook: verifier, replayGuard: new Set() }), errors.InvalidArgumentError)
  // A secret is not a verifier, and a replay guard under a misspelt name would not be used.
  assert.throws(() => http(() => {}, { webhook: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }), errors.InvalidArgumentError)
  assert.throws(() => http(() => {}, { webhook: verifier, replayguard: new ReplayGuard() }), /the option replayguard is unknown/)
})
