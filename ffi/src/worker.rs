//! Workers of a consumer with partitions, which threads may share.

use crate::boundary::{call, free, read};
use crate::change::timeout;
use crate::error::hc_error;
use crate::generated::{hc_change, hc_status};
use crate::mirror::hc_mirror;
use crate::options::{impl_options, unless_zero};
use headcount_core::blocking::Worker;
use std::ffi::c_char;
use std::time::Duration;

/// A worker of a consumer with partitions. Any number of threads may use it at once: each change goes to one of them, and belongs to the caller.
pub struct hc_worker(Worker);

/// Options of a worker. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_worker_options {
    /// sizeof(hc_worker_options).
    pub struct_size: usize,
    /// Duration of the worker's lease in milliseconds, at least 1000. 0 means 60000. If the worker's process was stopped or has ended, its lease is not
    /// renewed, and other workers take over the partitions when it expires. With SQLite, the lease ends as soon as its process ends.
    pub lease_ms: u64,
    /// Number of partitions, 1 to 256, which is also the most workers that get changes. 0 means 16. All workers of a consumer need the same number. With 1,
    /// the consumer is exclusive: one worker gets all changes, and the others wait until it releases the partition.
    pub partitions: u32,
    /// Must be 0.
    pub reserved: u32,
}

impl_options!(hc_worker_options { lease_ms, partitions, reserved });

/// Creates a worker of a consumer whose changes are divided into partitions, for any number of workers in any number of processes. The worker joins the
/// consumer with the first call of hc_worker_next.
///
/// Each user's changes are in one partition, which one worker holds at a time through its lease, so that they are given in order. The workers share the
/// partitions evenly. If one joins, the others release some of their partitions, each as soon as its changes that were given are acknowledged. If one
/// is closed or freed, or its process ends, the others take over its partitions and get the changes that it has not acknowledged. With PostgreSQL, if a
/// process ends without closing its worker, the others wait until the worker's lease expires. A background task renews the lease as long as the worker
/// exists, even while a handler hangs: limit the time of the handler.
///
/// A consumer that has partitions cannot be read by hc_mirror_poll, hc_mirror_wait and hc_mirror_changes, or acknowledged by hc_mirror_ack. The number of
/// partitions can be changed while no worker holds one. Some acknowledged changes may then be given again, unless the new number is a multiple of
/// the old one.
///
/// - `mirror`: required. It may be freed before the worker.
/// - `consumer`: its name, 1 to 200 bytes. A new consumer starts with the first change of the feed.
/// - `options`: may be NULL, which means the defaults.
/// - `timeout_ms`: longest wait of hc_worker_next for a change, in milliseconds. 0: do not wait. HC_WAIT_FOREVER: no limit.
/// - `worker`: receives the worker; free it with hc_worker_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT; with HC_STORE if a forked child cannot open the mirror.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_consumer(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    options: *const hc_worker_options,
    timeout_ms: i64,
    worker: *mut *mut hc_worker,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, worker, (mirror: object, consumer: text, options: options) => {
        crate::options::reserved(options.reserved, "options.reserved")?;
        let mut builder = mirror.0.consumer(consumer).timeout(timeout(timeout_ms)?);
        if let Some(partitions) = unless_zero(options.partitions) {
            builder = builder.partitions(partitions);
        }
        if let Some(lease) = unless_zero(options.lease_ms) {
            builder = builder.lease(Duration::from_millis(lease));
        }
        builder.start().map(hc_worker)
    })
}

/// Gives the next change of the partitions that the worker holds. Waits for it up to the worker's timeout. If 1000 changes that were given are not
/// acknowledged, it waits for an acknowledgement, also up to the timeout.
///
/// - `worker`: required.
/// - `change`: receives the change, which belongs to the caller: free it with hc_change_free. NULL if none came within the timeout (this may
///   be called again then), and when the worker (hc_worker_close) or the mirror (hc_mirror_close) is closed.
/// - `error`: may be NULL.
/// - Fails with HC_HISTORY_TRIMMED if the retention has removed the next change, also for a new consumer: call
///   hc_mirror_start_from_snapshot; with HC_STORE; or with HC_INVALID_ARGUMENT, if the consumer has another number of partitions and workers hold
///   some of them, and in a forked child. It may be called again after an error.
/// - Threads: any number at once. Each change goes to one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_next(
    worker: *const hc_worker,
    change: *mut *mut hc_change,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, change, (worker: object) => Ok(worker.0.clone().next().transpose()?.map(hc_change::from)))
}

/// Acknowledges a change, and all changes of the same partition that the worker gave before. The acknowledgement is durable when this returns.
///
/// - `worker`: required.
/// - `change`: a change that `worker` gave.
/// - `error`: may be NULL.
/// - Fails with HC_STORE: call it again, unless the message says that the lease was lost. In that case the worker that holds the partition gets the
///   change again. Fails with HC_INVALID_ARGUMENT if the consumer was dropped, and in a forked child.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_ack(
    worker: *const hc_worker,
    change: *const hc_change,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (worker: object, change: object) => worker.0.ack(change.record.seq))
}

/// Acknowledges all changes that the worker has given, in one write. The acknowledgement is durable when this returns.
///
/// - `worker`: required.
/// - `error`: may be NULL.
/// - Fails as hc_worker_ack. If the worker has lost some of its partitions with changes that were not acknowledged, the error is that of a lost lease:
///   other workers get these changes, and the changes of the partitions that the worker still holds are acknowledged, unless another worker took over
///   one of them meanwhile.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_ack_all(worker: *const hc_worker, error: *mut *mut hc_error) -> hc_status {
    call!(error, (worker: object) => worker.0.ack_all())
}

/// Parks a change that cannot be handled, with a reason, and acknowledges it as hc_worker_ack does. It is kept until it is dropped
/// (hc_mirror_drop_parked). A change of a snapshot can be parked as well.
///
/// - `worker`: required.
/// - `change`: a change that `worker` gave.
/// - `reason`: why the change was parked. It is copied.
/// - `error`: may be NULL.
/// - Fails as hc_worker_ack; nothing is parked then.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_park(
    worker: *const hc_worker,
    change: *const hc_change,
    reason: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (worker: object, change: object, reason: text) => worker.0.park(&change.record, reason))
}

/// Returns the number of partitions that the worker holds; 0 in a forked child. If the lease was lost, other workers may have taken over some of
/// them already.
///
/// - `worker`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_partitions_len(worker: *const hc_worker) -> usize {
    read!(worker => worker.0.partitions().len())
}

/// Releases the worker's partitions, and ends its calls of hc_worker_next. When this returns, other workers can take the partitions, and get the
/// changes that were not acknowledged. Closing again has no effect.
///
/// - `worker`: required.
/// - `error`: may be NULL.
/// - Fails with HC_STORE: the partitions are then released when the lease ends. Fails with HC_INVALID_ARGUMENT in a forked child.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_close(worker: *const hc_worker, error: *mut *mut hc_error) -> hc_status {
    call!(error, (worker: object) => worker.0.close())
}

/// Frees a worker, which releases its partitions in the background, if it is not closed. The changes that it gave stay valid.
///
/// - `worker`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_worker_free(worker: *mut hc_worker) {
    free!(worker);
}
