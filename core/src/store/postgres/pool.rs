//! The pool of connections. They are made when they are needed and used again, up to a fixed number at once.

use super::failure::{Cause, Failure};
use super::target::Target;
use super::timeline::Timeline;
use crate::process::Process;
use crate::store::closed;
use crate::{Error, Result};
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// The connections to one target.
pub(super) struct Pool {
    target: Target,
    state: Mutex<State>,
    /// One permit for each connection that may still be taken.
    slots: Arc<Semaphore>,
    /// How long a call waits for a connection while all are in use, before it fails; and how long closing waits for the calls that are running.
    pub(super) timeout: Duration,
    /// Whether statements are prepared.
    prepares: bool,
    /// The process that made the pool. A forked child must not use it.
    process: Process,
}

/// The idle sessions, and what is known about the servers.
struct State {
    idle: Vec<Session>,
    /// How many times each server of the target was lost.
    losses: Vec<u64>,
    /// The index of the server that is tried first: the one that accepted the latest connection, or the first of the target once that one has become a
    /// standby.
    ///
    /// After a failover, the former primary may go on for a moment (see `timeline`). The new one is tried first, so that calls do not wait for the refusal
    /// of the former one.
    preferred: usize,
    /// The newest timeline of the sessions until now; `None` if no server has told its timeline.
    timeline: Option<Timeline>,
}

/// A session of the server.
pub(super) struct Session {
    pub(super) client: Client,
    /// The index of its server in the target.
    server: usize,
    /// How many times its server had been lost before the session was made.
    losses: u64,
    /// The timeline that its server wrote when the session was made; `None` if the server did not tell it.
    timeline: Option<Timeline>,
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
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(std::mem::take(&mut state.idle));
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
        let losses = vec![0; target.servers.len()];
        Pool {
            target,
            state: Mutex::new(State { idle: Vec::new(), losses, preferred: 0, timeline: None }),
            slots: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            timeout,
            prepares,
            process: Process::current(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            let idle = {
                let mut state = self.state();
                state.idle.pop().map(|session| (state.is_current(&session), session))
            };
            match idle {
                Some((true, session)) => break session,
                // Dropped, which closes the connection.
                Some((false, _)) => {}
                None => break self.connect(None).await?,
            }
        };
        Ok(Connection { session, pool: Arc::clone(self), _slot: slot })
    }

    /// Closes the idle connections, and returns when they are closed. Those in use are closed when they are no longer used; no others are made.
    pub(super) async fn close(&self) {
        self.slots.close();
        let idle = std::mem::take(&mut self.state().idle);
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

    /// Connects to the server that accepted the latest connection, or if it does not, to the first server of the target that does. Servers whose timeline is
    /// older than that of an earlier session are refused. With `appended`, each notification changes its value.
    async fn connect(&self, appended: Option<&Arc<watch::Sender<u64>>>) -> Result<Session, Failure> {
        let mut failed = None;
        let preferred = self.state().preferred;
        let others = (0..self.target.servers.len()).filter(|index| *index != preferred);
        for index in std::iter::once(preferred).chain(others) {
            let Some(server) = self.target.servers.get(index) else { continue };
            let losses = self.state().losses_of(index);
            match self.connect_to(server, appended.cloned()).await {
                Ok((client, task, timeline)) => {
                    let mut state = self.state();
                    match state.accept(timeline) {
                        Ok(()) => {
                            state.preferred = index;
                            let prepared = self.prepares.then(HashMap::new);
                            return Ok(Session { client, server: index, losses, timeline, task, prepared });
                        }
                        Err(failure) => failed = Some(failure),
                    }
                }
                // Other servers would refuse the user, the password or the database as well. A temporary failure is one of this server alone, such as too
                // many connections.
                Err(failure) if failure.cause == Cause::Final && !failure.is_temporary() => return Err(failure),
                Err(failure) => failed = Some(failure),
            }
        }
        Err(failed.unwrap_or_else(|| Error::config("the URL of the database names no host").into()))
    }

    /// Connects to one server, spawns the task of the connection, and reads the server's timeline.
    async fn connect_to(
        &self,
        server: &Config,
        appended: Option<Arc<watch::Sender<u64>>>,
    ) -> Result<(Client, JoinHandle<()>, Option<Timeline>), Failure> {
        let connected = async {
            let (client, task) = match &self.target.tls {
                Some(tls) => {
                    let (client, connection) = server.connect(tls.clone()).await?;
                    (client, tokio::spawn(drive(connection, appended)))
                }
                None => {
                    let (client, connection) = server.connect(NoTls).await?;
                    (client, tokio::spawn(drive(connection, appended)))
                }
            };
            let timeline = Timeline::of(&client).await?;
            Ok((client, task, timeline))
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

impl State {
    fn losses_of(&self, server: usize) -> u64 {
        self.losses.get(server).copied().unwrap_or_default()
    }

    /// Returns whether a session may be used again: its server was not lost since the session was made, and no session with a newer timeline was made.
    fn is_current(&self, session: &Session) -> bool {
        !session.client.is_closed()
            && session.losses == self.losses_of(session.server)
            && self.refusal(session.timeline).is_none()
    }

    /// Returns the error for a server that writes an older timeline than an earlier session's server.
    fn refusal(&self, timeline: Option<Timeline>) -> Option<Failure> {
        let (timeline, newest) = (timeline?, self.timeline?);
        timeline.is_before(newest).then(|| timeline.refusal(newest))
    }

    /// Records the timeline of a new session, or returns the error if it is older than that of an earlier session.
    fn accept(&mut self, timeline: Option<Timeline>) -> Result<(), Failure> {
        if let Some(failure) = self.refusal(timeline) {
            return Err(failure);
        }
        self.timeline = timeline.or(self.timeline);
        Ok(())
    }
}

impl Connection {
    /// Returns the connection to the pool. No transaction may be open in it.
    pub(super) fn keep(self) {
        let Connection { session, pool, _slot } = self;
        let mut state = pool.state();
        // Read while the state is locked: `close` closes `slots` before it locks and takes the idle sessions, so that no session is added after that.
        if state.is_current(&session) && !pool.slots.is_closed() {
            state.idle.push(session);
        }
    }

    /// Returns an error if a session with a newer timeline was made since this one: what the server has answered may be older than what this process has
    /// read or written in the meantime.
    pub(super) fn check_timeline(&self) -> Result<(), Failure> {
        self.pool.state().refusal(self.session.timeline).map_or(Ok(()), Err)
    }

    /// Records that the connection was lost, or with `is_standby`, that its server has become a standby. The other connections to this server that were made before
    /// are not used again: each of them would fail as well, after waiting for an answer if the server does not respond.
    pub(super) fn lose(&self, is_standby: bool) {
        let (session, mut state) = (&self.session, self.pool.state());
        // Otherwise, the session is older than the latest loss.
        if session.losses == state.losses_of(session.server) {
            if let Some(losses) = state.losses.get_mut(session.server) {
                *losses += 1;
            }
            let idle = std::mem::take(&mut state.idle);
            let (kept, closed): (Vec<_>, Vec<_>) = idle.into_iter().partition(|idle| state.is_current(idle));
            state.idle = kept;
            if is_standby && state.preferred == session.server {
                state.preferred = 0;
            }
            drop(state);
            drop(closed);
        }
    }
}
