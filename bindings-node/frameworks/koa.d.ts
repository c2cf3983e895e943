import type { EndpointOptions, Handler } from './endpoint.js'

/**
 * A middleware for Koa, which answers whatever reaches it: mount it at a path with a router.
 *
 * `handler` may be async; its result is ignored. Answers: 201 when it is done; 400 to what was not signed as it should be, 413 to a body
 * over the verifier's `maxBody`, 405 to other methods, each without a word of explanation. What the handler throws is the framework's:
 * it answers 500, and the event comes again. The raw bytes are verified; behind a body parser, what it has parsed, where printing
 * that again gives what was signed.
 * @throws errors.ConfigError at once where there is no `webhook` option and `SCALEKIT_WEBHOOK_SECRET` is missing or malformed.
 */
export function webhook(handler: Handler, options?: EndpointOptions): (ctx: any) => Promise<void>
