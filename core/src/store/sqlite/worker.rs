//! A connection and the thread that owns it. Queued writes are committed together.

use super::database::Database;
use crate::process::Process;
use crate::sqlite::Place;
use crate::store::{Durability, StoreFuture, closed};
use crate::{Error, Result};
use rusqlite::Connection;
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The most writes in one commit. More would delay the first of them and save little, since a commit of 256 writes costs hardly more than one of a
/// single write.
const GROUP: usize = 256;

/// The most jobs of a thread that are queued or running, except for releases of leases. Further callers wait, so that the memory of the queue is
/// bounded: by 512 webhooks of at most 1 MiB each. Two groups, because the next one is queued while one is committed; more would not be
/// committed sooner.
pub(super) const QUEUE: usize = 2 * GROUP;

/// Work for the thread of a connection.
trait Job: Send {
    /// Returns which failures the write must survive, or `None` for a read.
    fn durability(&self) -> Option<Durability>;

    /// Runs the job in an open transaction. It runs again after a rollback if a job of the transaction failed in the middle of its write.
    fn run(&mut self, database: &Database) -> Result<()>;

    /// Reports the result, or the error of the transaction.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

/// A job in the queue.
struct QueuedJob<F, T> {
    durability: Option<Durability>,
    work: F,
    result: Option<Result<T>>,
    done: oneshot::Sender<Result<T>>,
    /// Its place in the queue, until it is finished.
    room: Option<OwnedSemaphorePermit>,
}

impl<T: Send, F: FnMut(&Database) -> Result<T> + Send> Job for QueuedJob<F, T> {
    fn durability(&self) -> Option<Durability> {
        self.durability
    }

    fn run(&mut self, database: &Database) -> Result<()> {
        let result = crate::error::catch_panic(|| (self.work)(database));
        let outcome = result.as_ref().map(drop).map_err(Error::clone);
        // The result of an earlier run, which was rolled back, is not dropped: dropping a lease queues its release, and the lease that the job takes in
        // this run has the same token.
        std::mem::forget(self.result.replace(result));
        outcome
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let QueuedJob { result, done, room, .. } = *self;
        let result = match (outcome, result) {
            (Ok(()), Some(result)) => result,
            (Err(error), undone) => {
                // Not dropped, as in `run`: since the rollback, another holder may have taken the lease with the same token.
                std::mem::forget(undone);
                Err(error)
            }
            (Ok(()), None) => Err(Error::internal("a job of the store did not run")),
        };
        // Frees the place in the queue before the caller gets the result, so that the caller's next call finds room.
        drop(room);
        // Fails if the caller no longer waits for the result.
        let _ = done.send(result);
    }
}

type Queue = Sender<Box<dyn Job>>;

/// Sends jobs to a thread.
#[derive(Clone)]
pub(super) struct Jobs {
    process: Process,
    /// `None` once the store is closed.
    sender: Arc<Mutex<Option<Queue>>>,
    /// One permit for each free place in the queue. Closed once the store is closed.
    room: Arc<Semaphore>,
}

impl Jobs {
    /// Runs `work` in a transaction on the thread, and returns its result after the commit. `durability` is `None` for a read.
    ///
    /// The future waits for room in the queue. If it is dropped before there is any, the work is not run; after that, it is run.
    pub(super) fn run<T: Send + 'static>(
        &self,
        durability: Option<Durability>,
        work: impl FnMut(&Database) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let jobs = self.clone();
        Box::pin(async move {
            // A forked child does not have the worker's thread, and its copy of a lock may stay locked for ever. A process that has closed all of its
            // descriptors must not use the file.
            if !jobs.process.is_current() {
                return Err(closed());
            }
            // If there is room, the first poll of this future queues the job. `acquire_owned` alone does not ensure that: it returns `Poll::Pending`
            // if the task has used up tokio's cooperative budget.
            let room = match Arc::clone(&jobs.room).try_acquire_owned() {
                Ok(room) => room,
                Err(_) => Arc::clone(&jobs.room).acquire_owned().await.map_err(|_| closed())?,
            };
            let (done, result) = oneshot::channel();
            let job = QueuedJob { durability, work, result: None, done, room: Some(room) };
            if !jobs.send(Box::new(job)) {
                return Err(closed());
            }
            result.await.unwrap_or_else(|_| Err(Error::store("the store's thread has ended: open the store again")))
        })
    }

    /// Queues a write even if the queue is full, and does not wait for its result. Used only to release leases, so at most one such write is queued
    /// for each lease.
    pub(super) fn run_later<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnMut(&Database) -> Result<T> + Send + 'static,
    ) {
        if self.process.is_current() {
            let (done, _) = oneshot::channel();
            let durability = Some(durability);
            self.send(Box::new(QueuedJob { durability, work, result: None, done, room: None }));
        }
    }

    /// Queues a job. Returns false if the store is closed. The caller must have checked that this is the process of the thread.
    fn send(&self, job: Box<dyn Job>) -> bool {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().is_some_and(|sender| sender.send(job).is_ok())
    }
}

/// A thread with a connection. It ends once it is [stopped](Worker::stop), or when this is dropped.
pub(super) struct Worker {
    pub(super) jobs: Jobs,
    thread: Option<JoinHandle<()>>,
    /// Number of statements that were run.
    #[cfg(feature = "store-testing")]
    pub(super) statements: Arc<std::sync::atomic::AtomicU64>,
    /// Number of times that SQLite prepared a statement again.
    #[cfg(feature = "store-testing")]
    pub(super) reprepared: Arc<std::sync::atomic::AtomicU64>,
    /// Number of commits that were flushed.
    #[cfg(feature = "store-testing")]
    pub(super) flushes: Arc<std::sync::atomic::AtomicU64>,
}

impl Worker {
    /// Starts the thread. `place` identifies the connection's file; it is `None` for a store in memory. Once the thread is stopped, it waits until the
    /// other end of `after` is dropped, closes the connection, and drops `open`.
    pub(super) fn start(
        name: &str,
        connection: Connection,
        place: Option<Arc<Place>>,
        after: Receiver<Infallible>,
        open: impl Send + 'static,
    ) -> Result<Worker> {
        let (sender, waiting) = channel::<Box<dyn Job>>();
        let process = Process::current();
        let database = Database::new(connection);
        #[cfg(feature = "store-testing")]
        let (statements, reprepared, flushes) =
            (Arc::clone(&database.statements), Arc::clone(&database.reprepared), Arc::clone(&database.flushes));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok(first) = waiting.recv() {
                    serve(&database, place.as_deref(), first, &waiting);
                }
                let _ = after.recv();
                if process.is_current() {
                    drop(database);
                } else {
                    // The connection's descriptors were closed, and their numbers may belong to other files.
                    std::mem::forget(database);
                }
                drop(open);
            })
            .map_err(|error| Error::store("the store's thread cannot be started").with_source(error))?;
        let (sender, room) = (Arc::new(Mutex::new(Some(sender))), Arc::new(Semaphore::new(QUEUE)));
        Ok(Worker {
            jobs: Jobs { process, sender, room },
            thread: Some(thread),
            #[cfg(feature = "store-testing")]
            statements,
            #[cfg(feature = "store-testing")]
            reprepared,
            #[cfg(feature = "store-testing")]
            flushes,
        })
    }

    /// Returns whether this is the process of the thread. If it is not, do not call other methods.
    pub(super) fn is_current(&self) -> bool {
        self.jobs.process.is_current()
    }

    /// Makes the thread end when the queued jobs are done. Calls that wait for room in the queue fail, and so do later ones.
    pub(super) fn stop(&self) {
        self.jobs.room.close();
        self.jobs.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Blocks until the thread has ended. Call [`stop`](Worker::stop) before.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_current() {
            self.stop();
        } else {
            // A forked child has a copy of its parent's handles, and must not use the thread or its file. A process that has closed its
            // descriptors must not close them again.
            std::mem::forget((self.jobs.clone(), self.thread.take()));
        }
    }
}

/// Runs a job. If it is a write, runs the queued writes after it in the same transaction, up to the first read, and then that read.
fn serve(database: &Database, place: Option<&Place>, first: Box<dyn Job>, waiting: &Receiver<Box<dyn Job>>) {
    if first.durability().is_none() {
        return read(database, place, first);
    }
    let mut group = vec![first];
    let mut read_after = None;
    while group.len() < GROUP {
        match waiting.try_recv() {
            Ok(job) if job.durability().is_some() => group.push(job),
            // `Store::leases`, or any read of a store in memory, which has no other connection.
            Ok(job) => {
                read_after = Some(job);
                break;
            }
            Err(_) => break,
        }
    }
    write(database, place, group);
    if let Some(job) = read_after {
        read(database, place, job);
    }
}

/// Commits a group of writes. A write that fails does not change the file. If the commit fails, all of them fail.
fn write(database: &Database, place: Option<&Place>, mut group: Vec<Box<dyn Job>>) {
    let durability = group.iter().filter_map(|job| job.durability()).max().unwrap_or(Durability::Power);
    let mut outcome = begin(database, place, durability);
    let has_begun = outcome.is_ok();
    let mut any_succeeded = false;
    for job in &mut group {
        if outcome.is_err() || database.has_partial_write() {
            break;
        }
        let result = job.run(database);
        any_succeeded |= result.is_ok();
        if !database.in_transaction() {
            // On a full disk and similar errors, SQLite rolls back the whole transaction, including the earlier writes of the group.
            outcome = Err(result.err().unwrap_or_else(|| Error::store("the transaction was rolled back")));
        }
    }
    if has_begun && database.in_transaction() {
        let is_partial = database.has_partial_write();
        // Checked just before the commit, because the write may have waited for another process.
        outcome = outcome.and_then(|()| place.map_or(Ok(()), Place::check_path));
        let ended = database.end_write(outcome.is_ok() && any_succeeded && !is_partial);
        outcome = outcome.and(ended);
        if is_partial && outcome.is_ok() && group.len() > 1 {
            // Repeats each write in a separate transaction. Savepoints would avoid this, but they slow down every write, and a write hardly ever
            // fails after it has changed rows.
            group.into_iter().for_each(|job| write(database, place, vec![job]));
            return;
        }
    }
    for job in group {
        job.finish(outcome.clone());
    }
}

/// Begins a transaction for writes.
fn begin(database: &Database, place: Option<&Place>, durability: Durability) -> Result<()> {
    let Some(place) = place else { return database.begin_write(durability) };
    place.check_process()?;
    // If the file was replaced, that is the error to report.
    database.begin_write(durability).map_err(|error| place.check_path().err().unwrap_or(error))
}

fn read(database: &Database, place: Option<&Place>, mut job: Box<dyn Job>) {
    let outcome = place.map_or(Ok(()), Place::check).and_then(|()| database.begin_read());
    if outcome.is_ok() {
        // `finish` reports an error of the job.
        let _ = job.run(database);
        database.end_read();
    }
    job.finish(outcome);
}
