// Express with three routes: one reads the body and answers 201, one checks the signature and parses the body by hand, one uses headcount's
// endpoint.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const express = createRequire(`${root}examples/node/package.json`)('express')
const { webhook } = createRequire(import.meta.url)(`${root}bindings-node/frameworks/express.js`)

const key = Buffer.from(process.env.SCALEKIT_WEBHOOK_SECRET.slice('whsec_'.length), 'base64')

/** Verifies by hand, with the minimum of checks: one signature version, one signature, no size limits. */
function verify(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < 300)) throw new Error('too old')
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
  if (!timingSafeEqual(expected, Buffer.from(signature.slice('v1,'.length), 'base64'))) throw new Error('no match')
  return JSON.parse(body)
}

const app = express()
/** Returns a handler that reads the body, calls `handle` with it, and answers 201. */
const reading = (handle) => (request, response, next) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    handle(request, Buffer.concat(chunks))
    response.writeHead(201, { 'content-length': '0' }).end()
  })
  request.on('error', next)
}
app.post('/without/route', reading(() => {}))
app.post('/by-hand/route', reading((request, body) => verify(request.headers, body)))
app.post('/with/route', webhook(async () => {}))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
