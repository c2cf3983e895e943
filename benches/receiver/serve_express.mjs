// Express with an endpoint twice: with headcount's helper, and without, reading the body and answering 201.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const express = createRequire(`${root}examples/node/package.json`)('express')
const { webhook } = createRequire(import.meta.url)(`${root}bindings-node/frameworks/express.js`)

const app = express()
app.post('/without/route', (request, response, next) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    Buffer.concat(chunks)
    response.writeHead(201, { 'content-length': '0' }).end()
  })
  request.on('error', next)
})
app.post('/with/route', webhook(async () => {}))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
