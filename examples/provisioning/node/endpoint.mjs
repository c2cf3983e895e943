// The webhook endpoint. It answers 201 once an event is stored; the worker handles the change.
import { errors } from 'headcount'

const MAX_BODY = 1 << 20

/** Returns a listener for node:http that passes webhooks to the mirror. */
export function endpoint(mirror, log = console.log) {
  return async (request, response) => {
    let status = 201
    try {
      log(`webhook: ${await mirror.receive(await read(request), request.headers)}`)
    } catch (error) {
      const refused = error instanceof errors.WebhookVerificationError
      // Scalekit sends the webhook again after 500. A refused request is answered with 400, without the reason.
      status = refused ? 400 : 500
      log(`webhook: ${refused ? `refused, ${error.reason}` : error.message}`)
    }
    response.writeHead(status).end()
  }
}

/** Reads the unchanged bytes of the body, which were signed. Throws if there are more than `MAX_BODY`. */
async function read(request) {
  const chunks = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > MAX_BODY) throw new Error('the body is larger than 1 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
