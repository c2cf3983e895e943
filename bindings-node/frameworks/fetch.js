'use strict'
const { READ_BEFORE, Receiver, headersOf } = require('./endpoint.js')

/** Reads the body of a request. Returns undefined as soon as it is longer than `limit`. */
async function read(request, limit) {
  if (request.bodyUsed) throw new Error(READ_BEFORE)
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    length += value.length
    if (length > limit) {
      await reader.cancel()
      return undefined
    }
    chunks.push(value)
  }
}

function webhook(handler, options) {
  const receiver = new Receiver(handler, options)
  return async (request) => {
    const status = await receiver.answer(request.method, request.headers, request.headers.get('content-length'), (limit) => read(request, limit))
    return new Response(null, { status, headers: headersOf(status) })
  }
}

module.exports = { webhook }
