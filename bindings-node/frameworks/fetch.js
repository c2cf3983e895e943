'use strict'
const { Chunks, READ_BEFORE, Receiver, headersOf } = require('./endpoint.js')

/** Reads the body of a request. Returns undefined if it is longer than `limit`, without reading the rest. */
async function read(request, limit) {
  if (request.bodyUsed) throw new Error(READ_BEFORE)
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks = new Chunks(limit)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return chunks.take()
    if (!chunks.add(value)) {
      await reader.cancel()
      return undefined
    }
  }
}

function webhook(handler, options) {
  // The secret is read at the first request: `next build` imports every route, on machines that have no secrets.
  const receiver = new Receiver(handler, options)
  return async (request) => {
    const answer = await receiver.answer(request.method, request.headers, request.headers.get('content-length'), (limit) => read(request, limit))
    if (typeof answer === 'number') return new Response(null, { status: answer, headers: headersOf(answer) })
    // `Response.error()` has the status 0, which cannot be sent.
    return answer.status === 0 ? new Response(null, { status: 500 }) : answer
  }
}

module.exports = { webhook }
