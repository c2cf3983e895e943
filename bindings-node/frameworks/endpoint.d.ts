import type { Event, Webhook } from '../index.js'

/** Is given each event that was verified. What it throws is answered with 500, and the event comes again. */
export type Handler = (event: Event) => unknown

export interface EndpointOptions {
  /** The verifier; one for `SCALEKIT_WEBHOOK_SECRET` unless set. */
  webhook?: Webhook
}
