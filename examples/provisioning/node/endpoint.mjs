// The webhook endpoint: what it answers 201 to is stored. The work is the worker's.
import { errors } from 'headcount'

const MOST = 1 << 20

export function endpoint(mirror, log = console.log) {
  return async (request, response) => {
    let status = 201
    try {
      log(`webhook: ${await mirror.receive(await read(request), request.headers)}`)
    } catch (error) {
      const refused = error instanceof errors.WebhookVerificationError
      // After a 500 it comes again; after a 400 the sender learns no more than that.
      status = refused ? 400 : 500
      log(`webhook: ${refused ? `refused, ${error.reason}` : error.message}`)
    }
    response.writeHead(status).end()
  }
}

/** The raw bytes, which are what is signed. Where they are too many, the connection ends. */
async function read(request) {
  const chunks = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > MOST) throw new Error('a body too large to be a webhook')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
