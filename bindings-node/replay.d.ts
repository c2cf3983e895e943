import type { MemoryReplayGuardOptions, ReplayGuardOptions } from './options'
import type { UnknownEvent } from './webhook'

/** A store of the application for the ids of handled messages. */
export interface ReplayStore {
  /** Returns whether the id is recorded and has not expired. */
  contains(messageId: string): boolean | Promise<boolean>
  /** Records the id at least until `expiresAt`. An id that is recorded already gets the new time. */
  record(messageId: string, expiresAt: Date): unknown
  /**
   * Records the id at least until `expiresAt`, unless it is recorded already, in one atomic step. Returns whether this call recorded it.
   * `ReplayGuard.claim` needs it. With Redis: `SET` with `NX` and `EXAT`.
   */
  claim?(messageId: string, expiresAt: Date): boolean | Promise<boolean>
  /** Removes the id if it is recorded. `ReplayGuard.release` needs it. */
  release?(messageId: string): unknown
}

/** Options of `check` and `commit`. */
export interface ReplayCheckOptions {
  /** The time to use: a Date, or Unix seconds. The current time by default. */
  now?: Date | number | undefined
}

/**
 * Records which messages were handled.
 *
 * Call `check` before a message is handled, and `commit` after it was handled and before the request is answered. For a message that was
 * not committed, `check` returns true again. It may return true for two deliveries of one message at the same time, because no lock is held between
 * `check` and `commit`; `claim` returns true for one of them.
 */
export class ReplayGuard {
  /**
   * Makes a replay guard that keeps message ids in the memory of this process.
   * @throws errors.InvalidArgumentError for an option that cannot be used.
   */
  constructor(options?: MemoryReplayGuardOptions)
  /**
   * Makes a replay guard that keeps message ids in a SQLite file, which is created if it does not exist. Several processes of one machine may use the file
   * at once. The file is opened on the event loop, and used on other threads.
   * @throws errors.StoreError if the file cannot be opened, or is another kind of file; errors.ConfigError if the path begins like a URL.
   */
  static sqlite(path: string, options?: ReplayGuardOptions): ReplayGuard
  /** Makes a replay guard that keeps message ids in a store of the application. Its calls reject with the exceptions of the store. */
  static custom(store: ReplayStore, options?: ReplayGuardOptions): ReplayGuard
  /**
   * Returns true if a message is not recorded as handled. Records nothing.
   * @param message An event, or its `messageId`.
   */
  check(message: Pick<UnknownEvent, 'id' | 'messageId'> | string, options?: ReplayCheckOptions): Promise<boolean>
  /**
   * Records that a message was handled.
   * @param message An event, or its `messageId`.
   */
  commit(message: Pick<UnknownEvent, 'id' | 'messageId'> | string, options?: ReplayCheckOptions): Promise<void>
  /**
   * Records a message as handled, unless it is recorded already, in one atomic step. Returns whether this call recorded it: of several deliveries
   * at the same time, one gets true. Call it before the message is handled, instead of `check` and `commit`, and `release` if handling it fails. If
   * the process ends in between, the message is not handled again.
   * @param message An event, or its `messageId`.
   */
  claim(message: Pick<UnknownEvent, 'id' | 'messageId'> | string, options?: ReplayCheckOptions): Promise<boolean>
  /**
   * Deletes the record of a message, so that it is handled when it is delivered again: for a claimed message whose handling failed.
   * @param message An event, or its `messageId`.
   */
  release(message: Pick<UnknownEvent, 'id' | 'messageId'> | string): Promise<void>
}
