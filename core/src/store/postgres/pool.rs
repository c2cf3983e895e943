//! The pool of connections. They are made when they are needed and used again, up to a fixed number at once.

use super::failure::{Cause, Failure};
use super::target::Target;
use crate::process::Process;
use crate::store::closed;
use crate::{Error, Result};
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// The connections to one target.
pub(super) struct Pool {
    target: Target,
    idle: Mutex<Vec<Session>>,
    /// One permit for each connection that may still be taken.
    slots: Arc<Semaphore>,
    /// How long a call waits for a connection while all are in use, before it fails; and how long closing waits for the calls that are running.
    pub(super) timeout: Duration,
    /// Whether statements are prepared.
    prepares: bool,
    /// The process that made the pool. A forked child must not use it.
    process: Process,
}

/// A session of the server.
pub(super) struct Session {
    pub(super) client: Client,
    /// Reads from and writes to the connection until the client is dropped.
    task: JoinHandle<()>,
    /// The statements that were prepared in this session, by their texts; `None` if none may be.
    pub(super) prepared: Option<HashMap<String, tokio_postgres::Statement>>,
}

impl Session {
    /// Closes the connection without waiting for answers, which dropping the client does.
    pub(super) fn abort(&self) {
        self.task.abort();
    }

    /// Waits until the connection is closed.
    pub(super) async fn ended(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // In a forked child, these are copies of the parent's connections. Dropping one would wake its task, on a thread that the child does not have.
        // In a process that has closed all of its descriptors, dropping one would close a descriptor whose number may belong to another file.
        if !self.is_ours() {
            std::mem::forget(std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner)));
        }
    }
}

/// A connection. It is closed when dropped, which ends its transaction, unless [`keep`](Connection::keep) is called.
pub(super) struct Connection {
    pub(super) session: Session,
    pool: Arc<Pool>,
    _slot: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(target: Target, connections: usize, timeout: Duration, prepares: bool) -> Pool {
        Pool {
            target,
            idle: Mutex::default(),
            slots: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            timeout,
            prepares,
            process: Process::current(),
        }
    }

    /// Returns whether this is the process that opened the pool.
    pub(super) fn is_ours(&self) -> bool {
        self.process.is_current()
    }

    /// Returns an idle connection, or makes one. If the permitted number is in use, waits until one is free, and fails after
    /// [`timeout`](Pool::timeout).
    pub(super) async fn get(self: &Arc<Pool>) -> Result<Connection, Failure> {
        if !self.is_ours() {
            return Err(closed().into());
        }
        let slot = timeout(self.timeout, Arc::clone(&self.slots).acquire_owned()).await;
        let slot = slot
            .map_err(|_| {
                Error::store("all connections to PostgreSQL are in use: raise the option `connections`").temporary()
            })?
            .map_err(|_| closed())?;
        let session = loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(session) if session.client.is_closed() => {}
                Some(session) => break session,
                None => break self.connect(None).await?,
            }
        };
        Ok(Connection { session, pool: Arc::clone(self), _slot: slot })
    }

    /// Closes the idle connections, and returns when they are closed. Those in use are closed when they are no longer used; no others are made.
    pub(super) async fn close(&self) {
        self.slots.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        // The tasks end after the clients were dropped.
        let tasks: Vec<JoinHandle<()>> = idle.into_iter().map(|session| session.task).collect();
        for task in tasks {
            let _ = task.await;
        }
    }

    /// Makes a connection for notifications, which is not one of the pool's. Each notification changes the value of `appended`.
    pub(super) async fn connect_to_listen(&self, appended: &Arc<watch::Sender<u64>>) -> Result<Session, Failure> {
        self.connect(Some(appended)).await
    }

    /// Connects to the first server of the target that accepts a connection. With `appended`, each notification changes its value.
    async fn connect(&self, appended: Option<&Arc<watch::Sender<u64>>>) -> Result<Session, Failure> {
        let mut failed = None;
        for server in &self.target.servers {
            match self.connect_to(server, appended.cloned()).await {
                Ok((client, task)) => {
                    return Ok(Session { client, task, prepared: self.prepares.then(HashMap::new) });
                }
                // Other servers would refuse the user, the password or the database as well. A temporary failure is one of this server alone, such as too
                // many connections.
                Err(failure) if failure.cause == Cause::Final && !failure.is_temporary() => return Err(failure),
                Err(failure) => failed = Some(failure),
            }
        }
        Err(failed.unwrap_or_else(|| Error::config("the URL of the database names no host").into()))
    }

    /// Connects to one server, and spawns the task of the connection.
    async fn connect_to(
        &self,
        server: &Config,
        appended: Option<Arc<watch::Sender<u64>>>,
    ) -> Result<(Client, JoinHandle<()>), Failure> {
        let connected = async {
            match &self.target.tls {
                Some(tls) => {
                    let (client, connection) = server.connect(tls.clone()).await?;
                    Ok((client, tokio::spawn(drive(connection, appended))))
                }
                None => {
                    let (client, connection) = server.connect(NoTls).await?;
                    Ok((client, tokio::spawn(drive(connection, appended))))
                }
            }
        };
        timeout(self.target.timeout, connected).await.unwrap_or_else(|_| {
            let error =
                Error::store("PostgreSQL did not accept a connection in time: check the host, and connect_timeout");
            Err(Failure { error: error.temporary(), cause: Cause::Lost })
        })
    }
}

/// Reads from and writes to a connection until its client is dropped, or until an error, which calls of the client return. With `appended`, each
/// notification changes its value.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, appended: Option<Arc<watch::Sender<u64>>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let Some(appended) = appended else { return drop(connection.await) };
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if matches!(message, AsyncMessage::Notification(_)) {
            appended.send_modify(|times| *times = times.wrapping_add(1));
        }
    }
}

impl Connection {
    /// Returns the connection to the pool. No transaction may be open in it.
    pub(super) fn keep(self) {
        let Connection { session, pool, _slot } = self;
        let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Read while `idle` is locked: `close` closes `slots` before it locks and empties `idle`, so that no session is added after that.
        if !session.client.is_closed() && !pool.slots.is_closed() {
            idle.push(session);
        }
    }
}
