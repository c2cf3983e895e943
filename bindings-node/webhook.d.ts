import type { EventDataByType } from './events'
import type { WebhookOptions } from './options'

/** A request's body: the bytes or the text as they arrived, or the value that a JSON parser made, if its compact JSON is what was signed. */
export type Body = Uint8Array | ArrayBuffer | ArrayBufferView | string | object

/** A request's headers: an object (`req.headers`), `Headers`, a Map, `[name, value]` pairs, or Node's `rawHeaders`. */
export type Headers =
  | { readonly [name: string]: string | readonly string[] | undefined }
  | Readonly<SignedHeaders>
  | Iterable<readonly [string, string | readonly string[]]>
  | readonly string[]

/** Options of `verify`. */
export interface VerifyOptions {
  /** The time to compare the timestamp with, for a request that was received earlier: a Date, or Unix seconds. The current time by default. */
  now?: Date | number | undefined
}

/** Options of `sign`. */
export interface SignOptions {
  /** The message's id. A new `msg_…` by default. */
  id?: string | undefined
  /** The time of sending: a Date, or Unix seconds. The current time by default. */
  timestamp?: Date | number | undefined
}

/** The three headers of a signed request. */
export interface SignedHeaders {
  /** The message's id. */
  'webhook-id': string
  /** The time of sending in Unix seconds. */
  'webhook-timestamp': string
  /** The signature: `v1,` and base64. */
  'webhook-signature': string
}

/** The envelope of an event, with its data. */
export interface EventOf<Type extends string, Data> {
  /** Id of the event (`evt_…`): the same for every delivery. */
  id: string
  /** The header `webhook-id` of the request: the same for every attempt to deliver the message. */
  messageId: string
  /** Type of the event, such as `organization.directory.user_created`. Older names of the vendor are replaced by the current ones. */
  type: Type
  /** Time of the event: an RFC 3339 string, with nanoseconds if the vendor sent them. */
  occurredAt: string
  /** Id of the environment (`env_…`). */
  environmentId: string
  /** Id of the organization (`org_…`); empty if the event does not concern an organization. */
  organizationId: string
  /** The kind of object in `data`, such as `DirectoryUser`. */
  object: string
  /** Name of the type for display, such as `Directory User Created`. */
  displayName: string
  /** Version of the envelope's format. */
  specVersion: string
  /**
   * The object that the event is about, with the names of the vendor's JSON.
   *
   * It is parsed when it is first read. `{ ...event }`, `JSON.stringify`, `structuredClone`, comparisons and `console.log` include it like any
   * other property.
   */
  data: Data
}

/**
 * A verified event: `switch (event.type)` narrows `event.data`.
 *
 * Events of types that are newer than this version of the package have the same fields. In the `default` of a switch over all types, assign the event
 * to a variable of the type `UnknownEvent`.
 */
export type Event = { [Type in keyof EventDataByType]: EventOf<Type, EventDataByType[Type]> }[keyof EventDataByType]

/** An event of a type that is newer than this version of the package. */
export type UnknownEvent = EventOf<string, unknown>

/** Verifies the vendor's webhooks, and signs requests for tests. */
export class Webhook {
  /**
   * Makes a verifier.
   * @param secretOrSecrets One secret, or several while one is being rotated. Without it, `SCALEKIT_WEBHOOK_SECRET` is read.
   * @param options Settings that differ from the defaults.
   * @throws errors.ConfigError if a secret is missing, shorter than 16 bytes or not base64.
   */
  constructor(secretOrSecrets?: string | readonly string[] | null, options?: WebhookOptions)
  /**
   * Verifies a request, and returns its event. Use the event, and not `req.body` beside it: the event is what was signed, and a value that another
   * parser made of the body may differ from it (`1e999`, `-0`, repeated keys, `__proto__`).
   * @param body The unchanged body: in Express, use `express.raw({ type: 'application/json' })`.
   * @param headers The request's headers.
   * @throws errors.WebhookVerificationError with the `reason`. Answer 400 without an explanation.
   */
  verify(body: Body, headers: Headers, options?: VerifyOptions): Event
  /**
   * Verifies only the signature and the timestamp of a request; the body may be anything. If you parse it afterwards, parse the bytes that were
   * verified, for the reason that `verify` gives.
   * @throws errors.WebhookVerificationError with the `reason`.
   */
  verifySignature(body: Body, headers: Headers, options?: VerifyOptions): true
  /** Size limit of a body in bytes, so that a server can stop reading a longer one. */
  readonly maxBody: number
  /** Returns the headers of a signed request with this body, for tests of code that verifies requests. */
  sign(body: Body, options?: SignOptions): SignedHeaders
}

/**
 * Verifies the signature and the timestamp of a webhook.
 * @param secret One secret, or several separated by spaces.
 * @throws errors.WebhookVerificationError with the `reason`.
 */
export function verifyWebhookPayload(secret: string | undefined, headers: Headers, payload: Body): true
/** Verifies the signature and the timestamp of an interceptor's request. Arguments and errors are those of `verifyWebhookPayload`. */
export function verifyInterceptorPayload(secret: string | undefined, headers: Headers, payload: Body): true
