//! Calls about the change feed: polling, waiting, acknowledging, parking and consumers. `feed` has the changes
//! themselves and the iterators over them.

use super::class::{AsyncMirror, Mirror};
use super::feed::{self, AsyncChangeIterator, ChangeIterator, ConsumerHandle, Feed, Iteration};
use super::state::State;
use super::worker::{AsyncWorker, Worker};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Flag, Seq, Size, Span, Text};
use crate::errors::OrRaise;
use crate::generated::{Consumer, ParkedChange};
use pyo3::prelude::*;
use std::sync::Arc;

/// Default limit of `poll` and `wait`.
const LIMIT: usize = 100;

fn limit(given: Option<Size>) -> usize {
    given.map_or(LIMIT, usize::from)
}

/// Returns the handle of a consumer, for the origin of its changes.
fn consumer(state: &Arc<State>, name: Text) -> ConsumerHandle {
    ConsumerHandle { state: Arc::clone(state), name: Arc::from(&*name) }
}

/// Defines the calls of a mirror class about the feed.
macro_rules! consumers {
    ($mirror:ident, $mode:ty, $changes:ident, $worker:ident) => {
        #[pymethods]
        impl $mirror {
            /// Returns the oldest changes that a consumer has not acknowledged. They are returned again until they are acknowledged.
            ///
            /// - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the feed.
            /// - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).
            /// - ``group_by_user``: whether to return a list of groups, each a list of changes (default: a list of changes). All changes that
            ///   one step (a page of a listing, an event, an approval, …) made to one user are a group. A new hire, for example, is a group of a
            ///   ``user.created``, a ``membership.added`` for each group of the directory and a ``roles.changed``. Each change of a group of the
            ///   directory, of a directory or of an organization is a group of its own, and so is each change of a snapshot. A group is returned as
            ///   a whole: the poll stops before a group with which there would be more than ``limit`` changes, but the first group is returned even
            ///   if it is longer. If a change within a group was acknowledged, the rest of it is a group. To acknowledge a group, acknowledge its
            ///   last change.
            ///
            /// Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new
            /// name: call ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the name or the limit is out of
            /// range, the consumer has partitions or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer, limit = None, *, group_by_user = Flag(false)), text_signature = "($self, consumer, limit=None, *, group_by_user=False)")]
            fn poll<'py>(
                &self,
                py: Python<'py>,
                consumer: Text,
                limit: Option<Size>,
                group_by_user: Flag,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, handle, limit) =
                    (self.0.current(py)?, self::consumer(&self.0, consumer), self::limit(limit));
                let name = Arc::clone(&handle.name);
                if group_by_user.0 {
                    let call = async move { mirror.poll_groups(&name, limit).await };
                    return <$mode>::run(py, call, move |py, groups| {
                        let origin = handle.into();
                        groups
                            .into_iter()
                            .map(|changes| <$mode>::changes(py, changes, &origin))
                            .collect::<PyResult<Vec<_>>>()
                    });
                }
                let call = async move { mirror.poll(&name, limit).await };
                <$mode>::run(py, call, move |py, changes| <$mode>::changes(py, changes, &handle.into()))
            }

            /// As ``poll``, but waits for the first change if there is none. A change that another process commits is
            /// returned within half a second.
            ///
            /// - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the feed.
            /// - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).
            /// - ``timeout``: longest wait, in seconds or as a ``timedelta``; an empty list is returned after it (default: no limit).
            ///
            /// Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new
            /// name: call ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the name or the limit is out of
            /// range, the consumer has partitions or the mirror is closed, ``CancelledError`` if the mirror is closed
            /// during the wait, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer, limit = None, timeout = None))]
            fn wait<'py>(
                &self,
                py: Python<'py>,
                consumer: Text,
                limit: Option<Size>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, handle, limit) =
                    (self.0.current(py)?, self::consumer(&self.0, consumer), self::limit(limit));
                let (name, timeout) = (Arc::clone(&handle.name), timeout.map(|span| span.0));
                let call = async move { mirror.wait(&name, limit, timeout).await };
                <$mode>::run(py, call, move |py, changes| <$mode>::changes(py, changes, &handle.into()))
            }

            /// Acknowledges every change up to and including ``seq``: the consumer does not get them again. Durable when this returns, or
            /// has been awaited.
            ///
            /// - ``consumer``: name of the consumer.
            /// - ``seq``: number of the last change that was handled.
            ///
            /// Raises ``InvalidArgumentError`` if the consumer is unknown or has partitions, if ``seq`` is greater than
            /// the numbers that polls have returned to it, or if the mirror is closed, and ``StoreError`` if the store
            /// fails.
            #[pyo3(signature = (consumer, seq))]
            fn ack<'py>(&self, py: Python<'py>, consumer: Text, seq: Seq) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.ack(&consumer, seq.0).await }, |py, ()| Ok(py.None()))
            }

            /// Returns an iterator over a consumer's changes that waits for the next change. It returns each change once; changes that were not acknowledged
            /// are returned again by the next iterator, here or in another process. It ends when the mirror is closed.
            ///
            /// - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the feed.
            /// - ``timeout``: longest wait for the next change, in seconds or as a ``timedelta``; the iteration ends after it (default: no limit).
            ///
            /// Acknowledge each change after it was handled: ``change.ack()``. That acknowledges only this change: the
            /// consumer's cursor moves to it once all changes that the iterator returned before it are acknowledged as
            /// well, so that threads or tasks can share an iterator. Iterating raises what ``wait`` raises, and
            /// ``InvalidArgumentError`` in a child that was forked after this call.
            ///
            /// The consumer is exclusive: while another mirror iterates over its changes, here or in another process,
            /// the iterator waits. An iterator holds the consumer, by a lease, from its first change on. It releases
            /// the consumer when it is deleted before its end, as after a ``break`` or an exception in the loop; when
            /// it has ended and all changes that it returned are acknowledged; when it and all of its changes no longer
            /// exist; and when the mirror is closed. The lease lasts a minute, and a background task renews it, also
            /// while a handler hangs. After the process has ended or was stopped, others wait until the lease expires;
            /// with SQLite, the lease also ends at once with its process. To share the work among processes, use
            /// ``consumer``.
            #[pyo3(signature = (consumer, *, timeout = None))]
            fn changes(&self, py: Python<'_>, consumer: Text, timeout: Option<Span>) -> PyResult<$changes> {
                let changes = self.0.current(py)?.changes(&consumer, timeout.map(|span| span.0));
                Ok($changes::make(feed::items(&self.0, Iteration::Changes(changes))))
            }

            /// Returns a worker of a consumer whose changes are divided into partitions, for any number of workers in any number of processes.
            ///
            /// - ``name``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the feed.
            /// - ``partitions``: number of partitions, 1 to 256 (default 16), which is also the maximum number of
            ///   workers that get changes. All workers of a consumer need the same number. With 1, the consumer is
            ///   exclusive: one worker gets all changes, and the others wait until it releases the partition.
            /// - ``lease``: duration of the worker's lease, in seconds or as a ``timedelta``; at least a second (default 60 seconds).
            /// - ``timeout``: longest wait for the next change, in seconds or as a ``timedelta``; the iteration ends after it (default: no limit).
            ///
            /// Use it as a context manager: ``with mirror.consumer("provisioner") as feed:``, and ``async with`` for an
            /// ``AsyncMirror``. Each user's changes are in one partition, which one worker holds at a time through its
            /// lease, so that they are returned in order. The workers share the partitions evenly. If one joins, the
            /// others release some of their partitions, each as soon as its returned changes are acknowledged. If one
            /// is closed, or its process ends, the others take over its partitions and get the changes that it has not
            /// acknowledged; with PostgreSQL, an ended process keeps its partitions until its lease expires.
            ///
            /// Acknowledge changes after they were handled: ``change.ack()`` acknowledges a change and the earlier ones that this worker returned from its
            /// partition, ``feed.ack_all()`` all that it returned. If the lease was lost, that raises ``StoreError``. A background task renews the lease as long as
            /// the worker exists, also while a handler hangs: limit the time of the handler. If 1,000 returned changes are not acknowledged, the iteration waits for
            /// an acknowledgement, until the timeout.
            ///
            /// A consumer that has partitions cannot be read by ``poll``, ``wait`` and ``changes``, or acknowledged by ``mirror.ack``. The number of partitions can be
            /// changed while no worker holds a partition; some acknowledged changes may then be returned again, unless the new number is a multiple of the old one.
            ///
            /// Raises ``InvalidArgumentError`` if an argument is out of range or the mirror is closed. Iterating raises what ``wait`` raises; and
            /// ``InvalidArgumentError`` if the consumer has another number of partitions and workers hold some of them, and in a child that was forked after this call.
            #[pyo3(signature = (name, *, partitions = None, lease = None, timeout = None))]
            fn consumer(
                &self,
                py: Python<'_>,
                name: Text,
                partitions: Option<Size>,
                lease: Option<Span>,
                timeout: Option<Span>,
            ) -> PyResult<$worker> {
                let mut worker = self.0.current(py)?.consumer(&name).timeout(timeout.map(|span| span.0));
                if let Some(partitions) = partitions {
                    worker = worker.partitions(partitions.into());
                }
                if let Some(lease) = lease {
                    worker = worker.lease(lease.0);
                }
                Ok($worker::make(&self.0, worker.start().or_raise(py)?))
            }

            /// Parks a change that a consumer cannot handle, and acknowledges it and all earlier ones. It is kept until
            /// ``drop_parked`` removes it.
            ///
            /// - ``consumer``: name of the consumer.
            /// - ``seq``: number of the change.
            /// - ``reason``: why it cannot be handled.
            ///
            /// Raises what ``ack`` raises; ``InvalidArgumentError`` also for a change of a snapshot whose user or group
            /// no longer exists, or of an earlier snapshot; and ``HistoryTrimmedError`` if the retention has removed
            /// the change.
            #[pyo3(signature = (consumer, seq, reason))]
            fn park<'py>(
                &self,
                py: Python<'py>,
                consumer: Text,
                seq: Seq,
                reason: Text,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.park(&consumer, seq.0, &reason).await };
                <$mode>::run(py, call, |py, ()| Ok(py.None()))
            }

            /// Returns the changes that a consumer parked, oldest first.
            ///
            /// - ``consumer``: name of the consumer.
            ///
            /// Raises ``InvalidArgumentError`` if the name is out of range or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer))]
            fn parked_changes<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.parked_changes(&consumer).await }, |_, parked| {
                    Ok(parked.into_iter().map(ParkedChange::from).collect::<Vec<_>>())
                })
            }

            /// Removes a parked change. Returns whether there was one.
            ///
            /// - ``consumer``: name of the consumer.
            /// - ``seq``: number of the change.
            ///
            /// Raises ``InvalidArgumentError`` if the name is out of range or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer, seq))]
            fn drop_parked<'py>(&self, py: Python<'py>, consumer: Text, seq: Seq) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.drop_parked(&consumer, seq.0).await }, |_, dropped| Ok(dropped))
            }

            /// Resets a consumer's cursor to a snapshot of the current rows. Its next changes are a ``group.created`` and a
            /// ``user.created`` for each group and user, with negative numbers and the cause ``snapshot``; after them come all changes
            /// since this call.
            ///
            /// - ``consumer``: name of the consumer, which may be new.
            ///
            /// Raises ``InvalidArgumentError`` if the name is out of range or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer))]
            fn start_from_snapshot<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.start_from_snapshot(&consumer).await }, |py, ()| Ok(py.None()))
            }

            /// Returns every consumer and its position, sorted by name.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn consumers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.consumers().await }, |_, consumers| {
                    Ok(consumers.into_iter().map(Consumer::from).collect::<Vec<_>>())
                })
            }

            /// Removes a consumer and its parked changes. Returns whether there was one.
            ///
            /// - ``consumer``: name of the consumer.
            ///
            /// Raises ``InvalidArgumentError`` if the name is out of range or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer))]
            fn drop_consumer<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.drop_consumer(&consumer).await }, |_, dropped| Ok(dropped))
            }
        }
    };
}

consumers!(Mirror, Blocking, ChangeIterator, Worker);
consumers!(AsyncMirror, Asyncio, AsyncChangeIterator, AsyncWorker);
