import type { Event, ReplayGuard, Webhook } from '../index.js'

/** Handles a verified event. If it throws or rejects, the request is answered with 500, and the vendor sends the event again. */
export type Handler = (event: Event) => unknown

/** Options of an endpoint. */
export interface EndpointOptions {
  /** The verifier. `new Webhook()` by default, which reads `SCALEKIT_WEBHOOK_SECRET`. */
  webhook?: Webhook
  /**
   * Messages that were handled before are answered with 201 without calling the handler. A message counts as handled once the handler has
   * succeeded; if it fails, the next delivery is handled.
   */
  replayGuard?: Pick<ReplayGuard, 'check' | 'commit'>
}
