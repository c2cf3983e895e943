// Endpoints of every framework, in this process and over HTTP: with which answers a replay guard records the message, wrong lengths of bodies, and
// bodies that arrive slowly.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Mirror, ReplayGuard, Webhook } from 'headcount'
import { webhook as express } from 'headcount/express'
import { webhook as fastify } from 'headcount/fastify'
import { webhook as fetchEndpoint } from 'headcount/fetch'
import { webhook as http } from 'headcount/http'
import { webhook as koa } from 'headcount/koa'

const limit = { timeout: 60_000 }
const verifier = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
const BODY = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
const installed = createRequire(new URL('../../examples/node/package.json', import.meta.url))

/** Makes a server listen on a free port until the test ends. Returns the port. */
async function listen(t, server) {
  server.listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return server.address().port
}

/** For each framework, a function that starts a server with a handler and returns its port. Errors of handlers are not printed. */
const SERVERS = {
  http: (t, handler, options) => listen(t, createServer(http(handler, { ...options, onError: () => {} }))),
  express: (t, handler, options) => {
    const app = installed('express')()
    app.set('env', 'test') // does not print errors
    app.all('/', express(handler, options))
    return listen(t, createServer(app))
  },
  koa: (t, handler, options) => {
    const { default: Koa } = installed('koa')
    const app = new Koa()
    app.silent = true
    app.use(koa(handler, options))
    return listen(t, createServer(app.callback()))
  },
  fastify: async (t, handler, options) => {
    const app = installed('fastify')()
    app.register(fastify(handler, options), { path: '/' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(() => app.close())
    return app.server.address().port
  },
  fetch: (t, handler, options) => {
    const endpoint = fetchEndpoint(handler, options)
    return listen(
      t,
      createServer(async (incoming, outgoing) => {
        const { method, headers } = incoming
        const body = method === 'POST' ? ReadableStream.from(incoming) : undefined
        const answer = await endpoint(new Request('http://localhost/', { method, headers, body, duplex: 'half' })).catch(() => new Response(null, { status: 500 }))
        outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()))
      }),
    )
  },
}

const post = (port, headers, body = BODY) => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })

for (const [name, start] of Object.entries(SERVERS)) {
  test(`${name}: a message whose handler answers with an error is handled again, and the answer is the handler's`, limit, async (t) => {
    const answers = [new Response('busy', { status: 503, headers: { 'retry-after': '7' } }), Response.error(), new Response(null, { status: 302, headers: { location: '/' } }), new Response('done', { status: 202 })]
    let calls = 0
    const port = await start(t, () => answers[calls++], { webhook: verifier, replayGuard: new ReplayGuard() })
    const headers = verifier.sign(BODY, { id: 'msg_1' })
    const ask = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: BODY, redirect: 'manual' })
      return { status: answer.status, text: await answer.text(), retry: answer.headers.get('retry-after') }
    }
    assert.deepEqual(await ask(), { status: 503, text: 'busy', retry: '7' })
    assert.equal((await ask()).status, 500)
    assert.equal((await ask()).status, 302)
    assert.deepEqual(await ask(), { status: 202, text: 'done', retry: null })
    assert.deepEqual(await ask(), { status: 201, text: '', retry: null })
    assert.equal(calls, 4)
  })

  test(`${name}: results that are not a Response are ignored`, limit, async (t) => {
    const results = [503, 'no', { status: 503 }, null, false]
    const port = await start(t, () => results.shift(), { webhook: verifier, replayGuard: new ReplayGuard() })
    for (let count = results.length; count > 0; count--) assert.equal((await post(port, verifier.sign(BODY))).status, 201)
    assert.deepEqual(results, [])
  })

  test(`${name}: data that does not fit the event's type is answered with 400`, limit, async (t) => {
    const mirror = new Mirror(':memory:')
    t.after(() => mirror.close())
    const guard = new ReplayGuard()
    const port = await start(t, (event) => mirror.apply(event), { webhook: verifier, replayGuard: guard })
    const body = '{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25Z","organization_id":"org_1","data":{"id":["diruser_1"]}}'
    const headers = verifier.sign(body)
    assert.equal((await post(port, headers, body)).status, 400)
    assert.equal(await guard.check(headers['webhook-id']), true)
  })

  test(`${name}: a body of a wrong length is refused, and one that arrives in chunks or byte by byte is accepted`, limit, async (t) => {
    let handled = 0
    const port = await start(t, () => void handled++, { webhook: verifier })
    const signed = Object.entries(verifier.sign(BODY)).map(([name, value]) => `${name}: ${value}\r\n`).join('')
    /** Sends the parts of a request, and returns the status of the answer, which has to arrive before the connection is closed. */
    const ask = (headers, ...parts) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1')
        let answer = ''
        socket.on('error', reject)
        socket.on('data', (data) => {
          answer += data
          if (!answer.includes('\r\n\r\n')) return
          resolve(Number(answer.split(' ')[1]))
          socket.destroy()
        })
        socket.on('close', () => reject(new Error(`no answer: ${answer}`)))
        socket.setNoDelay(true)
        socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n${signed}${headers}\r\n`)
        const send = async () => {
          for (const part of parts) {
            if (socket.destroyed) return
            socket.write(part)
            await new Promise(setImmediate)
          }
        }
        void send()
      })
    const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`
    const length = (value) => `content-length: ${value}\r\n`
    const big = chunk('x'.repeat(1 << 19))
    assert.equal(await ask(''), 400, 'no body')
    assert.equal(await ask(length(-1), BODY), 400, 'negative')
    assert.equal(await ask(length('0x10'), BODY), 400, 'not decimal')
    assert.equal(await ask(length(1e12), BODY), 413, 'huge, of which a part arrives')
    assert.equal(await ask(length(BODY.length) + length(3), BODY), 400, 'two different ones')
    assert.equal(await ask(length(BODY.length) + 'transfer-encoding: chunked\r\n', chunk(BODY), '0\r\n\r\n'), 400, 'both a length and chunks')
    assert.equal(await ask('transfer-encoding: chunked\r\n', big, big, big, '0\r\n\r\n'), 413, 'too many chunks')
    assert.equal(handled, 0)
    assert.equal(await ask('transfer-encoding: chunked\r\n', ...[...BODY].map(chunk), '0\r\n\r\n'), 201, 'chunks of one byte')
    assert.equal(await ask(length(BODY.length), ...BODY), 201, 'byte by byte')
    assert.equal(handled, 2)
  })
}

for (const name of ['http', 'express']) {
  test(`${name}: a message is not recorded if the application sent an answer with an error before the handler returned`, limit, async (t) => {
    const guard = new ReplayGuard()
    let outgoing
    const handler = () => {
      outgoing.writeHead(503).end('too slow')
      return new Promise(setImmediate)
    }
    const make = name === 'http' ? http : express
    const endpoint = make(handler, { webhook: verifier, replayGuard: guard })
    const port = await listen(t, createServer((request, response) => ((outgoing = response), endpoint(request, response, assert.fail))))
    const headers = verifier.sign(BODY)
    assert.equal((await post(port, headers)).status, 503)
    assert.equal(await guard.check(headers['webhook-id']), true)
  })
}

test('fetch: the body is limited by its real length, whatever length is declared', limit, async () => {
  const POST = fetchEndpoint(() => {}, { webhook: verifier })
  const ask = async (body, headers) => (await POST(new Request('http://localhost/', { method: 'POST', duplex: 'half', body, headers: { ...verifier.sign(BODY), ...headers } }))).status
  const dripping = (text) => ReadableStream.from([...Buffer.from(text)].map((byte) => Uint8Array.of(byte)))
  assert.equal(await ask(BODY, { 'content-length': '-1' }), 201)
  assert.equal(await ask(BODY, { 'content-length': 'many' }), 201)
  assert.equal(await ask(BODY, { 'content-length': '1e9' }), 413)
  assert.equal(await ask(dripping(BODY), {}), 201)
  assert.equal(await ask(dripping(`${BODY}${' '.repeat(70_000)}`), {}), 400)
  assert.equal(await ask(ReadableStream.from(Array.from({ length: 5 }, () => new Uint8Array(1 << 18))), { 'content-length': '1' }), 413)
})
