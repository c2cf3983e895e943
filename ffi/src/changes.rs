//! The iterator over a consumer's changes, which threads may share.

use crate::boundary::{call, free};
use crate::change::timeout;
use crate::error::hc_error;
use crate::generated::{hc_change, hc_status};
use crate::mirror::hc_mirror;
use headcount_core::blocking::Changes;
use std::ffi::c_char;

/// An iterator over the changes of one consumer. Unlike other iterators it may be used by any number of threads at once: each change goes to one of
/// them, and belongs to the caller.
pub struct hc_change_iter(Changes);

/// Creates an iterator over the unacknowledged changes of a consumer, which gives each of them once. If there is none, it waits for the next one.
///
/// Acknowledge each change after it was handled, with hc_change_iter_ack. The consumer's cursor moves to a change once that change, and all changes
/// that this iterator gave before it, are acknowledged. The next iterator, here or in another process, gives the changes after the cursor
/// again.
///
/// The consumer is exclusive: while an iterator of another hc_mirror, here or in another process, holds it, hc_change_iter_next waits. An iterator holds
/// the consumer from the first call of hc_change_iter_next until it has ended and all changes that it gave are acknowledged, until it is freed, or
/// until the mirror is closed. It holds a lease of 60 seconds, which a background task renews, even while a handler hangs. If its process is stopped, others
/// wait until the lease expires. If its process ends, they do the same with PostgreSQL; with SQLite, the lease ends at once. To share the work among
/// processes, use hc_mirror_consumer.
///
/// - `mirror`: required. It may be freed before the iterator.
/// - `consumer`: its name, 1 to 200 bytes. A new consumer starts with the first change of the feed.
/// - `timeout_ms`: longest wait for a change, in milliseconds. 0: do not wait. HC_WAIT_FOREVER: no limit.
/// - `iter`: receives the iterator; free it with hc_change_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_changes(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    timeout_ms: i64,
    iter: *mut *mut hc_change_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (mirror: object, consumer: text) => {
        Ok(hc_change_iter(mirror.0.changes(consumer, timeout(timeout_ms)?)))
    })
}

/// Gives the next change. Waits for it up to the iterator's timeout.
///
/// - `iter`: required.
/// - `change`: receives the change, which belongs to the caller: free it with hc_change_free. NULL if none came within the timeout (this may
///   be called again then), and when the mirror is closed (hc_mirror_close).
/// - `error`: may be NULL.
/// - Fails with HC_HISTORY_TRIMMED if the retention has removed the next change, also for a new consumer: call
///   hc_mirror_start_from_snapshot; with HC_STORE; or with HC_INVALID_ARGUMENT, also in a forked child. It may be called again after an error.
/// - Threads: any number at once. Each change goes to one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_iter_next(
    iter: *const hc_change_iter,
    change: *mut *mut hc_change,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, change, (iter: object) => Ok(iter.0.clone().next().transpose()?.map(hc_change::from)))
}

/// Acknowledges one change, and not the changes before it. The acknowledgement is durable once all changes that the iterator gave earlier are
/// acknowledged as well: if they are already, it is durable when this returns.
///
/// - `iter`: required.
/// - `change`: a change that `iter` gave.
/// - `error`: may be NULL.
/// - Fails with HC_STORE: call it again, unless the message says that the lease was lost. In that case the iterator that holds the consumer gives the
///   change again. Fails with HC_INVALID_ARGUMENT, also if the consumer was dropped and in a forked child.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_iter_ack(
    iter: *const hc_change_iter,
    change: *const hc_change,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (iter: object, change: object) => iter.0.ack(change.record.seq))
}

/// Parks a change that cannot be handled, with a reason, and acknowledges it as hc_change_iter_ack does. It is kept until it is dropped
/// (hc_mirror_drop_parked). A change of a snapshot can be parked as well.
///
/// - `iter`: required.
/// - `change`: a change that `iter` gave.
/// - `reason`: why the change was parked. It is copied.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT, also if the consumer was dropped and in a forked child.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_iter_park(
    iter: *const hc_change_iter,
    change: *const hc_change,
    reason: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (iter: object, change: object, reason: text) => iter.0.park(&change.record, reason))
}

/// Frees an iterator. The changes that it gave stay valid.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_iter_free(iter: *mut hc_change_iter) {
    free!(iter);
}
