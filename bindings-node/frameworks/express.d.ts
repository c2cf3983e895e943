import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EndpointOptions, Handler } from './endpoint.js'

/**
 * Returns a handler for Express 4 (4.16 and later) and 5: `app.all('/webhooks/scalekit', webhook(handler))`.
 *
 * The answer has an empty body, and one of these statuses: 201 after `handler` has succeeded, 400 if the signature or the data of the event is not valid,
 * 413 if the body is larger than the verifier's `maxBody`, 405 for other methods than POST. `handler` may be async. If it returns a `Response`, that is the
 * answer instead. If it fails, the error is passed to the framework, which answers 500, so that the vendor sends the event again.
 *
 * Verifies the unchanged bytes of the body. If a body parser ran before and did not keep the bytes, the parsed value is verified in their place: this
 * succeeds only if its compact JSON is the text that was signed.
 * @throws errors.ConfigError if there is no `webhook` option and `SCALEKIT_WEBHOOK_SECRET` is missing or malformed.
 */
export function webhook(
  handler: Handler,
  options?: EndpointOptions,
): (request: IncomingMessage & { body?: unknown }, response: ServerResponse, next: (error?: unknown) => void) => void
