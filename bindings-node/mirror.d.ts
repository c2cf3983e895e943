import type { Listing } from './client'
import type { CallOptions, MirrorOptions, StoredMirrorOptions } from './options'
import type {
  Approval,
  Change,
  CopyReport,
  DirectoryStatus,
  Erasure,
  Explanation,
  ExportFormat,
  FeedConsumer,
  HistoryEntry,
  Hold,
  MirrorDirectory,
  MirrorGroup,
  MirrorSettings,
  MirrorUser,
  OrganizationErasure,
  Outcome,
  ParkedChange,
  PendingEvent,
  ReceivedEvent,
  Retirement,
  RoleMapEntry,
  Run,
  SyncMode,
  SyncProgress,
  SyncReport,
} from './records'
import type { Event, Headers, UnknownEvent } from './webhook'

/** Options of a sync. */
export interface SyncOptions {
  /** Which users and groups are listed. `auto` by default. */
  mode?: SyncMode | undefined
  /** Whether the open holds of the directories are approved before the directories are listed. The sync is then a full one. False by default. */
  approveRemovals?: boolean | undefined
  /** Whether to wait while another sync of the directory is running. If not, the directory is not synced and the outcome is `already_running`. True by default. */
  wait?: boolean | undefined
  /**
   * Is called after each page, on the event loop, before the promise of `sync` is settled. If it throws, the sync is cancelled and `sync` rejects with
   * the exception. If it is async, `sync` waits for its promises before it resolves, and a rejection has the same effect as an exception.
   */
  onProgress?: ((progress: SyncProgress) => unknown) | undefined
  /** Whether to show the progress on the process's stderr: as a bar if it is a terminal, and otherwise as a line every few seconds. False by default. */
  progress?: boolean | undefined
  /** Cancels the sync between two transactions. What was committed stays. */
  signal?: AbortSignal | undefined
}

/** Options of `syncAll`. */
export interface SyncAllOptions extends SyncOptions {
  /** Number of organizations that are synced at once. 16 by default. */
  concurrency?: number | undefined
}

/** Options of `plan`: those of `sync` except for `progress` and `wait`. */
export interface PlanOptions extends Omit<SyncOptions, 'approveRemovals' | 'progress' | 'wait'> {
  /** Whether to plan a sync that approves the open holds of the directories first. Nothing is approved. False by default. */
  approveRemovals?: boolean | undefined
}

/** Options of `users`. */
export interface MirrorUserOptions {
  /** Id of a directory (`dir_…`): lists only its users. */
  directoryId?: string | undefined
  /** Id of a group (`dirgroup_…`): lists only its members. */
  groupId?: string | undefined
  /** Cancels the listing. */
  signal?: CallOptions['signal'] | undefined
}

/** Options of `history`. */
export interface HistoryOptions {
  /** Id of a user (`diruser_…`), who may have been removed: lists only changes of this user. Not together with `groupId`. */
  userId?: string | undefined
  /** Id of a group (`dirgroup_…`): lists only changes of this group. Who joined and left it is in the entries of the users. */
  groupId?: string | undefined
  /** Id of an organization (`org_…`): lists only changes in it. */
  organizationId?: string | undefined
  /** Lists only changes that were written at this time or later: a Date, RFC 3339 text, a date or milliseconds since 1970. */
  since?: Date | string | number | undefined
  /** Lists only changes that were written before this time. */
  until?: Date | string | number | undefined
  /** Cancels the listing. */
  signal?: CallOptions['signal'] | undefined
}

/** Options of `at`. */
export interface PastUserOptions extends MirrorUserOptions {
  /** Lists only users who had this role at that time. */
  role?: string | undefined
}

/** Options of `export`. */
export interface ExportOptions extends PastUserOptions {
  /** The format of the text. Default: `csv`. */
  format?: ExportFormat | undefined
  /** The time whose users are exported: a Date, RFC 3339 text, a date or milliseconds since 1970. Default: the present users. */
  moment?: Date | string | number | undefined
}

/** Which past syncs to return. */
export interface RunOptions {
  /** Only syncs of this directory (`dir_…`). Default: all directories. */
  directoryId?: string | null | undefined
  /** Only syncs of this organization (`org_…`). Default: all organizations. */
  organizationId?: string | null | undefined
  /** Only syncs whose `number` is less than this: that of the last one returned, for the next page. */
  before?: number | null | undefined
  /** The most syncs to return, 1 to 10,000. Default: 100. */
  limit?: number | undefined
}

/** Which received events to return. */
export interface EventOptions {
  /** Only events of this organization (`org_…`). Default: all organizations. */
  organizationId?: string | null | undefined
  /** Only events about the user, group, directory or organization with this id. Default: all events. */
  subjectId?: string | null | undefined
  /** Only events whose `number` is less than this: that of the last one returned, for the next page. */
  before?: number | null | undefined
  /** The most events to return, 1 to 10,000. Default: 100. */
  limit?: number | undefined
}

/** Options of `groups` and `holds`. */
export interface MirrorGroupOptions {
  /** Id of a directory (`dir_…`): returns only its groups or holds. */
  directoryId?: string | undefined
}

/** Options of `holdUsers`. */
export interface HoldUsersOptions {
  /** Cancels the listing. */
  signal?: CallOptions['signal'] | undefined
}

/** Who decides about a hold or retires a directory, and why. Both are stored with the decision. */
export interface HoldDecision {
  /** Who decides, 1 to 200 bytes. */
  by: string
  /** Why, at most 2,000 bytes. Empty by default. */
  note?: string | undefined
}

/** Options of `protect`. */
export interface ProtectOptions {
  /** Why the user is protected, 1 to 2,000 bytes. */
  reason: string
}

/** Options of `copyTo`. */
export interface CopyOptions {
  /** Name of the schema in PostgreSQL that gets the copy; `headcount` by default. The role has to be its owner. */
  schema?: string | undefined
}

/** The content type of the text that `metrics` returns, for the answer of a web server. */
export declare const METRICS_CONTENT_TYPE: string

/** Options of `metrics`. */
export interface MetricsOptions {
  /** Whether metrics of a directory have the label `organization`, and pending events are counted for each organization. False by default. */
  organizations?: boolean | undefined
}

/** Options of `reconcile`. */
export interface ReconcileOptions {
  /** Only users of this organization (`org_…`) are given, so only its directories need a full sync. Users of all organizations by default. */
  organizationId?: string | undefined
  /**
   * Full syncs that began before this time, a Date or Unix seconds, do not count. By default the time at which the mirror was opened, because the
   * store may have been restored before.
   */
  since?: Date | number | undefined
}

/** Options of `findUsers`. */
export interface FindUsersOptions {
  /** Primary e-mail address; upper and lower case are not distinguished. */
  email: string
}

/** Options of `receive`. */
export interface ReceiveOptions {
  /**
   * The time at which the request arrived, a Date or Unix seconds, for a request that waited in a queue: its timestamp is compared with this time. The
   * current time by default.
   */
  now?: Date | number | undefined
}

/** Options of `poll`. */
export interface PollOptions {
  /** Maximum number of changes to return, 1 to 10,000. 100 by default. */
  limit?: number | undefined
  /** True for groups of changes: see `GroupedPollOptions`. False by default. */
  groupByUser?: false | undefined
}

/** Options of a `poll` that returns groups of changes. */
export interface GroupedPollOptions {
  /** Maximum number of changes to return, 1 to 10,000. 100 by default. The first group is returned even if it has more. */
  limit?: number | undefined
  /** Returns the changes in groups: those of one user and step together. */
  groupByUser: true
}

/** Options of `changes`. */
export interface ChangesOptions extends Omit<PollOptions, 'groupByUser'> {
  /** Ends the loop. */
  signal?: AbortSignal | undefined
}

/** Options of `consumer`. */
export interface ConsumerOptions {
  /**
   * Number of partitions, 1 to 256, which is also the maximum number of workers that get changes. All workers of a consumer need the same number. 16 by default.
   * With 1, the consumer is exclusive: one worker gets all changes, and the others wait until it releases the partition.
   */
  partitions?: number | undefined
  /**
   * Duration of the worker's lease in seconds, at least 1. 60 by default. If the process was stopped or has ended, the lease is not renewed, and other workers
   * take over the partitions when it expires. With SQLite, the lease ends at once if the process ends.
   */
  leaseSeconds?: number | undefined
  /** Ends the iteration and closes the worker. */
  signal?: AbortSignal | undefined
}

/** Options of `wait`. */
export interface WaitOptions extends Omit<PollOptions, 'groupByUser'> {
  /** Number of milliseconds after which an empty list is returned. Without it the call waits until there is a change. */
  timeoutMs?: number | undefined
  /** Cancels the call. */
  signal?: AbortSignal | undefined
}

/** A change that `mirror.changes` or a worker of `mirror.consumer` returned. */
export type FollowedChange = Change & {
  /**
   * Acknowledges this change: the consumer does not get it again.
   *
   * For a change of `mirror.changes`, it does not acknowledge earlier changes. The acknowledgement is durable when the promise is fulfilled, if all
   * changes that the iterator returned earlier are acknowledged, and otherwise once they are. For a change of a worker, it also acknowledges the earlier
   * changes that the worker returned from the same partition, and is durable when the promise is fulfilled.
   *
   * Rejects with `errors.StoreError` if the acknowledgement cannot be stored: call it again, unless the message says that the lease was lost. In that case
   * the iterator or worker that now holds the consumer or the partition returns the change again. Rejects with `errors.InvalidArgumentError` after the
   * mirror was closed, and if the consumer was dropped.
   */
  readonly ack: () => Promise<void>
  /**
   * Parks this change, which cannot be handled, with a reason, and acknowledges it as `ack` does. `mirror.parkedChanges` lists it. A change of a
   * snapshot can be parked as well. Rejects as `ack` does.
   */
  readonly park: (reason: string) => Promise<void>
}

/** An entry for `setRoleMap`. Without a `key`, the group is an id if it begins with `dirgroup_`, else a name or a pattern of names. */
export type RoleMapEntryInput = Pick<RoleMapEntry, 'group' | 'role'> & Partial<Pick<RoleMapEntry, 'key' | 'organizationId'>>

/** An async iterator over the changes of one consumer. Tasks may share it: each change goes to one of them. */
export interface Changes extends AsyncIterableIterator<FollowedChange> {
  /** Returns the next change; waits until there is one. */
  next(): Promise<IteratorResult<FollowedChange, undefined>>
  /** Ends the iteration; `break` in a loop does this. */
  return(value?: undefined): Promise<IteratorResult<FollowedChange, undefined>>
}

/**
 * A worker of a consumer with partitions: an async iterator over the changes of the partitions that it holds. Tasks may share it: each change goes to one of
 * them. The first call of `next` joins the consumer.
 *
 * A background task renews the lease as long as the worker is open, even while a handler hangs: limit the time of the handler. If 1,000 returned
 * changes are not acknowledged, `next` waits for an acknowledgement.
 */
export interface Worker extends AsyncIterableIterator<FollowedChange> {
  /** Numbers of the partitions that this worker holds, in ascending order. */
  readonly partitions: number[]
  /**
   * Returns the next change of the partitions that this worker holds; waits until there is one. Rejects as `mirror.poll` does, and with
   * `errors.InvalidArgumentError` if the consumer has another number of partitions and workers hold some of them. It may be called again after an error.
   */
  next(): Promise<IteratorResult<FollowedChange, undefined>>
  /**
   * Acknowledges all changes that this worker has returned, in one write. Durable when the promise is fulfilled. Rejects as `ack` of a change does. If the
   * message of an `errors.StoreError` says that the lease was lost, some of the changes were not acknowledged, and other workers get them again.
   */
  ackAll(): Promise<void>
  /** Does the same as `close`. `break` and an exception in a loop call it. */
  return(value?: undefined): Promise<IteratorResult<FollowedChange, undefined>>
  /**
   * Ends the iteration and releases the worker's partitions. When the promise is fulfilled, other workers can take them, and get the changes that were not
   * acknowledged. Closing again has no effect. Rejects with `errors.StoreError` if the store fails: the partitions are then released when the lease
   * expires.
   */
  close(): Promise<void>
  /** Does the same as `close`, for `using`, if the runtime has this symbol. */
  [Symbol.dispose](): void
  /** Does the same as `close`, for `await using`, if the runtime has this symbol. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What a sync would change; made by `mirror.plan`. It does not depend on the mirror, which may be closed. */
export interface Plan {
  /**
   * The outcome that the sync would have: `incomplete` if the listing of a directory could not be applied as a whole, or else `held` if the guard would hold
   * losses of access in a directory, or else `done`.
   */
  readonly outcome: SyncReport['outcome']
  /** The report that the sync would make for each directory, in the order of the directories' ids. */
  readonly reports: SyncReport[]
  /** Number of planned changes by kind, such as `{ 'user.created': 2 }`. Kinds without changes are left out. */
  readonly counts: { readonly [kind in Change['kind']]?: number }
  /**
   * The holds that the directories would have after the sync: open ones that it would leave open, and new ones. A new hold gets another id when a sync
   * makes it.
   */
  readonly holds: Hold[]
  /** Why the listing of a directory could not be applied as a whole, in one English sentence; null unless the outcome is `incomplete`. */
  readonly incomplete: string | null
  /**
   * The `errors.MassRemovalError` that the sync would reject with, because the guard would hold the removal of users whom a full listing lacks; or null.
   */
  readonly error: SyncReport['error']
  /**
   * A new listing of the planned changes, in the order in which the planned sync made them. Their numbers (`seq`) are those after the mirror's latest
   * change. It rejects with `errors.StoreError` if the plan is closed.
   */
  readonly changes: Listing<Change>
  /** Deletes the temporary database. The changes cannot be read any more. Closing again does nothing. */
  close(): Promise<void>
  /** Does the same as `close`, for `using`, if the runtime has this symbol. */
  [Symbol.dispose](): void
  /** Does the same as `close`, for `await using`, if the runtime has this symbol. */
  [Symbol.asyncDispose](): Promise<void>
}

declare global {
  interface SymbolConstructor {
    /** The symbol of `await using`. */
    readonly asyncDispose: unique symbol
  }
}

/**
 * A durable local copy of every directory, with a feed of its changes.
 *
 * Any number of calls may run at once, and other processes may use the same file or database. Calls reject with `errors.StoreError` if the store
 * fails, and with `errors.InvalidArgumentError` after the mirror was closed.
 */
export class Mirror {
  /**
   * Opens a mirror. The file is opened on the event loop, and used on other threads.
   * @param path Path of the SQLite file, which is created if it does not exist. `:memory:` makes a mirror in memory, whose data is lost when it is
   * closed. A string that begins with `postgresql://` or `postgres://` is the URL of a PostgreSQL database: `postgresql://user@host/database`.
   * @param options Settings that differ from the defaults.
   * @throws errors.StoreError if the file is another kind of file, was written by a newer version, or cannot be read and written, and if the
   * database cannot be reached or refuses the user; errors.ConfigError for a secret, a URL or an option for PostgreSQL that cannot be used,
   * for an option for PostgreSQL with a file, for a `guardShare` that is not from 0 to 1, and for a `guardWindowSeconds` of 0;
   * errors.InvalidArgumentError for an option that is unknown or of another type.
   */
  constructor(path: string, options?: MirrorOptions)
  /**
   * The id of the mirror's store, a UUID. The store gets it when a mirror that may write first opens it. All mirrors that open the store have the same id,
   * and so does a copy that `copyTo` makes. A program that keeps numbers of changes elsewhere can store the id with them: if it later finds another id, its
   * numbers belong to another feed. `null` if the store has no id and may only be read.
   */
  readonly id: string | null
  /**
   * Syncs every directory of an organization. If the sync of one fails, the others are synced nevertheless, and then the promise rejects.
   * @throws errors.MassRemovalError if more users would be removed than the guard permits. They stay until their hold is approved, by `approve` or by a
   * sync with `approveRemovals`.
   */
  sync(organizationId: string, options?: SyncOptions): Promise<SyncReport[]>
  /** Syncs every directory of an organization. */
  sync(organizationId: string, directoryId: undefined | null, options?: SyncOptions): Promise<SyncReport[]>
  /** Syncs one directory of an organization. */
  sync(organizationId: string, directoryId: string, options?: SyncOptions): Promise<SyncReport>
  /** Syncs one directory or every directory of an organization. */
  sync(organizationId: string, directoryId: string | undefined | null, options?: SyncOptions): Promise<SyncReport | SyncReport[]>
  /** Syncs every directory of every organization. If the sync of one fails, its report has the `error`, and the others are synced nevertheless. */
  syncAll(options?: SyncAllOptions): Promise<SyncReport[]>
  /**
   * Returns what a sync of every directory of an organization would change. Reads what the sync would read, and writes nothing to the mirror. A mirror that
   * may only be read can plan as well.
   *
   * The plan is exact if neither the directories nor the mirror change before the sync. In a listing of several pages, the order of the changes may differ: it
   * depends on how many pages are written together. A plan does not wait for a sync that is running, or delay one.
   *
   * The organization's rows are copied to a temporary SQLite database. Up to 16 MiB of it are in memory. The rest and its journal are in files in the folder for
   * temporary files (`SQLITE_TMPDIR`, `TMPDIR`, `/var/tmp`, `/tmp`). They contain personal data. Only the user of this process can read them. They are
   * deleted when the plan is closed or garbage-collected, and when the process ends.
   * @throws what `sync` throws, except for errors.MassRemovalError, which the plan then has as `error`. errors.StoreError also if the folder for temporary
   * files is full.
   */
  plan(organizationId: string, options?: PlanOptions): Promise<Plan>
  /** Returns what a sync of one directory, or of every directory of an organization, would change. */
  plan(organizationId: string, directoryId: string | undefined | null, options?: PlanOptions): Promise<Plan>
  /**
   * Verifies a webhook, stores it and applies it. Durable when the promise is fulfilled.
   *
   * Answer 201 to any outcome, 400 to an `errors.WebhookVerificationError`, and 500 to any other error, so that the vendor sends it again.
   * @param body The unchanged body; not a value that was parsed from it.
   * @param headers The request's headers.
   */
  receive(body: Uint8Array | ArrayBuffer | ArrayBufferView | string, headers: Headers, options?: ReceiveOptions): Promise<Outcome>
  /** Stores and applies an event that was verified before, for example by an endpoint of `headcount/express`. */
  apply(event: Event | UnknownEvent): Promise<Outcome>
  /** Lists the users of an organization, in the order in which they were first mirrored. */
  users(organizationId: string, options?: MirrorUserOptions): Listing<MirrorUser>
  /**
   * Lists what changed, when and because of what, oldest first. Each entry has what one step, such as an event, changed about one user, group, directory or
   * organization, with the values before and after. The history is kept for 400 days, unless `historySeconds` says otherwise.
   * @throws errors.InvalidArgumentError if both a user and a group are given, or `since` is after `until`.
   * @throws errors.HistoryTrimmedError if the mirror keeps no history.
   */
  history(options?: HistoryOptions): Listing<HistoryEntry>
  /**
   * Lists the users of an organization as they were at a past time, with the groups and roles of that time, in no particular order. Users who have been
   * removed since are among them, users who were added later are not. `updatedAt` is null, and `linkedId` is the present one, or that at the removal of a
   * user who has been removed since.
   * @param moment A Date, RFC 3339 text, a date, or milliseconds since 1970.
   * @throws errors.InvalidArgumentError if the moment is in the future.
   * @throws errors.HistoryTrimmedError if the moment is before the history began, or the mirror keeps no history.
   */
  at(moment: Date | string | number, organizationId: string, options?: PastUserOptions): Listing<MirrorUser>
  /**
   * Lists an organization's users as text, for reviews of who has access: pieces of whole lines, of 500 users at most. All pieces, one after another, are
   * the export.
   *
   * Each user has the columns, or keys, `at` (the time whose state it is, RFC 3339 in UTC), `organization_id`, `directory_id`, `user_id`, `email`,
   * `given_name`, `family_name`, `active`, `roles`, `groups` (their names at that time), `group_ids` (in the same order) and `linked_id`. A later version
   * may add columns at the end. In the CSV, roles and groups are joined by `; `, and a text that a spreadsheet would take for a formula begins with an
   * apostrophe.
   * @throws errors.InvalidArgumentError if the format is unknown, or the moment is in the future.
   * @throws errors.HistoryTrimmedError if the moment is before the history began, or the mirror keeps no history.
   */
  export(organizationId: string, options?: ExportOptions): Listing<string>
  /** Returns the groups of an organization: by the id of their directory, and then in the order in which they were first mirrored. */
  groups(organizationId: string, options?: MirrorGroupOptions): Promise<MirrorGroup[]>
  /** Returns the mirrored directories of an organization, or all directories if there is no id. */
  directories(organizationId?: string | null): Promise<MirrorDirectory[]>
  /** Returns a user by id (`diruser_…`), or null if it is not mirrored. */
  user(id: string): Promise<MirrorUser | null>
  /** Returns a group by id (`dirgroup_…`), or null if it is not mirrored. */
  group(id: string): Promise<MirrorGroup | null>
  /**
   * Returns the users of all organizations with this primary e-mail address, compared without regard to case and Unicode normalization. Several users may
   * have the same address.
   * @throws errors.InvalidArgumentError if nobody is found and the mirror does not store addresses (option `fields`).
   */
  findUsers(by: FindUsersOptions): Promise<MirrorUser[]>
  /** Returns how up to date the mirror is with each directory. */
  status(): Promise<DirectoryStatus[]>
  /** Returns the ids of all users whose removal from a directory the guard holds back. */
  heldRemovals(directoryId: string): Promise<string[]>
  /** Returns the open holds of an organization, or of one of its directories, in the order in which they were made. */
  holds(organizationId: string, options?: MirrorGroupOptions): Promise<Hold[]>
  /**
   * Lists the users that a hold names, as they are mirrored now: none if none of its users is held any more, or if the hold is about a directory as a
   * whole.
   * @throws errors.InvalidArgumentError if `holdId` is not the id of a hold.
   */
  holdUsers(holdId: string, options?: HoldUsersOptions): Listing<MirrorUser>
  /**
   * Approves a hold: applies the losses of access of the users that `holdId` names, if these are still held. A hold gets another id when the guard adds
   * users to it, and each id names the users that the hold had when the id was returned; users who were added later stay held. Resolves to the number of
   * users who lost access.
   * @throws errors.NotFoundError if no user of the hold is held any more.
   * @throws errors.InvalidArgumentError if `holdId` is not the id of a hold, if the hold is about a directory as a whole, and for a `by` or `note`
   * of the wrong length.
   */
  approve(holdId: string, decision: HoldDecision): Promise<number>
  /**
   * Drops a hold: the users that `holdId` names stay as they are mirrored, until a later listing or event changes or removes them. Resolves to the
   * number of those users. Throws what `approve` throws.
   */
  dismiss(holdId: string, decision: HoldDecision): Promise<number>
  /**
   * Removes the users and groups of a directory that is no longer used, which syncs do not remove. The guard does not limit the removal. Resolves to the
   * number of users that were removed. If a call fails partway, the rest is removed by another call, when the organization is next synced, or when the
   * mirror is next opened.
   * @throws errors.NotFoundError if no directory of this id is mirrored.
   * @throws errors.InvalidArgumentError if the directory is neither missing nor disabled, and for a `by` or `note` of the wrong length.
   */
  retire(directoryId: string, decision: HoldDecision): Promise<number>
  /** Returns the decisions about the holds of an organization, or all decisions if there is no id, in the order in which they were made. */
  approvals(organizationId?: string | null): Promise<Approval[]>
  /** Returns the retirements of directories, oldest first. A retirement is deleted when the retention has passed since its end. */
  retirements(): Promise<Retirement[]>
  /**
   * Returns the pending events of an organization, oldest first: those that wait for a sync to show which directory they are about. They contain
   * no personal data.
   */
  pendingEvents(organizationId: string): Promise<PendingEvent[]>
  /**
   * Returns past syncs of directories, newest first. A sync that failed before a directory was listed has one as well; one that was `already_running` has
   * none. Syncs are kept for 400 days, or for the retention if that is longer; those that changed nothing are kept for the retention.
   * @throws errors.InvalidArgumentError for a `limit` that is out of range.
   */
  runs(options?: RunOptions): Promise<Run[]>
  /**
   * Returns a received event and what the mirror did with it, or null if no event with this id is stored. Events of types that do not change the mirror are
   * not stored. Events are kept for a week, and pending ones for at most 37 days.
   */
  event(id: string): Promise<ReceivedEvent | null>
  /**
   * Returns received events, newest first. They are kept as `event` says.
   * @throws errors.InvalidArgumentError for a `limit` that is out of range.
   */
  events(options?: EventOptions): Promise<ReceivedEvent[]>
  /**
   * Explains why a user has or lost access: the user as mirrored now or the removal, what gives each role, the changes with their causes, events that had no
   * effect and why, the open holds, and what would take access away or bring the user back. `text()` of the result is a text for a ticket. A user of whom the
   * mirror knows nothing has the state `unknown`. The changes come from the history: if the mirror keeps none, there are none.
   * @throws errors.InvalidArgumentError if the id is empty or longer than 255 bytes.
   */
  explain(userId: string): Promise<Explanation>
  /**
   * Stores the application's own account id of a user; null removes it. Later changes of the user contain it as `linkedId`. Syncs and events do not
   * change it, and it is kept for a week after the user was removed, in case the user returns.
   * @throws errors.NotFoundError if the user is not mirrored or was removed.
   */
  link(userId: string, accountId: string | null): Promise<void>
  /**
   * Protects a user: from now on, no listing and no event removes or deactivates the user or takes all roles away without an approval, whatever the
   * guard's budget. What they would do is held, in a hold with the reason `protected_users`. Losses that are held already stay in their hold. What the
   * application asks for is not held: `setRoleMap` and `retire`. The protection ends with `unprotect`, and when the user is removed. The reason is kept as
   * `protection`, and replaces an earlier one.
   * @throws errors.NotFoundError if the user is not mirrored or was removed.
   * @throws errors.InvalidArgumentError for a reason of the wrong length.
   */
  protect(userId: string, options: ProtectOptions): Promise<void>
  /**
   * Ends the protection of a user: the guard's budget alone limits later losses of access. A loss that is held stays held until it is approved or
   * dismissed. Does nothing for a user who is not protected.
   * @throws errors.NotFoundError if the user is not mirrored or was removed.
   */
  unprotect(userId: string): Promise<void>
  /**
   * Stores which groups give which roles. When the promise is fulfilled, the feed contains a `roles.changed` for each user whose roles changed.
   * @param map Pairs of a group and a role, and entries: a list, a Map, another iterable, or an object with a role for each group. The group of a pair is
   * an id if it begins with `dirgroup_`, else a name, or a pattern of names with `*` and `?`. The `key` of an entry states whether its group is an id or a
   * name; an entry may be limited to an organization. A user gets the roles of all matching entries. At most 10,000 entries; an empty list removes all roles.
   * @throws errors.InvalidArgumentError, which names the entry, for anything else, such as a promise, and for an iterator that was read before; and
   * for an empty group, role or organization or one of more than 1,000 bytes.
   */
  setRoleMap(map: Iterable<readonly [group: string, role: string] | RoleMapEntryInput> | { readonly [group: string]: string }): Promise<void>
  /** Returns the group and the role of each entry of the role map, in the order in which they were set. */
  roleMap(): Promise<[group: string, role: string][]>
  /** Returns the entries of the role map, in the order in which they were set. */
  roleMapEntries(): Promise<RoleMapEntry[]>
  /** Returns the entries of the role map that match no mirrored group: the group was renamed or deleted, or the name is misspelt. */
  unmatchedRoles(): Promise<RoleMapEntry[]>
  /** Returns the settings in effect, which the store keeps for all processes, and those that this mirror was opened with and that are not in effect. */
  settings(): Promise<MirrorSettings>
  /**
   * Changes settings, for all processes that use the store: each reads them with its next write. An option that is not given leaves its setting unchanged.
   * @throws errors.InvalidArgumentError for an option that is unknown or of another type, for a `guardShare` that is not from 0 to 1, for a
   * `guardWindowSeconds` of 0, and for an unknown or repeated name in `fields`.0 or a `deletionGraceSeconds` of more than ten years.
   */
  configure(options: StoredMirrorOptions): Promise<void>
  /**
   * Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL has
   * changed; a mirror must not be synced with two environments.
   */
  unbindEnvironment(): Promise<void>
  /**
   * Copies the mirror, without leases, to a new file or to a PostgreSQL database. In the copy, consumers continue where they were. Before the call, stop
   * everything that writes to the mirror: if something is written during the copy, the call rejects. If it rejects, the target stays empty, and the call can be
   * repeated.
   * @param target The path of a file, or the URL of a database, as for the constructor. The file or the schema must not have been used by a mirror.
   * @throws errors.StoreError if the target is not empty, is this mirror's own store, or cannot be opened or written, and if the mirror was
   * written during the copy.
   * @throws errors.ConfigError if the target is `:memory:`, and if the URL or the schema is invalid.
   */
  copyTo(target: string, options?: CopyOptions): Promise<CopyReport>
  /**
   * Writes a backup of the mirror to a new file, while the mirror is in use: for a mirror in a file or in memory. The backup is a mirror's file with
   * everything that was in the mirror at one moment. It is durable when the promise is fulfilled, and only its owner can read and write it. If the promise is
   * rejected, there is no file.
   *
   * To restore it, stop all processes that use the mirror, delete the mirror's file and the files beside it that end with `-wal` and `-shm`, and copy
   * the backup in its place. Then run a full sync and call `reconcile`. The backup has the mirror's id: do not use both at once.
   * @param path The path of a file that does not exist.
   * @throws errors.ConfigError if the path is empty, `:memory:`, a URL, or that of the mirror's own file.
   * @throws errors.StoreError if there is a file, if the folder does not exist or cannot be written, if the disk is full, or if the mirror is in
   * PostgreSQL, which has `pg_dump`.
   */
  backup(path: string): Promise<void>
  /**
   * Erases a user: removes all personal data of one person from the mirror, for example when the person asks for it (GDPR, article 17). When the promise
   * is fulfilled, the user's row, groups, link and protection, the history of the user, and the content of changes, parked changes and events about the
   * user are gone: in SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it vacuums them.
   *
   * The numbers of the feed stay as they are. Each change about the user becomes a `user.deleted` with the cause `erasure:` and the erasure's id, which has
   * only the ids of the user, the organization and the directory. A user whom the mirror has gets one more `user.deleted` first. A deletion that a consumer
   * has not acknowledged also keeps `linkedId`, until it is removed with the change when the retention has passed. The guard does not limit this.
   *
   * A tombstone keeps the user erased: listings and events about the user are ignored (`SyncReport.erased`, the outcome `erased`). It has a keyed hash of
   * the id, not the id. A user whom the mirror does not know gets one as well. If the directory makes the person anew, they have another id, which is not
   * erased. Backups that were made before the erasure still have the data. An erasure that is interrupted is completed by another call, the next sync, the
   * next removal of old rows, or when the mirror is next opened. Erasing a user again changes nothing.
   * @param userId Id of the user (`diruser_…`), 1 to 200 bytes.
   * @throws errors.InvalidArgumentError if the id is empty, too long, or has spaces or characters that are not printable ASCII.
   * @throws errors.StoreError if the store fails, also if a reader of a SQLite file, such as a running backup, keeps its log for five seconds: the erasure
   * is completed later then.
   */
  eraseUser(userId: string): Promise<Erasure>
  /**
   * Forgets an organization, for example a customer who left: removes everything that the mirror has about it. When the promise is fulfilled, the
   * organization, its directories, the tombstones of its users and groups, their history, links and protections, its events, holds, decisions, retirements
   * and syncs, and its entries in the role map are gone: in SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it
   * vacuums them.
   *
   * It removes no accounts, so it is refused while that is not done: first `retire` the organization's directories, and let every consumer acknowledge the
   * changes. Parked changes are removed, but it is refused while the deletion of a user is parked.
   *
   * The numbers of the feed stay as they are. Each change of the organization becomes an `organization.forgotten` with the cause `erasure:` and the
   * erasure's id, without any other id. Consumers that start at the beginning of the feed get these changes, and only acknowledge them.
   *
   * A tombstone keeps the organization forgotten: events about it are ignored (the outcome `erased`), and `syncAll` leaves it out, without a report. It has
   * a keyed hash of the id, not the id. An organization that the mirror does not know gets one as well. Syncing the organization by its id removes the
   * tombstone and mirrors the organization anew. Backups that were made before still have the data. It waits for syncs of the directories to end. If it is
   * interrupted, it is completed by another call, the next sync, the next removal of old rows, or when the mirror is next opened. Forgetting an
   * organization again changes nothing.
   * @param organizationId Id of the organization (`org_…`), 1 to 200 bytes.
   * @throws errors.InvalidArgumentError if users or groups of the organization are mirrored; if a consumer has not acknowledged a change of the
   * organization, or has parked the deletion of a user of it, with the consumer's name and the change's number in `context`; if the id is empty, too long, or
   * has spaces or characters that are not printable ASCII.
   * @throws errors.StoreError if the store fails, also if a reader of a SQLite file, such as a running backup, keeps its log for five seconds: call it again
   * when the reader has ended.
   */
  forgetOrganization(organizationId: string): Promise<OrganizationErasure>
  /**
   * Returns metrics as OpenMetrics text, for Prometheus and compatible systems. Answer with the content type `METRICS_CONTENT_TYPE`.
   *
   * Of this mirror object since it was opened: `headcount_sync_duration_seconds` (a histogram, by `outcome`), `headcount_events_total` (by
   * `outcome`) and `headcount_webhooks_refused_total`. Of the store: times of the last syncs, numbers of users, groups and held users of each directory,
   * the lag of each consumer, the number of pending events and of changes. No label names a user.
   */
  metrics(options?: MetricsOptions): Promise<string>
  /**
   * Returns which of these users are not in the mirror, sorted, each once: the directory users that an application knows and that have left. For use
   * after a store was lost or restored. It only reads the mirror.
   *
   * Deactivate the accounts of the returned users, and delete them only after a second full sync and another call have given the same answer. Users
   * whose removal is held are in the mirror.
   * @param ids Ids (`diruser_…`), in any order, also several times. They are read a thousand at a time.
   * @throws errors.InvalidArgumentError while the answer could be wrong: each directory must have had a complete full sync since the mirror was opened, or
   * since `since`, or be retired, and without `organizationId`, `syncAll` must have listed all organizations. Its message says what to do. Also for an
   * empty id.
   */
  reconcile(ids: Iterable<string> | AsyncIterable<string>, options?: ReconcileOptions): Promise<string[]>
  /**
   * Returns the changes after the consumer's cursor, oldest first. Changes that are not acknowledged are returned again. A consumer with a new
   * name starts with the first change of the feed.
   * @throws errors.HistoryTrimmedError if the retention has removed the consumer's next change, also for a new name: call `startFromSnapshot`.
   */
  poll(consumer: string, options?: PollOptions): Promise<Change[]>
  /**
   * Returns the changes after the consumer's cursor in groups, oldest first: all changes that one step (a page of a listing, an event, an approval, …)
   * made to one user are a group. A new hire, for example, is a group of a `user.created`, a `membership.added` for each group of the directory and a
   * `roles.changed`. Each change of a group of the directory, of a directory or of an organization is a group of its own, and so is each change of a
   * snapshot.
   *
   * A group is returned as a whole: the poll stops before a group with which there would be more than `limit` changes, but the first group is returned
   * even if it is longer. If a change within a group was acknowledged, the rest of it is a group. To acknowledge a group, acknowledge its last change.
   * @throws errors.HistoryTrimmedError as above.
   */
  poll(consumer: string, options: GroupedPollOptions): Promise<Change[][]>
  /** Returns changes or groups of changes, for options whose type does not tell which. */
  poll(consumer: string, options: PollOptions | GroupedPollOptions): Promise<Change[] | Change[][]>
  /** Does the same as `poll`, but waits for the first change if there is none. Returns an empty list after `timeoutMs`. */
  wait(consumer: string, options?: WaitOptions): Promise<Change[]>
  /**
   * Iterates over the changes after the consumer's cursor, and waits for further ones.
   *
   * A loop over them keeps the process alive. It ends with `break`, when `signal` is aborted and when the mirror is closed. It returns each change
   * once; changes that were not acknowledged are returned again by the next loop. Acknowledging a change does not acknowledge earlier ones: the
   * consumer's cursor moves to it once all changes that the loop returned before it are acknowledged as well, so that several tasks can share the iterator.
   *
   * The consumer is exclusive: while another `Mirror` iterates over its changes, in this or another process, the loop waits until that one releases
   * the consumer. A loop has a lease of a minute, which a background task renews, even while a handler hangs. If the process is stopped or ends, others
   * wait until the lease expires; with SQLite, the lease ends at once if the process ends. To share the work among processes, use `consumer`.
   */
  changes(consumer: string, options?: ChangesOptions): Changes
  /**
   * Returns a worker of a consumer whose changes are divided into partitions, for any number of workers in any number of processes.
   *
   * All changes of a user are in one partition, which one worker holds at a time through its lease, so that the changes of a user are returned in order.
   * The workers share the partitions evenly. If one joins, the others release some of their partitions, each as soon as its returned changes are
   * acknowledged. If one is closed, or its process ends, the others take over its partitions and get the changes again that it has not acknowledged: with
   * PostgreSQL, if the process has ended, when the lease expires.
   *
   * Close the worker, for example with `await using`. The end of a `for await` loop closes it as well, unless the loop ends because `next` rejected.
   *
   * A consumer that has partitions cannot be read by `poll`, `wait` and `changes`, or acknowledged by `mirror.ack`. The number of partitions can be
   * changed while no worker holds a partition; some acknowledged changes may then be returned again, unless the new number is a multiple of the old one.
   * @param name Name of the consumer, 1 to 200 bytes. A new name starts with the first change of the feed.
   * @throws errors.InvalidArgumentError for an option that is unknown, of another type or out of range.
   */
  consumer(name: string, options?: ConsumerOptions): Worker
  /** Acknowledges every change of the consumer up to and including `seq`. Durable when the promise is fulfilled. */
  ack(consumer: string, seq: number): Promise<void>
  /**
   * Parks a change that the consumer cannot handle, with a reason, and acknowledges it and all earlier ones.
   * @throws errors.InvalidArgumentError if the consumer has no such change, and for a change of a snapshot whose user or group no longer exists.
   * @throws errors.HistoryTrimmedError if the retention has removed the change: acknowledge it, and record it elsewhere.
   */
  park(consumer: string, seq: number, reason: string): Promise<void>
  /** Returns the changes that the consumer has parked, oldest first. */
  parkedChanges(consumer: string): Promise<ParkedChange[]>
  /** Deletes a parked change. Returns whether there was one. */
  dropParked(consumer: string, seq: number): Promise<boolean>
  /**
   * Resets the consumer's cursor to a snapshot of the current rows: the consumer gets a `group.created` and a `user.created` for each group and
   * user, with negative numbers and the cause `snapshot`, and then all changes after this call.
   */
  startFromSnapshot(consumer: string): Promise<void>
  /** Returns every consumer and its position, sorted by name. */
  consumers(): Promise<FeedConsumer[]>
  /** Deletes a consumer and the changes that it has parked. Returns whether there was one. */
  dropConsumer(name: string): Promise<boolean>
  /**
   * Deletes users whose grace (`deletionGraceSeconds`) is over; changes that are older than `retentionSeconds` and that all consumers that have not expired have acknowledged; decisions about holds
   * whose changes were deleted; and tombstones and events that are older than a week. Every sync does this when it ends, and at most once a minute a
   * received event deletes some of these rows.
   */
  trim(): Promise<void>
  /**
   * Closes the mirror. Loops over `changes` and over workers end, and calls of `wait` and syncs reject with an `errors.CancelledError`; what syncs have
   * written stays. Other running calls finish first. When the promise is fulfilled, the file is closed, unless an iterator over users has not ended. When a
   * thread of `node:worker_threads` is terminated, its mirrors are closed.
   */
  close(): Promise<void>
  /** Does the same as `close`, for `using`, if the runtime has this symbol. */
  [Symbol.dispose](): void
  /** Does the same as `close`, for `await using`, if the runtime has this symbol. */
  [Symbol.asyncDispose](): Promise<void>
}
