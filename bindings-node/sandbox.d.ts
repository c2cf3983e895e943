import type { Client } from './client'
import type { ClientOptions } from './options'
import type { Group, User } from './records'

/** Settings of a sandbox. */
export interface SandboxOptions {
  /** Number of organizations. 1 by default. */
  organizations?: number | undefined
  /** Number of directories of each organization. 1 by default. */
  directories?: number | undefined
  /** Number of users of each directory. 50 by default. */
  users?: number | undefined
  /** Number of groups of each directory. 5 by default. */
  groups?: number | undefined
  /** Seed of the data: the same seed and numbers of organizations, directories, users and groups give the same data with the same ids. 1 by default. */
  seed?: number | undefined
  /** Port to listen on. Any free port by default. */
  port?: number | undefined
  /** Lifetime of access tokens in seconds of the sandbox's clock. 3,600 by default. */
  tokenTtlSeconds?: number | undefined
  /** Number of the sandbox's seconds that pass in a real second. 1 by default. */
  speed?: number | undefined
  /** Whether webhooks may be sent to other machines than this one. False by default. */
  remoteEndpoints?: boolean | undefined
}

/** A user to create. */
export interface NewSandboxUser {
  /** E-mail address. */
  email: string
  /** First name. Empty by default. */
  givenName?: string | undefined
  /** Last name. Empty by default. */
  familyName?: string | undefined
  /** Name that the user signs in with. The part of the address before the `@` by default. */
  preferredUsername?: string | undefined
  /** Job title. Empty by default. */
  title?: string | undefined
  /** Names or ids of existing groups that the user joins. */
  groups?: readonly string[] | undefined
  /** Id of the organization. The first organization by default. */
  organizationId?: string | undefined
  /** Id of the directory. The organization's first directory by default. */
  directoryId?: string | undefined
}

/** Changes of a user. Fields that are not given stay as they are. */
export interface SandboxUserChange {
  /** E-mail address. */
  email?: string | undefined
  /** First name. */
  givenName?: string | undefined
  /** Last name. */
  familyName?: string | undefined
  /** Name that the user signs in with. */
  preferredUsername?: string | undefined
  /** Job title. */
  title?: string | undefined
  /** Whether the user may sign in. */
  active?: boolean | undefined
  /** Names or ids of all groups that the user is in. */
  groups?: readonly string[] | undefined
}

/** A group to create. */
export interface NewSandboxGroup {
  /** The group's name. */
  displayName: string
  /** Id of the organization. The first organization by default. */
  organizationId?: string | undefined
  /** Id of the directory. The organization's first directory by default. */
  directoryId?: string | undefined
}

/** One attempt to deliver an event. */
export interface DeliveryAttempt {
  /** Time of the attempt, by the sandbox's clock. An RFC 3339 string. */
  at: string
  /** HTTP status of the answer, or null if there was none. */
  status: number | null
  /** Why there was no answer, or null if there was one. */
  error: string | null
  /** Names and values of the headers that the sandbox sent, among them those of the signature. */
  requestHeaders: [string, string][]
  /** Names and values of the headers of the answer; none if there was no answer. */
  responseHeaders: [string, string][]
  /** The beginning of the answer's body, at most 4,096 bytes; empty if there was no answer. */
  responseBody: string
  /** Whether the answer's body goes on after `responseBody`. */
  isBodyCut: boolean
}

/** One event that is delivered to one endpoint. */
export interface Delivery {
  /** The header `webhook-id`: the same for every attempt. */
  messageId: string
  /** Id of the event (`evt_…`). */
  eventId: string
  /** Type of the event. */
  eventType: string
  /** URL of the endpoint. */
  url: string
  /** Time of the event, by the sandbox's clock. An RFC 3339 string. */
  createdAt: string
  /** The signed body. */
  body: string
  /** `pending` until the next attempt, `sending` during one, `delivered` after an accepted one, `failed` after the last one. */
  state: 'pending' | 'sending' | 'delivered' | 'failed'
  /** The attempts, oldest first. */
  attempts: DeliveryAttempt[]
  /**
   * Time at which the next attempt is due, by the sandbox's clock; during an attempt, the time at which that one was due. null if there will be none. An
   * RFC 3339 string.
   */
  nextAttemptAt: string | null
}

/** Options of `fault`. */
export interface FaultOptions {
  /** Every `every`-th call fails. 1 by default: every call. */
  every?: number | undefined
}

declare global {
  interface SymbolConstructor {
    /** The symbol of `using`. */
    readonly dispose: unique symbol
  }
}

/**
 * A local Scalekit environment for demos and tests: tokens, REST and signed webhooks over HTTP on the loopback interface.
 *
 * Its server runs on a thread of its own: calls block the event loop only while they wait for the lock of its data, and the server does not keep the
 * process alive. After `close` calls throw `errors.InvalidArgumentError`.
 */
export class Sandbox {
  /**
   * Generates the data and starts the server.
   * @throws errors.InvalidArgumentError for an option that is unknown or of another type, errors.BadRequestError for a speed that is not
   * positive, errors.ServerError if the port is in use.
   */
  constructor(options?: SandboxOptions)
  /** The URL of the environment: `http://127.0.0.1:` and the port. */
  readonly environmentUrl: string
  /** The client id that the sandbox accepts. */
  readonly clientId: string
  /** The client secret that the sandbox accepts. */
  readonly clientSecret: string
  /** The secret with which its webhooks are signed. */
  readonly webhookSecret: string
  /** The URL of its control API, for programs in other languages. */
  readonly controlUrl: string
  /** Id of the first organization; empty if there is none. */
  readonly organizationId: string
  /** Id of the first organization's first directory; empty if there is none. */
  readonly directoryId: string
  /** Makes a client of the sandbox. */
  client(options?: ClientOptions): Client
  /**
   * Adds an endpoint: each later event is sent to `url` at once, and again on the vendor's schedule until the endpoint accepts it.
   * @throws errors.BadRequestError for a URL that is not on this machine (`127.0.0.1` or `localhost`), unless `remoteEndpoints` is set.
   */
  registerEndpoint(url: string | URL): void
  /**
   * Creates a user.
   * @throws errors.BadRequestError for an address without `@` or an unknown group, errors.NotFoundError for an unknown organization or directory.
   */
  createUser(user: NewSandboxUser): User
  /**
   * Changes a user.
   * @throws errors.NotFoundError for an unknown user, errors.BadRequestError for an address without `@` or an unknown group.
   */
  updateUser(id: string, change: SandboxUserChange): User
  /**
   * Deletes a user.
   * @throws errors.NotFoundError for an unknown user.
   */
  deleteUser(id: string): void
  /**
   * Creates a group.
   * @throws errors.BadRequestError without a name, errors.NotFoundError for an unknown organization or directory.
   */
  createGroup(group: NewSandboxGroup): Group
  /**
   * Renames a group.
   * @throws errors.BadRequestError without a name, errors.NotFoundError for an unknown group.
   */
  updateGroup(id: string, change: Pick<NewSandboxGroup, 'displayName'>): Group
  /**
   * Deletes a group. Its members stay.
   * @throws errors.NotFoundError for an unknown group.
   */
  deleteGroup(id: string): void
  /**
   * Adds a user to a group.
   * @throws errors.NotFoundError for an unknown group or user.
   */
  addMember(groupId: string, userId: string): void
  /**
   * Removes a user from a group.
   * @throws errors.NotFoundError for an unknown group or user.
   */
  removeMember(groupId: string, userId: string): void
  /**
   * Makes REST calls fail from now on, with these faults instead of those of earlier calls. Requests for tokens are not affected.
   * @param faults One fault, or several that occur in turn: an HTTP status such as `429` or `503`, or `reset`, `truncate`, `garbage`, `html`,
   * `wrong-types`, `junk`, `drip`, `redirect`, `latency:2s`, `expire-token`. null ends all faults.
   * @throws errors.BadRequestError for an unknown fault.
   */
  fault(faults: string | readonly string[] | null, options?: FaultOptions): void
  /** Returns all deliveries with their attempts. */
  deliveries(): Delivery[]
  /** Advances the sandbox's clock by a duration such as `90s`, `5m`, `6h` or `1d`: tokens expire, and retries become due. */
  advance(by: string): void
  /** Returns the number of calls by method and route, and under `tokens` the number of access tokens that were issued. */
  requests(): Record<string, number>
  /** Stops the server. */
  close(): void
  /** Does the same as `close`, for `using`, if the runtime has this symbol. */
  [Symbol.dispose](): void
}
