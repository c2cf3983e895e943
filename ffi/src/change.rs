//! The change feed: numbered changes, and consumers that each remember how far they are.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::{hc_change_batch, hc_consumer_list, hc_parked_list, hc_status};
use crate::mirror::hc_mirror;
use headcount_core::Error;
use std::ffi::c_char;
use std::time::Duration;

/// For timeout_ms of hc_mirror_wait: until something comes.
pub const HC_WAIT_FOREVER: i64 = -1;

/// The changes behind a consumer's cursor, oldest first. A name that is new begins with the oldest change that is kept. What
/// is not acknowledged (hc_mirror_ack) comes again.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: the most changes to give, 1 to 10000.
/// - `batch`: receives the changes, none where there is nothing new; free it with hc_change_batch_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
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

/// As hc_mirror_poll, but where there is nothing yet it waits for the first change, and gives none after the timeout. A
/// change of another process is seen within half a second.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: the most changes to give, 1 to 10000.
/// - `timeout_ms`: how long to wait, in milliseconds. 0: not at all. HC_WAIT_FOREVER: until something comes.
/// - `batch`: receives the changes; free it with hc_change_batch_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
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
        let timeout = match timeout_ms {
            HC_WAIT_FOREVER => None,
            milliseconds => Some(Duration::from_millis(u64::try_from(milliseconds).map_err(|_| {
                Error::invalid_argument("timeout_ms is negative: expected milliseconds, or HC_WAIT_FOREVER")
            })?)),
        };
        mirror.0.wait(consumer, limit, timeout).map(hc_change_batch::from)
    })
}

/// Acknowledges every change up to and including one: the consumer does not get them again. Durable when it returns. A
/// smaller number than one acknowledged before changes nothing.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of a change that hc_mirror_poll gave.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT for a consumer that never polled and a number that no change has, or HC_STORE.
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

/// Puts a change aside that the consumer cannot handle, with what there is to say about it, and acknowledges it with those
/// before it. It is kept until it is dropped (hc_mirror_drop_parked).
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of a change that hc_mirror_poll gave.
/// - `reason`: what went wrong, for who looks at it later. It is copied.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT, also for a snapshot's change, or HC_STORE.
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

/// What a consumer has put aside, oldest first.
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

/// Forgets a change that was put aside.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of the change.
/// - `dropped`: receives whether there was one.
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

/// Has a consumer, new or old, start with what is there: its next changes are a "group.created" and a "user.created" for
/// each group and user, with negative numbers and the cause "snapshot", and then every change since this call.
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

/// Every consumer, and how far it is.
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

/// Forgets a consumer that is not coming back, with all it has put aside. What was kept for it can go.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `dropped`: receives whether there was one.
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

/// Removes changes that are older than the retention and that every consumer has acknowledged, and what else has had its
/// time. Syncs do it when they end.
///
/// - `mirror`: required.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_trim(mirror: *const hc_mirror, error: *mut *mut hc_error) -> hc_status {
    call!(error, (mirror: object) => mirror.0.trim())
}
