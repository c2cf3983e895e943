import type { EventDataByType } from './events'

export * from './events'
export * from './mirror'

/** Settings of a client. Spans of time are milliseconds. */
export interface ClientOptions {
  /** The deadline of each call with all its attempts. 60,000 unless set. */
  timeoutMs?: number
  /** How long one attempt of a call may take before another is made. 20,000 unless set. */
  attemptTimeoutMs?: number
  /** How long a connection may take to be made. 10,000 unless set. */
  connectTimeoutMs?: number
  /** How often a call is tried in all; 1 turns retries off. 5 unless set. */
  maxAttempts?: number
  /** The longest first wait between attempts; it doubles from attempt to attempt. 250 unless set. */
  retryBaseMs?: number
  /** The longest wait between attempts, unless the server asks for more. 8,000 unless set. */
  retryCapMs?: number
  /** How many retries all calls have between them; each call that succeeds gives half of one back. 100 unless set. */
  retryBudget?: number
  /** How many requests may be under way at once; the rest wait their turn. 32 unless set. */
  maxConcurrency?: number
  /** The longest answer that is read; a longer one is an `errors.DecodeError`. 8 MiB unless set. */
  maxResponseBytes?: number
  /** The URL of the proxy to go through, in the place of the environment's; empty for none at all. */
  proxy?: string
  /** A file of certificate authorities in PEM that are trusted beside the system's. */
  caFile?: string
  /** What is appended to the `User-Agent`: the application's name and version. */
  userAgentSuffix?: string
  /** Is told what the client does, on the loop and in order, for a log or a measurement. It keeps no process alive. */
  onActivity?: (activity: Activity) => void
}

/** One thing that a client did. It holds no token, no secret, no id and no query's value. */
export interface Activity {
  /** What it tells. New ones may come. */
  kind: 'request' | 'retry' | 'throttled' | 'token_renewed' | 'token_renewal_failed' | (string & {})
  /** How much a log's reader should care. */
  level: 'debug' | 'info' | 'warning'
  /** One line for a log. */
  message: string
  /** What was being done, such as `list directory users`. */
  operation: string
  /** The method of the request. */
  method: string
  /** The path of the request with names in the place of ids, such as `/api/v1/organizations/{organization}/directories`. */
  route: string
  /** Which attempt of the call this is, from 1. */
  attempt: number
  /** The status of the answer, where one has come. */
  status?: number
  /** What went wrong, where something did: an error's `kind`. */
  error?: string
  /** How long will be waited before the next request. */
  waitMs?: number
  /** How long it took. */
  elapsedMs: number
  /** The bytes of the answer's body, decompressed. */
  bytes: number
}

/** What any call can be given. */
export interface CallOptions {
  /** Ends the call early: it rejects with `errors.CancelledError`, whose `cause` is the signal's reason. */
  signal?: AbortSignal
  /** The deadline of this call (of each page, for a listing), in the place of the client's. */
  timeoutMs?: number
}

/** What an organization is made with or changed to; what is not given stays as it is. */
export interface OrganizationFields {
  /** What people call it: 1 to 200 characters. */
  displayName?: string
  /** The application's own id for it. */
  externalId?: string
  /** The application's own keys and values, in the place of those before. */
  metadata?: Record<string, string>
  /** Its short name in addresses: a DNS label or host name. An empty one removes it. */
  slug?: string
  /** Where its logo is: https. */
  logoUrl?: string
}

/** What a client has done since it was made. */
export interface Stats {
  /** Requests sent, those for tokens and those that failed among them. */
  requests: number
  /** Requests that repeated one before them. */
  retries: number
  /** Answers that asked to be left alone: 429, or any with `Retry-After`. */
  throttled: number
  /** Access tokens fetched. */
  tokenRenewals: number
  /** Pages of listings that have come. */
  pages: number
  /** Bytes of answers' bodies, decompressed. */
  bytes: number
}

/** What every listing can be asked. */
export interface ListOptions extends CallOptions {
  /** How many items a page has at most; the server has limits of its own. */
  pageSize?: number
  /** The `nextPageToken` or `prevPageToken` of another page. */
  pageToken?: string
  /** Whether a listing of every page fetches the next one while one is read. It does unless this is false. */
  readAhead?: boolean
}

export interface ListOrganizationOptions extends ListOptions {
  /** The application's own id of the one organization to list. */
  externalId?: string
}

export interface ListDirectoryUsersOptions extends ListOptions {
  /** Whether each user comes with `userDetail`. */
  includeDetail?: boolean
  /** Lists the members of this group (`dirgroup_…`) alone. */
  directoryGroupId?: string
  /** Lists those changed after this moment alone: a Date, or RFC 3339 text. */
  updatedAfter?: Date | string
}

export interface ListDirectoryGroupsOptions extends ListOptions {
  /** Whether each group comes with `groupDetail`. */
  includeDetail?: boolean
  /** Whether groups are listed that the directory has and Scalekit does not follow. */
  includeExternalGroups?: boolean
  /** Lists those changed after this moment alone: a Date, or RFC 3339 text. */
  updatedAfter?: Date | string
}

/** One page of a listing. */
export interface Page {
  /** How many items the whole listing has, by the server's count. */
  totalSize: number
  /** What to ask the next page with, or empty on the last one. */
  nextPageToken: string
  /** What to ask the page before with, or empty on the first one. */
  prevPageToken: string
}

export interface OrganizationPage extends Page {
  organizations: Organization[]
}

export interface UserPage extends Page {
  users: User[]
}

export interface GroupPage extends Page {
  groups: Group[]
}

/** An organization: one of the companies that the application is sold to. Times are RFC 3339 text. */
export interface Organization {
  /** `org_…` */
  id: string
  createTime?: string
  updateTime?: string
  /** What people call it. */
  displayName: string
  /** The application's own id for it. */
  externalId: string
  /** Where its data lives: `US`, `EU`, … */
  regionCode: string
  /** Its short name in addresses. */
  slug: string
  logoUrl: string
  /** The application's own keys and values. */
  metadata: Record<string, string>
  /** Which features are on. */
  settings?: { features: { name: string; enabled: boolean }[] }
}

/** A directory: an organization's Okta, Entra, Google, …, as Scalekit follows it. Times are RFC 3339 text. */
export interface Directory {
  /** `dir_…` */
  id: string
  name: string
  organizationId: string
  /** How Scalekit follows it: `SCIM`, `LDAP`, `POLL`, … */
  directoryType: string
  /** Whose product it is: `OKTA`, `GOOGLE`, `MICROSOFT_AD`, … */
  directoryProvider: string
  /** Whether Scalekit follows it at present. */
  enabled: boolean
  /** The vendor's word for its state. */
  status: string
  /** The account whose access is used to poll it. */
  email: string
  /** Where the directory sends its changes. */
  directoryEndpoint: string
  /** Whether all groups are followed, or selected ones. */
  groupsTracked: string
  totalUsers: number
  totalGroups: number
  /** When it was last followed with success. */
  lastSyncedAt?: string
  stats?: { totalUsers: number; totalGroups: number; userUpdatedAt?: string; groupUpdatedAt?: string }
  /** Which attribute of the directory becomes which of Scalekit's. */
  attributeMappings?: { attributes: { key: string; mapTo: string }[] }
  /** Which group gives which role. */
  roleAssignments?: { assignments: { groupId: string; roleName: string }[] }
  /** The secrets that the directory signs in with: their last characters, never themselves. */
  secrets: DirectorySecret[]
}

/** A directory that answers `.directory` with itself (not enumerable), for the two ways the vendor writes it. */
export interface PrimaryDirectory extends Directory {
  readonly directory: PrimaryDirectory
}

export interface DirectorySecret {
  id: string
  directoryId: string
  secretSuffix: string
  status: string
  createTime?: string
  expireTime?: string
  lastUsedTime?: string
}

/** How switching a directory on or off went. */
export interface DirectoryToggle {
  /** Whether the directory is on now. */
  enabled: boolean
  /** What stood in the way, or empty. */
  errorMessage: string
}

/** A user of a directory: somebody who works at the organization. Identified by `id`, never by an address. */
export interface User {
  /** `diruser_…` */
  id: string
  /** The primary address. */
  email: string
  givenName: string
  familyName: string
  /** What they sign in with at their directory. */
  preferredUsername: string
  /** All addresses. */
  emails: string[]
  groups: Group[]
  /** RFC 3339 text. */
  updatedAt?: string
  /** The user as their directory describes them, where details were asked for. */
  userDetail?: Record<string, unknown>
}

/** A group of a directory. */
export interface Group {
  /** `dirgroup_…` */
  id: string
  displayName: string
  totalUsers: number
  /** RFC 3339 text. */
  updatedAt?: string
  /** The group as its directory describes it, where details were asked for. */
  groupDetail?: Record<string, unknown>
}

/** Every item of a listing, page after page. After an error `next()` asks for the same page again. */
export interface Listing<T> extends AsyncIterableIterator<T> {
  next(): Promise<IteratorResult<T, undefined>>
  return(value?: undefined): Promise<IteratorResult<T, undefined>>
}

/** Calls about organizations: `client.organization`. */
export interface OrganizationClient {
  /** One page of organizations; `all` gives every page. */
  listOrganization(options?: ListOrganizationOptions): Promise<OrganizationPage>
  /** `listOrganization` under the plural. */
  listOrganizations(options?: ListOrganizationOptions): Promise<OrganizationPage>
  getOrganization(id: string, options?: CallOptions): Promise<{ organization: Organization }>
  getOrganizationByExternalId(externalId: string, options?: CallOptions): Promise<{ organization: Organization }>
  /**
   * Makes an organization that people know as `displayName`. It is tried again only where it is certain that the attempt before made
   * none; after an error that leaves this open, look for it by its external id.
   */
  createOrganization(displayName: string, fields?: OrganizationFields, options?: CallOptions): Promise<{ organization: Organization }>
  /** Changes the fields that are given and leaves the others. */
  updateOrganization(id: string, fields: OrganizationFields, options?: CallOptions): Promise<{ organization: Organization }>
  /** Removes an organization with everything in it, for good. */
  deleteOrganization(id: string, options?: CallOptions): Promise<void>
  /** Every organization. */
  all(options?: ListOrganizationOptions): Listing<Organization>
}

/** Calls about directories, their users and their groups: `client.directory`. */
export interface DirectoryClient {
  listDirectories(organizationId: string, options?: CallOptions): Promise<{ directories: Directory[] }>
  getDirectory(organizationId: string, directoryId: string, options?: CallOptions): Promise<{ directory: Directory }>
  /** The first directory that is listed for the organization; `errors.NotFoundError` where there is none. */
  getPrimaryDirectoryByOrganizationId(organizationId: string, options?: CallOptions): Promise<PrimaryDirectory>
  /** One page of a directory's users; `users` gives every page. */
  listDirectoryUsers(organizationId: string, directoryId: string, options?: ListDirectoryUsersOptions): Promise<UserPage>
  /** One page of a directory's groups; `groups` gives every page. */
  listDirectoryGroups(organizationId: string, directoryId: string, options?: ListDirectoryGroupsOptions): Promise<GroupPage>
  enableDirectory(organizationId: string, directoryId: string, options?: CallOptions): Promise<DirectoryToggle>
  disableDirectory(organizationId: string, directoryId: string, options?: CallOptions): Promise<DirectoryToggle>
  /** Every user of a directory. */
  users(organizationId: string, directoryId: string, options?: ListDirectoryUsersOptions): Listing<User>
  /** Every group of a directory. */
  groups(organizationId: string, directoryId: string, options?: ListDirectoryGroupsOptions): Listing<Group>
}

/**
 * The REST client of one environment. Any number of calls may be under way at once; each has a deadline, and what may be tried
 * again is.
 */
export class Client {
  /**
   * A client with the settings that the vendor's dashboard shows under API credentials. No I/O happens.
   * @throws errors.ConfigError naming the setting that is missing or cannot be used.
   */
  constructor(environmentUrl: string | undefined, clientId: string | undefined, clientSecret: string | undefined, options?: ClientOptions)
  /** A client from `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID` and `SCALEKIT_CLIENT_SECRET`. */
  static fromEnv(options?: ClientOptions): Client
  readonly organization: OrganizationClient
  readonly directory: DirectoryClient
  /** See the function of this name. */
  verifyWebhookPayload(secret: string | undefined, headers: Headers, payload: Body): true
  /** See the function of this name. */
  verifyInterceptorPayload(secret: string | undefined, headers: Headers, payload: Body): true
  /** What the client has done since it was made. */
  stats(): Stats
  /** Frees what the client holds. Calls that are under way finish; later ones fail. */
  close(): void
}

/** The name that the vendor's own SDK has for it. */
export { Client as ScalekitClient }

/** A request's body as it came; or what a JSON parser made of it, where printing that again gives what was signed. */
export type Body = Uint8Array | ArrayBuffer | ArrayBufferView | string | object

/** A request's headers: an object (`req.headers`), `Headers`, a Map, `[name, value]` pairs, or Node's `rawHeaders`. */
export type Headers =
  | { readonly [name: string]: string | readonly string[] | undefined }
  | Readonly<SignedHeaders>
  | Iterable<readonly [string, string | readonly string[]]>
  | readonly string[]

/** Settings of a `Webhook`. */
export interface WebhookOptions {
  /** How many seconds a timestamp may lie from now, either way. 300 unless set. */
  toleranceSeconds?: number
  /** The largest body that is looked at, in bytes. 1 MiB unless set. */
  maxBody?: number
}

export interface VerifyOptions {
  /** The moment to judge the timestamp by, for a request that was kept: a Date, or Unix seconds. */
  now?: Date | number
}

export interface SignOptions {
  /** The message's id; a fresh `msg_…` unless given. */
  id?: string
  /** When it was sent: a Date, or Unix seconds. The present unless given. */
  timestamp?: Date | number
}

/** The three headers of a signed request. */
export interface SignedHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

/** What every event has. */
export interface EventOf<Type extends string, Data> {
  /** `evt_…`: the same however often it is delivered. */
  id: string
  /** `webhook-id` of the request it came in: the same for every attempt to deliver it. */
  messageId: string
  /** What happened, such as `organization.directory.user_created`; today's name, where the vendor sent an older one. */
  type: Type
  /** RFC 3339 text, to the nanosecond. */
  occurredAt: string
  environmentId: string
  /** Empty where it concerns no organization. */
  organizationId: string
  /** The kind of object in `data`, such as `DirectoryUser`. */
  object: string
  /** The type for a person to read. */
  displayName: string
  specVersion: string
  /**
   * The object it happened to, with the names of the vendor's JSON. It is decoded when it is first read, and is a property like any
   * other: it comes along with `{ ...event }`, `JSON.stringify`, `structuredClone`, and compares and prints with the event.
   */
  data: Data
}

/**
 * One thing that happened, as a verified webhook told it: `switch (event.type)` narrows `event.data`. Types that came after this version
 * arrive as well; in the `default` of a `switch` over all types `const other: UnknownEvent = event` says so.
 */
export type Event = { [Type in keyof EventDataByType]: EventOf<Type, EventDataByType[Type]> }[keyof EventDataByType]

/** An event of a type that this version does not know. */
export type UnknownEvent = EventOf<string, unknown>

/** Verifies what Scalekit sends, and signs what a test sends in its place. */
export class Webhook {
  /**
   * A verifier for one secret, or for several while one is being rotated; without any, for `SCALEKIT_WEBHOOK_SECRET`.
   * @throws errors.ConfigError where a secret is missing, shorter than 16 bytes or not base64.
   */
  constructor(secretOrSecrets?: string | readonly string[] | null, options?: WebhookOptions)
  /**
   * Verifies a request and gives the event in it. Pass the raw body: in Express `express.raw({ type: 'application/json' })`.
   * @throws errors.WebhookVerificationError with the `reason`: answer 400 and tell the sender nothing more.
   */
  verify(body: Body, headers: Headers, options?: VerifyOptions): Event
  /** Verifies the signature and the timestamp alone; nothing is asked of the body. */
  verifySignature(body: Body, headers: Headers, options?: VerifyOptions): true
  /** The largest body that is looked at, in bytes: what reads requests need read no more. */
  readonly maxBody: number
  /** The headers that a request with `body` would carry: for tests of the code that verifies. */
  sign(body: Body, options?: SignOptions): SignedHeaders
}

/**
 * Verifies the signature of a webhook in one call. `secret` is one secret, or several separated by spaces.
 * @throws errors.WebhookVerificationError with the `reason`.
 */
export function verifyWebhookPayload(secret: string | undefined, headers: Headers, payload: Body): true
/** Verifies the signature of an interceptor's request, as `verifyWebhookPayload` does. */
export function verifyInterceptorPayload(secret: string | undefined, headers: Headers, payload: Body): true

export interface ReplayGuardOptions {
  /**
   * For how many seconds a message is remembered after its last commit. Three days unless set; less than the 28 hours that the vendor goes on
   * trying would let its last attempts through.
   */
  retentionSeconds?: number
}

export interface MemoryReplayGuardOptions extends ReplayGuardOptions {
  /** How many messages are remembered; where there are more, the oldest are forgotten. 100,000 unless set. */
  capacity?: number
}

/** Where a guard of your own keeps the ids of messages. */
export interface ReplayStore {
  /** Whether this id was recorded and its time has not come yet. */
  contains(messageId: string): boolean | Promise<boolean>
  /** Records this id until `expiresAt` at least. One that is recorded already is recorded anew. */
  record(messageId: string, expiresAt: Date): unknown
}

/**
 * Remembers which messages were handled. `check` before a message is handled, `commit` once it has been, before the sender gets its 2xx: what
 * was not committed is let through when it comes again.
 *
 * Nothing is held between the two: a message that arrives twice at the same moment may be handled twice.
 */
export class ReplayGuard {
  /** A guard in this process's memory. */
  constructor(options?: MemoryReplayGuardOptions)
  /**
   * A guard on a SQLite file, which is made where there is none: any number of processes of one machine may use it at once. The file is
   * opened at once, and used by other threads than the loop's.
   * @throws errors.StoreError where the file cannot be opened, or is something else.
   */
  static sqlite(path: string, options?: ReplayGuardOptions): ReplayGuard
  /** A guard with ids in a store of your own; what its functions throw is thrown. */
  static custom(store: ReplayStore, options?: ReplayGuardOptions): ReplayGuard
  /** Whether the message is seen for the first time. Nothing is recorded. `message` is an event, or its `messageId`. */
  check(message: Pick<UnknownEvent, 'id' | 'messageId'> | string, options?: { now?: Date | number }): Promise<boolean>
  /** Records that the message was handled. */
  commit(message: Pick<UnknownEvent, 'id' | 'messageId'> | string, options?: { now?: Date | number }): Promise<void>
}

/** Settings of a sandbox. */
export interface SandboxOptions {
  /** How many organizations there are. 1 unless set. */
  organizations?: number
  /** How many directories each organization has. 1 unless set. */
  directories?: number
  /** How many users each directory has. 50 unless set. */
  users?: number
  /** How many groups each directory has. 5 unless set. */
  groups?: number
  /** What the data is made from: the same seed gives the same people with the same ids. 1 unless set. */
  seed?: number
  /** The port to listen on. Any free one unless set. */
  port?: number
  /** How many seconds tokens live, by the sandbox's clock. 3600 unless set. */
  tokenTtlSeconds?: number
  /** How many of the sandbox's seconds pass in a real one. 1 unless set. */
  speed?: number
}

/** Somebody to hire. */
export interface NewSandboxUser {
  email: string
  givenName?: string
  familyName?: string
  /** What they sign in with; the address's first part unless given. */
  preferredUsername?: string
  /** Names or ids of groups that there are. */
  groups?: readonly string[]
  /** The first organization unless given. */
  organizationId?: string
  /** The organization's first directory unless given. */
  directoryId?: string
}

/** What to change about somebody; what is not given stays as it is. */
export interface SandboxUserChange {
  email?: string
  givenName?: string
  familyName?: string
  preferredUsername?: string
  /** Whether they may sign in. */
  active?: boolean
  /** All of their groups, by names or ids. */
  groups?: readonly string[]
}

/** A group to make. */
export interface NewSandboxGroup {
  displayName: string
  /** The first organization unless given. */
  organizationId?: string
  /** The organization's first directory unless given. */
  directoryId?: string
}

/** One event on its way to one endpoint. Times are RFC 3339 text, by the sandbox's clock. */
export interface Delivery {
  /** `webhook-id`: the same for every attempt. */
  messageId: string
  /** The event's own id. */
  eventId: string
  /** What happened. */
  eventType: string
  /** Where it goes. */
  url: string
  /** The body, as it is signed. */
  body: string
  /** `pending` until it is tried, or tried again; `failed` when every attempt has. */
  state: 'pending' | 'sending' | 'delivered' | 'failed'
  /** What was tried, oldest first: the endpoint's answer, or what went wrong where none came. */
  attempts: { at: string; status: number | null; error: string | null }[]
  /** When it will be tried next. */
  nextAttemptAt: string | null
}

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol
  }
}

/**
 * A local Scalekit environment for demos and tests: tokens, REST and signed webhooks over real HTTP, on loopback alone. It has a thread
 * of its own, so no call waits for the network, and it keeps no process alive. After `close` its calls throw
 * `errors.InvalidArgumentError`.
 */
export class Sandbox {
  /**
   * Makes the data and starts to serve it.
   * @throws errors.InvalidArgumentError for an option that is unknown or of another type, errors.BadRequestError for a speed that is not
   * positive, errors.ServerError where the port is taken.
   */
  constructor(options?: SandboxOptions)
  /** Where it is: `http://127.0.0.1:…`. */
  readonly environmentUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** The secret that its webhooks are signed with. */
  readonly webhookSecret: string
  /** Where its own calls are, for programs in other languages. */
  readonly controlUrl: string
  /** The first organization. */
  readonly organizationId: string
  /** The first organization's first directory. */
  readonly directoryId: string
  /** A client of it. */
  client(options?: ClientOptions): Client
  /** From now on, what happens is told to `url` as well: at once, and until it is accepted again on the vendor's schedule. */
  registerEndpoint(url: string | URL): void
  /**
   * Hires somebody.
   * @throws errors.BadRequestError for an address without `@` or an unknown group, errors.NotFoundError for an unknown place.
   */
  createUser(user: NewSandboxUser): User
  /** @throws errors.NotFoundError for an unknown user, errors.BadRequestError for an unknown group. */
  updateUser(id: string, change: SandboxUserChange): User
  /** @throws errors.NotFoundError for an unknown user. */
  deleteUser(id: string): void
  /** @throws errors.BadRequestError without a name, errors.NotFoundError for an unknown place. */
  createGroup(group: NewSandboxGroup): Group
  /** @throws errors.NotFoundError for an unknown group. */
  updateGroup(id: string, change: { displayName: string }): Group
  /** Ends a group; its members stay. */
  deleteGroup(id: string): void
  addMember(groupId: string, userId: string): void
  removeMember(groupId: string, userId: string): void
  /**
   * Every `every`-th REST call from now on (each, unless set) meets the next of `faults`; null ends it. Token requests are spared.
   *
   * A fault is a status such as `429` or `503`, or `reset`, `truncate`, `garbage`, `html`, `wrong-types`, `junk`, `drip`, `redirect`,
   * `latency:2s`, `expire-token`.
   * @throws errors.BadRequestError for an unknown one.
   */
  fault(faults: string | readonly string[] | null, options?: { every?: number }): void
  /** What was sent, what came back, what will be retried and when. */
  deliveries(): Delivery[]
  /** Moves its clock ahead, by a time such as `90s`, `5m`, `6h` or `1d`: tokens end, and retries fall due. */
  advance(by: string): void
  /** How many calls came, by method and route. */
  requests(): Record<string, number>
  /** Stops it. */
  close(): void
  /** `close`, for `using`. Where the runtime has that symbol. */
  [Symbol.dispose](): void
}

/** The package's version. */
export const version: string

/** Why a webhook or its secret was refused. */
export type Reason =
  | 'missing_header'
  | 'invalid_timestamp'
  | 'too_old'
  | 'too_new'
  | 'no_match'
  | 'invalid_secret'
  | 'body_too_large'
  | 'malformed_event'

/** What can go wrong: one class for each kind of error, all of them below `errors.Error`. */
export namespace errors {
  class Error extends globalThis.Error {
    /** What was being done: the operation, the ids it was for, the attempts it took. */
    readonly context: Readonly<Record<string, string>>
    /** Whether trying again later can help. The client has tried as often as it may already. */
    readonly temporary: boolean
    /** Why a webhook or its secret was refused. */
    readonly reason?: Reason
    /** The HTTP status, where the server answered. */
    readonly status?: number
    /** The vendor's code, such as `RESOURCE_NOT_FOUND`. */
    readonly code?: string
    /** The `details` of the server's answer. */
    readonly details?: unknown
    /** The server's id of the request, for its support desk. */
    readonly requestId?: string
    /** How many seconds the server asked to be left alone. */
    readonly retryAfter?: number
  }
  /** A setting is missing or malformed; the message names it. */
  class ConfigError extends Error {}
  /** An argument cannot be used as it was given. */
  class InvalidArgumentError extends Error {}
  /** The server could not be reached, or the connection broke before the whole answer had come. */
  class ConnectionError extends Error {}
  /** The deadline passed first. */
  class TimeoutError extends Error {}
  /** The server refused. */
  class ApiError extends Error {}
  /** 400, 409, 412 or 422: the server refused the request as it stands. */
  class BadRequestError extends ApiError {}
  /** 401: the client id, the client secret or the token was refused. */
  class AuthenticationError extends ApiError {}
  /** 403: the credentials do not reach this resource. */
  class PermissionDeniedError extends ApiError {}
  /** 404 or 410: there is no such resource. */
  class NotFoundError extends ApiError {}
  /** 429: too many requests. */
  class RateLimitError extends ApiError {}
  /** 5xx: the server failed. */
  class ServerError extends ApiError {}
  /** The server's answer is not what the contract says; the message names the field. */
  class DecodeError extends Error {}
  /** A webhook was refused: `reason` says why. */
  class WebhookVerificationError extends Error {}
  /** A sync would remove more users than the guard allows. They are still there, until a sync with `approveRemovals`. */
  class MassRemovalError extends Error {
    /** The directory that lacks them. */
    readonly directoryId: string
    /** How many they are. */
    readonly count: number
    /** How many would have been removed without asking. */
    readonly limit: number
    /** Who they are: the first thousand, in the order of their ids. `mirror.heldRemovals` has them all. */
    readonly userIds: readonly string[]
  }
  /** The local store failed. */
  class StoreError extends Error {}
  /** The caller cancelled the call. */
  class CancelledError extends Error {}
  /** A defect in headcount itself. Please report it. */
  class InternalError extends Error {}
}
