import type { EndpointOptions, Handler } from './endpoint.js'

/**
 * Returns a plugin for Fastify 4 and 5: `app.register(webhook(handler), { path: '/webhooks/scalekit' })`. Its body parser does not affect other routes.
 *
 * The answer has an empty body, and one of these statuses: 201 after `handler` has succeeded, 400 if the signature or the data of the event is not valid,
 * 413 if the body is larger than the verifier's `maxBody`, 405 for other methods than POST. `handler` may be async. If it returns a `Response`, that is the
 * answer instead. If it fails, the error is passed to the framework, which answers 500, so that the vendor sends the event again.
 *
 * Verifies the unchanged bytes of the body, which the plugin's own body parser keeps.
 * @throws errors.ConfigError if there is no `webhook` option and `SCALEKIT_WEBHOOK_SECRET` is missing or malformed.
 */
export function webhook(handler: Handler, options?: EndpointOptions): (fastify: any, options: { path: string }) => Promise<void>
