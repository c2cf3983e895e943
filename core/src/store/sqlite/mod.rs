//! SQLite: one file, one thread that writes, one that reads.
//!
//! Writes that wait are committed together, each in a savepoint of its own, so that a burst of webhooks costs one flush to disk and not
//! one each. The file is in WAL mode: readers see one picture and hold nobody up. A commit that must survive a power failure is flushed
//! before it is answered; the others are flushed with the next one that must, in order.

mod lease;
mod open;
mod rows;
mod transaction;

use super::{Durability, Lease, Store, StoreFuture, Work};
use crate::{Error, Result, catch_panic};
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

use open::failed;
use transaction::SqliteTransaction;

/// How many writes one commit takes at most: no more than wait anyway, and few enough that the first does not wait for long.
const GROUP: usize = 256;

/// A mirror's store in a SQLite file, or in memory.
///
/// Several processes may use one file at once: a write waits up to ten seconds for another process' to end.
pub struct SqliteStore {
    writer: Worker,
    /// Nothing for a store in memory, which has one connection.
    reader: Option<Worker>,
    leases: Arc<lease::Leases>,
}

impl SqliteStore {
    /// Opens a file, makes it where there is none, and brings an older one up to date. `:memory:` is no file: it ends with the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) where the file is something else or was written by a newer version, and where it cannot be
    /// opened, read or written. The file is then as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        if path.as_os_str() == ":memory:" {
            let writer = Worker::start("headcount-write", open::memory()?)?;
            return Ok(SqliteStore { writer, reader: None, leases: Arc::default() });
        }
        let named = |error: Error| error.with_context("file", path.display().to_string());
        let (writer, reader) = (open::file(path).map_err(named)?, open::reader(path).map_err(named)?);
        Ok(SqliteStore {
            writer: Worker::start("headcount-write", writer)?,
            reader: Some(Worker::start("headcount-read", reader)?),
            leases: Arc::new(lease::Leases::beside(path)),
        })
    }
}

impl Store for SqliteStore {
    fn write(&self, durability: Durability, work: Work) -> StoreFuture<'_> {
        self.writer.run(Some(durability), work)
    }

    fn read(&self, work: Work) -> StoreFuture<'_> {
        self.reader.as_ref().unwrap_or(&self.writer).run(None, work)
    }

    fn lease(&self, name: &str) -> Result<Option<Lease>> {
        lease::Leases::take(&self.leases, name)
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

struct Job {
    /// Nothing for what only reads.
    durability: Option<Durability>,
    work: Work,
    done: oneshot::Sender<Result<()>>,
}

/// A connection and the thread that has it.
struct Worker {
    process: u32,
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    fn start(name: &str, mut connection: Connection) -> Result<Worker> {
        let (jobs, waiting) = channel::<Job>();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok(first) = waiting.recv() {
                    serve(&mut connection, first, &waiting);
                }
            })
            .map_err(|error| Error::store("the store's thread cannot be started").with_source(error))?;
        Ok(Worker { process: std::process::id(), jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    fn run(&self, durability: Option<Durability>, work: Work) -> StoreFuture<'_> {
        let (done, result) = oneshot::channel();
        let sent = if self.process == std::process::id() {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.as_ref().is_some_and(|jobs| jobs.send(Job { durability, work, done }).is_ok())
        } else {
            false
        };
        Box::pin(async move {
            if !sent {
                return Err(Error::store("the store is closed, or was opened before a fork: open it again"));
            }
            result.await.unwrap_or_else(|_| Err(Error::store("the store's thread has ended: open it again")))
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // What a forked child has of it is a picture of its parent's thread and file, which it must not touch.
            std::mem::forget(std::mem::take(self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner)));
            std::mem::forget(std::mem::take(self.thread.get_mut().unwrap_or_else(PoisonError::into_inner)));
            return;
        }
        // What is under way is finished, and the file is closed when this returns.
        self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Runs a job, and with one that writes those that wait behind it.
fn serve(connection: &mut Connection, first: Job, waiting: &Receiver<Job>) {
    let mut group = vec![first];
    let mut reading = Vec::new();
    if group[0].durability.is_some() {
        while group.len() < GROUP {
            match waiting.try_recv() {
                Ok(job) if job.durability.is_some() => group.push(job),
                // In memory reads come this way too. It reads what was committed, whichever came first.
                Ok(job) => {
                    reading.push(job);
                    break;
                }
                Err(_) => break,
            }
        }
        commit(connection, group);
    } else {
        reading.append(&mut group);
    }
    for mut job in reading {
        let result = read(connection, &mut job.work);
        // Whoever asked may have given up.
        let _ = job.done.send(result);
    }
}

/// One commit for all of `group`. A step that fails is taken back by itself; a commit that fails fails them all.
fn commit(connection: &mut Connection, group: Vec<Job>) {
    let durability = group.iter().filter_map(|job| job.durability).max().unwrap_or(Durability::Power);
    let alone = group.len() == 1;
    let mut settled: Vec<(oneshot::Sender<Result<()>>, Result<()>)> = Vec::new();
    let mut outcome: Result<()> = (|| {
        open::set_durability(connection, durability)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| failed(&error))
    })();
    let begun = outcome.is_ok();
    for mut job in group {
        let result = if outcome.is_ok() { step(connection, &mut job.work, alone) } else { Ok(()) };
        if begun && connection.is_autocommit() {
            // A full disk and the like take the whole transaction back at once, and the steps before this one with it.
            outcome =
                Err(result.as_ref().err().cloned().unwrap_or_else(|| Error::store("the transaction was taken back")));
        }
        settled.push((job.done, result));
    }
    if begun && !connection.is_autocommit() {
        let worth = settled.iter().any(|(_, result)| result.is_ok());
        let end = if outcome.is_ok() && worth { "COMMIT" } else { "ROLLBACK" };
        if let Err(error) = connection.execute_batch(end) {
            outcome = Err(failed(&error));
            // Where the commit failed, the transaction may still be open.
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
    for (done, result) in settled {
        let _ = done.send(match &outcome {
            Ok(()) => result,
            Err(error) => Err(error.clone()),
        });
    }
}

/// One step in a savepoint; one that is alone needs none, since the whole transaction is taken back with it.
fn step(connection: &Connection, work: &mut Work, alone: bool) -> Result<()> {
    if alone {
        return catch_panic(|| work(&mut SqliteTransaction::new(connection)));
    }
    connection.execute_batch("SAVEPOINT step").map_err(|error| failed(&error))?;
    let result = catch_panic(|| work(&mut SqliteTransaction::new(connection)));
    let end = if result.is_ok() { "RELEASE step" } else { "ROLLBACK TO step; RELEASE step" };
    connection.execute_batch(end).map_err(|error| failed(&error))?;
    result
}

fn read(connection: &Connection, work: &mut Work) -> Result<()> {
    connection.execute_batch("BEGIN").map_err(|error| failed(&error))?;
    let result = catch_panic(|| work(&mut SqliteTransaction::new(connection)));
    // Nothing was written: there is nothing that could be lost.
    let _ = connection.execute_batch("ROLLBACK");
    result
}
