// The webhook endpoint. It answers 201 once an event is stored; the worker handles the change.
import { errors } from 'headcount'

const MAX_BODY = 1 << 20

/** Returns a listener for node:http that passes webhooks to the mirror. */
export function endpoint(mirror, log = console.log) {
  return async (request, response) => {
    let status = 201
    try {
      const body = await read(request)
      if (body === undefined) {
        log('webhook: refused, the body is larger than 1 MiB')
        // The rest of the body is not read, so the connection cannot be used again.
        return void response.writeHead(413, { connection: 'close' }).end()
      }
      log(`webhook: ${await mirror.receive(body, request.headers)}`)
    } catch (error) {
      const refused = error instanceof errors.WebhookVerificationError
      // Scalekit sends the webhook again after 500. A refused request is answered with 400, without the reason.
      status = refused ? 400 : 500
      log(`webhook: ${refused ? `refused, ${error.reason}` : error.message}`)
    }
    response.writeHead(status).end()
  }
}

/** Reads the unchanged bytes of the body, which were signed. Returns undefined if there are more than `MAX_BODY`. */
async function read(request) {
  if (Number(request.headers['content-length']) > MAX_BODY) return undefined
  const chunks = []
  let length = 0
  // Leaving the loop must not destroy the request: it is still to be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length
    if (length > MAX_BODY) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
