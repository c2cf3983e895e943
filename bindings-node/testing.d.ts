import type { EventDataByType, Sandbox, SandboxOptions, SignOptions, SignedHeaders, Webhook } from './index.js'

/** Values of an event that a test sets. The others are those of the vendor's example. */
export interface EventOverrides<Data = Record<string, unknown>> {
  /** Id of the event. A new `evt_…` by default. */
  id?: string | undefined
  /** Time of the event: a Date, or an RFC 3339 string. The current time by default. */
  occurredAt?: Date | string | undefined
  /** Id of the organization, in the envelope and in the data. */
  organizationId?: string | undefined
  /** Id of the environment. */
  environmentId?: string | undefined
  /**
   * Id of the directory. It replaces `id` in the data of an event about a directory, and `directory_id` in the data of an event about a user or group of a
   * directory. Other events ignore it.
   */
  directoryId?: string | undefined
  /**
   * Groups of the user: for each its id and name, or a string that is both. The groups of the example by default, or none if `organizationId` is set.
   */
  groups?: readonly (string | { id: string; name: string })[] | undefined
  /** Fields of the data to replace. For an unknown type, the whole data. */
  data?: Partial<Data> | undefined
}

/** The type of the data of an event. */
export type DataOf<Type extends string> = Type extends keyof EventDataByType ? EventDataByType[Type] : Record<string, unknown>

/**
 * Returns the body of an event of this type: the vendor's example, with the values that the test sets.
 * @throws errors.BadRequestError for an unknown type without data.
 */
export function event<Type extends keyof EventDataByType | (string & {})>(type: Type, overrides?: EventOverrides<DataOf<Type>>): Buffer

/**
 * Returns the headers of a signed request with this body, for `fetch`, supertest or `app.inject`.
 * @param webhookOrSecret A verifier or a secret. If undefined, `SCALEKIT_WEBHOOK_SECRET` is used.
 */
export function signed(webhookOrSecret: Webhook | string | undefined, body: Uint8Array | string, options?: SignOptions): SignedHeaders

/** Options of `deliver`. */
export interface DeliverOptions<Data = Record<string, unknown>> extends SignOptions {
  /** The secret that signs the request, or a verifier. `SCALEKIT_WEBHOOK_SECRET` by default. */
  secret?: Webhook | string | undefined
  /** Values of the event that the test sets, if the event is given by its type. */
  overrides?: EventOverrides<Data> | undefined
}

/** Sends a signed event of this type to an application, and returns the status of its answer. */
export function deliver<Type extends keyof EventDataByType | (string & {})>(
  url: string | URL,
  type: Type,
  options?: DeliverOptions<DataOf<Type>>,
): Promise<number>
/** Sends a signed body to an application, and returns the status of its answer. To redeliver a message, send the same body with the same `id`. */
export function deliver(url: string | URL, body: Uint8Array, options?: DeliverOptions): Promise<number>

/**
 * A sandbox whose settings are in the environment variables `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID`, `SCALEKIT_CLIENT_SECRET` and
 * `SCALEKIT_WEBHOOK_SECRET` of this process until it is closed.
 */
export interface TestSandbox extends Sandbox {
  /** Sends an event of this type to an application, signed with the sandbox's secret, and returns the status of its answer. */
  deliver<Type extends keyof EventDataByType | (string & {})>(
    url: string | URL,
    type: Type,
    overrides?: EventOverrides<DataOf<Type>>,
  ): Promise<number>
  /** Stops the server. Sets the environment variables to the settings of the open sandbox that was started last, or restores them if none is open. */
  close(): void
}

/**
 * Starts a sandbox and sets the environment variables to its settings, so that `Client.fromEnv()` and endpoints without a secret of their own use it:
 * `const sandbox = startSandbox(); t.after(() => sandbox.close())`.
 */
export function startSandbox(options?: SandboxOptions): TestSandbox
