//! The change feed: reads, acknowledges and parks changes, and resets, lists and deletes consumers. The iterator over a consumer's changes is in
//! `changes`, and consumers with partitions are in `worker`.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::{hc_change_batch, hc_consumer_list, hc_parked_list, hc_status};
use crate::mirror::hc_mirror;
use headcount_core::{Error, Result};
use std::ffi::c_char;
use std::time::Duration;

/// For timeout_ms of hc_mirror_wait, hc_mirror_changes and hc_mirror_consumer: no limit.
pub const HC_WAIT_FOREVER: i64 = -1;

/// Returns the changes after a consumer's cursor, oldest first. A new consumer starts with the first change of the feed. Changes are
/// returned again until they are acknowledged (hc_mirror_ack).
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: largest number of changes, 1 to 10000.
/// - `batch`: receives the changes; empty if there are no new ones; free it with hc_change_batch_free.
/// - `error`: may be NULL.
/// - Fails with HC_HISTORY_TRIMMED if the retention has removed the consumer's next change, also for a new consumer: call
///   hc_mirror_start_from_snapshot; or with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_poll(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    limit: usize,
    batch: *mut *mut hc_change_batch,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, batch, (mirror: object, consumer: text) => mirror.0.poll(consumer, limit).map(hc_change_batch::from))
}

/// Like hc_mirror_poll, but waits for a change if there is none, and gives an empty batch after the timeout. A change that
/// another process commits is noticed within half a second.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: largest number of changes, 1 to 10000.
/// - `timeout_ms`: longest wait, in milliseconds. 0: do not wait. HC_WAIT_FOREVER: no limit.
/// - `batch`: receives the changes; free it with hc_change_batch_free.
/// - `error`: may be NULL.
/// - Fails with HC_CANCELLED when the mirror is closed (hc_mirror_close) during the call, and otherwise as hc_mirror_poll.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_wait(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    limit: usize,
    timeout_ms: i64,
    batch: *mut *mut hc_change_batch,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, batch, (mirror: object, consumer: text) => {
        mirror.0.wait(consumer, limit, timeout(timeout_ms)?).map(hc_change_batch::from)
    })
}

/// Converts the parameter `timeout_ms`: HC_WAIT_FOREVER to `None`. Other negative numbers are an error.
pub(crate) fn timeout(timeout_ms: i64) -> Result<Option<Duration>> {
    match timeout_ms {
        HC_WAIT_FOREVER => Ok(None),
        milliseconds => u64::try_from(milliseconds)
            .map(|given| Some(Duration::from_millis(given)))
            .map_err(|_| Error::invalid_argument("timeout_ms is negative: expected milliseconds, or HC_WAIT_FOREVER")),
    }
}

/// Acknowledges all changes up to and including `seq`: the consumer does not receive them again. (hc_change_iter_ack acknowledges only one
/// change.) The acknowledgement is durable when this returns. A number that is not greater than an acknowledged one has no effect.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of a change that hc_mirror_poll gave.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT for an unknown consumer or a number greater than those that polls have returned to it, or HC_STORE.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_ack(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    seq: i64,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, consumer: text) => mirror.0.ack(consumer, seq))
}

/// Parks a change that the consumer cannot handle, with a reason, and acknowledges all changes up to and including it. The change
/// is kept until it is dropped (hc_mirror_drop_parked).
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of a change that hc_mirror_poll gave.
/// - `reason`: why the change was parked. It is copied.
/// - `error`: may be NULL.
/// - Fails as hc_mirror_ack; with HC_INVALID_ARGUMENT also for a change of a snapshot whose user or group no longer exists, and with
///   HC_HISTORY_TRIMMED if the retention has removed the change.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_park(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    seq: i64,
    reason: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, consumer: text, reason: text) => mirror.0.park(consumer, seq, reason))
}

/// Returns the changes that a consumer has parked, oldest first.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `parked`: receives the list; free it with hc_parked_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_parked_changes(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    parked: *mut *mut hc_parked_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, parked, (mirror: object, consumer: text) => mirror.0.parked_changes(consumer).map(hc_parked_list::from))
}

/// Deletes a parked change.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of the change.
/// - `dropped`: receives whether it existed.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_drop_parked(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    seq: i64,
    dropped: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, dropped, (mirror: object, consumer: text) => mirror.0.drop_parked(consumer, seq))
}

/// Resets a consumer to a snapshot of the mirror, and creates it if it does not exist: its next changes are a "group.created" for each group and
/// a "user.created" for each user, with negative numbers and the cause "snapshot", and then every change since this call.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_start_from_snapshot(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, consumer: text) => mirror.0.start_from_snapshot(consumer))
}

/// Returns all consumers and their positions.
///
/// - `mirror`: required.
/// - `consumers`: receives the list; free it with hc_consumer_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_consumers(
    mirror: *const hc_mirror,
    consumers: *mut *mut hc_consumer_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, consumers, (mirror: object) => mirror.0.consumers().map(hc_consumer_list::from))
}

/// Deletes a consumer and its parked changes. Changes that were kept only for it can then be trimmed.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `dropped`: receives whether it existed.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_drop_consumer(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    dropped: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, dropped, (mirror: object, consumer: text) => mirror.0.drop_consumer(consumer))
}

/// Deletes users whose grace is over; changes that are older than the retention and that all consumers, apart from expired ones, have acknowledged; and other rows whose
/// retention has ended. Every sync does this when it ends.
///
/// - `mirror`: required.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_trim(mirror: *const hc_mirror, error: *mut *mut hc_error) -> hc_status {
    call!(error, (mirror: object) => mirror.0.trim())
}
