import type { EndpointOptions, Handler } from './endpoint.js'

/**
 * Returns a function from the Fetch API's `Request` to a `Response`, for Next.js (`export const POST = webhook(handler)`), Hono (`(c) => handle(c.req.raw)`)
 * and others.
 *
 * The answer has an empty body, and one of these statuses: 201 after `handler` has succeeded, 400 if the signature or the data of the event is not valid,
 * 413 if the body is larger than the verifier's `maxBody`, 405 for other methods than POST. `handler` may be async. If it returns a `Response`, that is the
 * answer instead. If it fails, the error is passed to the framework, which answers 500, so that the vendor sends the event again.
 *
 * Verifies the unchanged bytes of the body. The promise rejects if the body has been read before.
 *
 * Without the option `webhook`, the secret is read at the first request, because `next build` imports every route. If it is missing or malformed,
 * every request rejects with an `errors.ConfigError`. To read it when the module is loaded, pass `{ webhook: new Webhook() }`.
 */
export function webhook(handler: Handler, options?: EndpointOptions): (request: Request) => Promise<Response>
