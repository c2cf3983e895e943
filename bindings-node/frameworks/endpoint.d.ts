import type { Event, ReplayGuard, Webhook } from '../index.js'

/**
 * Handles a verified event. If it throws or rejects, the request is answered with 500, and the vendor sends the event again. If it returns a `Response`
 * of the Fetch API, that is the answer; any other result is ignored.
 *
 * Use the event, and not the parsed body of the request: only the event was verified.
 */
export type Handler = (event: Event) => unknown

/** Options of an endpoint. */
export interface EndpointOptions {
  /**
   * The verifier. `new Webhook()` by default, which reads `SCALEKIT_WEBHOOK_SECRET`. It is made together with the endpoint, except in
   * `headcount/fetch`, which makes it at the first request.
   */
  webhook?: Webhook | undefined
  /**
   * Messages that were handled before are answered with 201 without calling the handler. A message counts as handled once the handler has
   * succeeded and the answer has a status from 200 to 299; otherwise the next delivery is handled.
   */
  replayGuard?: Pick<ReplayGuard, 'check' | 'commit'> | undefined
}
