import type { CallOptions, Client, Event, Headers, Listing, UnknownEvent, errors } from './index'

/** Settings of a `Mirror`. */
export interface MirrorOptions {
  /** What syncs list with. The mirror keeps what it needs of it: closing the client does not stop it. Without one `sync` rejects with `errors.ConfigError`. */
  client?: Client
  /** What webhooks are verified with: one secret, or several while one is being rotated. `SCALEKIT_WEBHOOK_SECRET` unless given, read when the first one comes. */
  webhookSecret?: string | readonly string[] | null
  /** As many users of a directory as this may always be removed at once. 20 unless set. */
  guardUsers?: number
  /** Or this share of the directory's users, where that is more. 0.1 unless set. */
  guardShare?: number
  /** Whether a burst of deletion events within an hour is held back like a listing. It is unless this is false. */
  guardEvents?: boolean
  /** How old the last full sync may be before a sync of mode `auto` makes another. A day (86,400) unless set. */
  fullEverySeconds?: number
  /** How long changes are kept that every consumer has acknowledged. 30 days unless set. */
  retentionSeconds?: number
}

/** `auto`: what changed since the last sync, and everything where the last full one is too long ago. `incremental` removes nobody. */
export type SyncMode = 'auto' | 'full' | 'incremental'

/** What a sync can be asked. */
export interface SyncOptions {
  /** How much is listed. `auto` unless set. */
  mode?: SyncMode
  /** Whether somebody has looked at the removals that the guard held back, and they are meant. The sync is then a full one. */
  approveRemovals?: boolean
  /** Whether to wait where another sync of the directory is under way (it does unless this is false), or to report `already_running`. */
  wait?: boolean
  /** Is told how far it is, page after page, before the promise is settled. What it throws ends the sync, and is what `sync` rejects with. */
  onProgress?: (progress: SyncProgress) => void
  /** Ends it early, between two transactions: what has been taken over stays. */
  signal?: AbortSignal
}

export interface SyncAllOptions extends SyncOptions {
  /** How many organizations are synced at once. 16 unless set. */
  concurrency?: number
}

/** How far a sync is. */
export interface SyncProgress {
  organizationId: string
  directoryId: string
  phase: 'groups' | 'users' | 'removals'
  /** Pages of this phase that have come. */
  pages: number
  /** Users or groups in them. */
  items: number
  /** How many there are in all, where the server said. */
  total: number | null
  /** How many come in a second. */
  rate: number
}

/** What a sync of one directory did. Times are RFC 3339 text. */
export interface SyncReport {
  organizationId: string
  /** Empty where the organization's directories could not be listed. */
  directoryId: string
  /** `auto` where it did not come to be one or the other: another sync was under way, say. */
  mode: SyncMode
  /**
   * How it ended. `incomplete`: the listing did not hold still, so what it said was taken over and nobody was removed; the next sync tries
   * again. `held`: the directory is switched off.
   */
  outcome: 'done' | 'incomplete' | 'held' | 'already_running' | 'failed'
  /** The changes that it brought about have the cause `sync:` and this. */
  run: string
  startedAt: string
  endedAt: string
  /** Pages, users and groups that were listed. */
  pages: number
  users: number
  groups: number
  /** Users that are new. */
  created: number
  updated: number
  /** Users that may no longer sign in. */
  deactivated: number
  reactivated: number
  /** Users that have left. */
  deleted: number
  /** All changes that it put into the feed. */
  changes: number
  /** Events that had waited for a sync and are settled now. */
  events: number
  held: Held | null
  /** Why nobody was removed, where the listing did not hold still. */
  incomplete: string | null
  /** What went wrong, where something did and others went on. */
  error: errors.Error | null
}

/** Removals that the guard holds back until somebody has looked at them. */
export interface Held {
  reason: 'mass_removal' | 'empty_listing' | 'directory_disabled' | 'directory_not_found' | 'deletion_burst'
  /** How many users would be removed. */
  count: number
  /** How many may be without approval. */
  limit: number
  /** Since when: RFC 3339 text, by this machine's clock. */
  at: string
  /** The sync or event that would have removed them. */
  cause: string
}

/** A user as mirrored. Times are RFC 3339 text. */
export interface MirrorUser {
  /** `diruser_…`. It stays the same whatever else of the user changes. */
  id: string
  organizationId: string
  directoryId: string
  /** The primary address. */
  email: string
  givenName: string
  familyName: string
  /** What they sign in with at their directory. */
  preferredUsername: string
  /** All addresses, as the last listing had them. */
  emails: string[]
  /** Whether they may sign in. */
  active: boolean
  /** The groups they are in. */
  groupIds: string[]
  /** The roles that the role map gives them by their groups. */
  roles: string[]
  /** The roles that the vendor gives them, as the latest event had them. */
  vendorRoles: string[]
  /** The application's own id for them, where it has linked one. */
  linkedId: string | null
  /** When their directory last changed them. */
  updatedAt: string | null
  /** The user as their directory describes them, with its own names. */
  detail: Record<string, unknown> | null
  /** What the latest event said beyond the fields above, such as `title` and `department`. */
  attributes: Record<string, unknown> | null
}

/** A group as mirrored. */
export interface MirrorGroup {
  /** `dirgroup_…` */
  id: string
  organizationId: string
  directoryId: string
  displayName: string
  /** RFC 3339 text. */
  updatedAt: string | null
}

/** A directory as mirrored. */
export interface MirrorDirectory {
  /** `dir_…` */
  id: string
  organizationId: string
  name: string
  /** How Scalekit follows it: `SCIM`, `LDAP`, `POLL`, … */
  directoryType: string
  /** Whose product it is: `OKTA`, `GOOGLE`, `MICROSOFT_AD`, … */
  directoryProvider: string
  /** Whether Scalekit follows it at present. */
  enabled: boolean
}

/** How the mirror stands with a directory. Times are RFC 3339 text. */
export interface DirectoryStatus {
  directory: MirrorDirectory
  /** When the last full sync that came to its end began. */
  lastFullSync: string | null
  lastIncrementalSync: string | null
  /** How many users and groups are mirrored. */
  users: number
  groups: number
  /** The latest change of a user that was listed, by the vendor's clock. */
  watermark: string | null
  held: Held | null
  /** How many events of the organization wait for a sync. */
  parkedEvents: number
}

interface ChangeOf<Kind extends string, User, Group, Before, After> {
  /** Its number: greater than those of all changes before it. A snapshot's are negative. */
  seq: number
  kind: Kind
  organizationId: string
  directoryId: string
  /** The user it is about, as they are after it, or as they were where they left. Memberships and roles leave `detail` and `attributes` out. */
  user: User
  /** The group it is about. */
  group: Group
  /** What was, and what is; null where there was or is nothing, and for memberships. */
  before: Before
  after: After
  /** The names of the fields that changed, as `user` or `group` spells them. */
  fields: string[]
  /** What brought it about: `sync:` and the run's id, `event:` and the event's, `roles` for the role map, `snapshot`. */
  cause: string
  /** When it was committed: RFC 3339 text, by this machine's clock. */
  at: string
}

/** One change, as consumers get it: `switch (change.kind)` narrows `user`, `group`, `before` and `after`. */
export type Change =
  | ChangeOf<'user.created', MirrorUser, null, null, MirrorUser>
  | ChangeOf<'user.updated' | 'user.deactivated' | 'user.reactivated' | 'roles.changed', MirrorUser, null, MirrorUser, MirrorUser>
  | ChangeOf<'user.deleted', MirrorUser, null, MirrorUser, null>
  | ChangeOf<'group.created', null, MirrorGroup, null, MirrorGroup>
  | ChangeOf<'group.updated', null, MirrorGroup, MirrorGroup, MirrorGroup>
  | ChangeOf<'group.deleted', null, MirrorGroup, MirrorGroup, null>
  | ChangeOf<'membership.added' | 'membership.removed', MirrorUser, MirrorGroup, null, null>
  | ChangeOf<'directory.enabled' | 'directory.disabled', null, null, null, null>

/** What kind of change. */
export type ChangeKind = Change['kind']

/** A change of `mirror.changes`. */
export type FollowedChange = Change & {
  /** Acknowledges it, and every change before it: its consumer does not get them again. Durable when it resolves. */
  readonly ack: () => Promise<void>
}

/** The changes of one consumer, as they come. */
export interface Changes extends AsyncIterableIterator<FollowedChange> {
  next(): Promise<IteratorResult<FollowedChange, undefined>>
  return(value?: undefined): Promise<IteratorResult<FollowedChange, undefined>>
}

/** A change that a consumer could not handle, put aside so that the rest goes on. */
export interface ParkedChange {
  change: Change
  /** What the application said about it. */
  reason: string
  /** When it was put aside: RFC 3339 text. */
  at: string
}

/** How far a consumer is. */
export interface FeedConsumer {
  name: string
  /** The last change it has acknowledged; negative inside a snapshot. */
  cursor: number
  /** How many changes it is behind; those of a snapshot are not counted. */
  behind: number
  /** How many changes it has put aside. */
  parked: number
  /** When it last acknowledged something: RFC 3339 text. */
  seenAt: string
}

/** What became of a webhook: `parked` waits for a sync, or for approval; `ignored` is about nothing that is mirrored. */
export type Outcome = 'applied' | 'duplicate' | 'stale' | 'pending' | 'held' | 'ignored'

declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

/**
 * A durable local copy of every directory, and a feed of what changed. Any number of calls may be under way at once, and other processes may
 * use the same file. Every call rejects with `errors.StoreError` where the file fails, and with `errors.InvalidArgumentError` once the mirror
 * is closed.
 */
export class Mirror {
  /**
   * Opens the mirror in a file, which is made where there is none. `:memory:` is no file and ends with the mirror. The file is opened at once,
   * and used by other threads than the loop's.
   * @throws errors.StoreError where the file is something else, was written by a newer version, or cannot be read and written;
   * errors.ConfigError for a secret that cannot be used, errors.InvalidArgumentError for an option that is unknown or of another type.
   */
  constructor(path: string, options?: MirrorOptions)
  /**
   * Brings every directory of an organization up to date. All are synced; the promise rejects where one failed.
   * @throws errors.MassRemovalError where more users would be removed than the guard lets go: they stay until a sync with `approveRemovals`.
   */
  sync(organizationId: string, options?: SyncOptions): Promise<SyncReport[]>
  sync(organizationId: string, directoryId: undefined | null, options?: SyncOptions): Promise<SyncReport[]>
  /** The same for one directory. */
  sync(organizationId: string, directoryId: string, options?: SyncOptions): Promise<SyncReport>
  /** Either, where only the program knows which. */
  sync(organizationId: string, directoryId: string | undefined | null, options?: SyncOptions): Promise<SyncReport | SyncReport[]>
  /** Syncs every organization of the environment. What goes wrong in one is in its report's `error` and stops no other. */
  syncAll(options?: SyncAllOptions): Promise<SyncReport[]>
  /**
   * Takes a webhook: verifies it, stores it and applies it, durably when this resolves. Answer 201 to any outcome, 400 to an
   * `errors.WebhookVerificationError`, and 500 to any other error, so that it is sent again. The body is what came, before anything parsed it.
   */
  receive(body: Uint8Array | ArrayBuffer | ArrayBufferView | string, headers: Headers): Promise<Outcome>
  /** Takes an event that was verified already, by an endpoint say, as `receive` does. */
  apply(event: Event | UnknownEvent): Promise<Outcome>
  /** The users of an organization, or those of one directory or group, in the order in which the mirror learnt of them. */
  users(organizationId: string, options?: { directoryId?: string; groupId?: string; signal?: CallOptions['signal'] }): Listing<MirrorUser>
  /** The groups of an organization, or of one of its directories. */
  groups(organizationId: string, options?: { directoryId?: string }): Promise<MirrorGroup[]>
  /** The directories that the mirror knows: of one organization, or all. */
  directories(organizationId?: string | null): Promise<MirrorDirectory[]>
  /** One user, or null where the mirror has none of this id. */
  user(id: string): Promise<MirrorUser | null>
  /** One group, or null where the mirror has none of this id. */
  group(id: string): Promise<MirrorGroup | null>
  /** The users with this primary address, whatever the case of its letters: an address is no identity, and several may have it. */
  findUsers(by: { email: string }): Promise<MirrorUser[]>
  /** How the mirror stands with each directory. */
  status(): Promise<DirectoryStatus[]>
  /** The ids of the users whose removal from a directory is held back, all of them. */
  heldRemovals(directoryId: string): Promise<string[]>
  /**
   * Remembers the application's own account id beside a user, or forgets it (null). It is in every change of theirs from now on, and stays
   * whatever else of them changes.
   * @throws errors.NotFoundError where the mirror has no such user.
   */
  link(userId: string, accountId: string | null): Promise<void>
  /**
   * Says which groups give which roles: pairs of a group (its id, its name, or a pattern of names with `*` and `?`) and a role. All that fit
   * count. What that changes for whom is in the feed as `roles.changed` when this resolves.
   */
  setRoleMap(map: readonly (readonly [group: string, role: string])[] | ReadonlyMap<string, string> | { readonly [group: string]: string }): Promise<void>
  /** The pairs of the role map. */
  roleMap(): Promise<[group: string, role: string][]>
  /**
   * The changes behind the consumer's cursor, oldest first, `limit` (1 to 10,000; 100 unless set) at most. A name that is new begins with the
   * oldest change that is kept. What is not acknowledged comes again.
   */
  poll(consumer: string, options?: { limit?: number }): Promise<Change[]>
  /** As `poll`, but where there is nothing yet it waits for the first change until `timeoutMs` has passed, and then gives none. */
  wait(consumer: string, options?: { limit?: number; timeoutMs?: number; signal?: AbortSignal }): Promise<Change[]>
  /**
   * Every change behind the consumer's cursor, and then the next ones as they come: the loop waits for them, and keeps the process alive while
   * it does. It ends when it is left, when `signal` is aborted, and when the mirror is closed. Each change is given once; what was not
   * acknowledged comes again in the next loop.
   */
  changes(consumer: string, options?: { limit?: number; signal?: AbortSignal }): Changes
  /** Acknowledges every change up to and including `seq`. Durable when it resolves. */
  ack(consumer: string, seq: number): Promise<void>
  /**
   * Puts a change aside that the consumer cannot handle, with what there is to say about it, and acknowledges it with those before it.
   * @throws errors.InvalidArgumentError for a snapshot's change as well (its `seq` is negative), which the feed does not keep: acknowledge that,
   * and note it elsewhere.
   */
  park(consumer: string, seq: number, reason: string): Promise<void>
  /** What the consumer has put aside, oldest first. */
  parkedChanges(consumer: string): Promise<ParkedChange[]>
  /** Forgets a change that was put aside; whether there was one. */
  dropParked(consumer: string, seq: number): Promise<boolean>
  /**
   * Has a consumer, new or old, start with what is there: a `group.created` and a `user.created` for each group and user, with negative
   * numbers and the cause `snapshot`, and then every change since this call.
   */
  startFromSnapshot(consumer: string): Promise<void>
  /** Every consumer, and how far it is. */
  consumers(): Promise<FeedConsumer[]>
  /** Forgets a consumer that is not coming back, with all it has put aside; whether there was one. */
  dropConsumer(name: string): Promise<boolean>
  /** Removes changes that every consumer has acknowledged and that are old enough, and what else has had its time. Syncs do it when they end. */
  trim(): Promise<void>
  /** Closes the mirror: loops over `changes` and calls of `wait` end at once, other calls that are under way finish first. */
  close(): Promise<void>
  /** `close`, for `using`. Where the runtime has that symbol. */
  [Symbol.dispose](): void
  /** `close`, for `await using`. Where the runtime has that symbol. */
  [Symbol.asyncDispose](): Promise<void>
}
