import type { Event, ReplayGuard, Webhook } from '../index.js'

/** Is given each event that was verified. What it throws is answered with 500, and the event comes again. */
export type Handler = (event: Event) => unknown

export interface EndpointOptions {
  /** The verifier; one for `SCALEKIT_WEBHOOK_SECRET` unless set. */
  webhook?: Webhook
  /**
   * Answers 201 to a message that was handled before, without calling the handler. A message counts as handled when the handler is done:
   * one whose handler failed is handled when it comes again.
   */
  replayGuard?: Pick<ReplayGuard, 'check' | 'commit'>
}
