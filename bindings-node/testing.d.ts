import type { EventDataByType, Sandbox, SandboxOptions, SignOptions, SignedHeaders, Webhook } from './index.js'

/** What a test wants of an event; what is not given has a sensible value. */
export interface EventOverrides<Data = Record<string, unknown>> {
  /** `evt_…`; a fresh one unless given. */
  id?: string
  /** When it happened: a Date, or RFC 3339 text. The present unless given. */
  occurredAt?: Date | string
  /** The organization it happened to; the data names the same one. */
  organizationId?: string
  /** The environment it happened in. */
  environmentId?: string
  /** Put over the data of the vendor's example, key by key. For a type that is not known, all the data. */
  data?: Partial<Data>
}

/** What an event of a type carries. */
export type DataOf<Type extends string> = Type extends keyof EventDataByType ? EventDataByType[Type] : Record<string, unknown>

/**
 * The body of an event as the vendor would send it: the vendor's own example of the type, with `overrides` put over it.
 * @throws errors.BadRequestError for a type that is not known, unless its data are given.
 */
export function event<Type extends keyof EventDataByType | (string & {})>(type: Type, overrides?: EventOverrides<DataOf<Type>>): Buffer

/**
 * The headers of a request with `body`, for `fetch`, supertest or `app.inject`. Without a verifier or a secret, `SCALEKIT_WEBHOOK_SECRET` signs.
 */
export function signed(webhookOrSecret: Webhook | string | undefined, body: Uint8Array | string, options?: SignOptions): SignedHeaders

export interface DeliverOptions<Data = Record<string, unknown>> extends SignOptions {
  /** What signs: a secret, or a verifier. `SCALEKIT_WEBHOOK_SECRET` unless set. */
  secret?: Webhook | string
  /** What the test wants of the event, where its type is given. */
  overrides?: EventOverrides<Data>
}

/**
 * Posts an event to an application, signed, and gives the status it answers with. Text is a type, whose `event` is sent; bytes are a body,
 * which may be anything. A redelivery is the same body with the same `id`.
 */
export function deliver<Type extends keyof EventDataByType | (string & {})>(
  url: string | URL,
  type: Type,
  options?: DeliverOptions<DataOf<Type>>,
): Promise<number>
export function deliver(url: string | URL, body: Uint8Array, options?: DeliverOptions): Promise<number>

/** A sandbox whose settings stand in `process.env` (`SCALEKIT_ENVIRONMENT_URL`, `…_CLIENT_ID`, `…_CLIENT_SECRET`, `…_WEBHOOK_SECRET`) until it is closed. */
export interface TestSandbox extends Sandbox {
  /** Posts an event to an application, signed with the sandbox's secret, and gives the status it answers with. */
  deliver<Type extends keyof EventDataByType | (string & {})>(
    url: string | URL,
    type: Type,
    overrides?: EventOverrides<DataOf<Type>>,
  ): Promise<number>
  /** Stops it, and gives the environment back what it had. */
  close(): void
}

/**
 * Starts a sandbox and lets the environment name it, so that `Client.fromEnv()` and endpoints without a secret of their own find it:
 * `const sandbox = startSandbox(); t.after(() => sandbox.close())`.
 */
export function startSandbox(options?: SandboxOptions): TestSandbox
