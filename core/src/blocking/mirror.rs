//! The mirror for threads without an async runtime: the same calls, run to their end on the caller's thread.
//!
//! A forked child opens the file for itself: it never shares its parent's handle.

use super::{Client, PerProcess, wait};
use crate::mirror;
use crate::{
    Change, Consumer, DirectoryStatus, Error, Event, Headers, MirrorBuilder, MirrorDirectory, MirrorGroup, MirrorUser,
    Outcome, ParkedChange, Progress, Result, SyncMode, SyncReport,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A durable local copy of every directory, and a feed of what changed. Cheap to clone; any number of threads may use it at once.
#[derive(Clone)]
pub struct Mirror(Arc<Shared>);

struct Shared {
    path: PathBuf,
    client: Option<Client>,
    settings: MirrorBuilder,
    /// Who opened it. What is in memory alone ends at a fork.
    process: u32,
    mirror: PerProcess<mirror::Mirror>,
}

impl Mirror {
    /// As [`headcount::Mirror::open`](crate::Mirror::open).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn open(path: impl Into<PathBuf>, client: Client) -> Result<Mirror> {
        Mirror::with_settings(path, Some(client), mirror::Mirror::builder())
    }

    /// The mirror in a file with these settings, and a client to sync with, or none.
    ///
    /// # Errors
    ///
    /// As [`headcount::Mirror::open`](crate::Mirror::open).
    pub fn with_settings(path: impl Into<PathBuf>, client: Option<Client>, settings: MirrorBuilder) -> Result<Mirror> {
        let (path, process) = (path.into(), std::process::id());
        let shared = Shared { path, client, settings, process, mirror: PerProcess::default() };
        shared.mirror()?;
        Ok(Mirror(Arc::new(shared)))
    }

    /// The async mirror behind this one, for [`wait`] and [`spawn`](super::spawn): this process' own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) where a forked child cannot open it.
    pub fn current(&self) -> Result<mirror::Mirror> {
        self.0.mirror()
    }
}

impl Shared {
    fn mirror(&self) -> Result<mirror::Mirror> {
        self.mirror.get(|| {
            if self.path.as_os_str() == ":memory:" && self.process != std::process::id() {
                return Err(Error::store("a mirror in memory does not go through a fork: name a file for it"));
            }
            let settings = match &self.client {
                Some(client) => self.settings.clone().client(client.current()?),
                None => self.settings.clone(),
            };
            wait(settings.open(&self.path))
        })
    }
}

/// Passes calls on.
macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $value:ty;)*) => {
        impl Mirror {
            $(
                #[doc = concat!("As on [`headcount::Mirror`](crate::Mirror): `", stringify!($name), "`.")]
                ///
                /// # Errors
                ///
                /// The same.
                pub fn $name(&self, $($argument: $type),*) -> Result<$value> {
                    wait(self.current()?.$name($($argument),*))
                }
            )*
        }
    };
}

calls! {
    apply(event: &Event) -> Outcome;
    poll(consumer: &str, limit: usize) -> Vec<Change>;
    wait(consumer: &str, limit: usize, timeout: Option<Duration>) -> Vec<Change>;
    ack(consumer: &str, seq: i64) -> ();
    park(consumer: &str, seq: i64, reason: &str) -> ();
    parked_changes(consumer: &str) -> Vec<ParkedChange>;
    drop_parked(consumer: &str, seq: i64) -> bool;
    start_from_snapshot(consumer: &str) -> ();
    consumers() -> Vec<Consumer>;
    drop_consumer(consumer: &str) -> bool;
    trim() -> ();
    user(id: &str) -> Option<MirrorUser>;
    find_users(email: &str) -> Vec<MirrorUser>;
    group(id: &str) -> Option<MirrorGroup>;
    groups(organization_id: &str, directory_id: Option<&str>) -> Vec<MirrorGroup>;
    directories(organization_id: Option<&str>) -> Vec<MirrorDirectory>;
    status() -> Vec<DirectoryStatus>;
    held_removals(directory_id: &str) -> Vec<String>;
    link(user_id: &str, account_id: Option<&str>) -> ();
    role_map() -> Vec<(String, String)>;
}

impl Mirror {
    /// As on [`headcount::Mirror`](crate::Mirror): `receive`.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn receive(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<Outcome> {
        wait(self.current()?.receive(headers, body))
    }

    /// As on [`headcount::Mirror`](crate::Mirror): `set_role_map`.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn set_role_map<G: Into<String>, R: Into<String>>(
        &self,
        pairs: impl IntoIterator<Item = (G, R)>,
    ) -> Result<()> {
        wait(self.current()?.set_role_map(pairs))
    }

    /// As on [`headcount::Mirror`](crate::Mirror): `sync`; [`run`](SyncBuilder::run) begins it.
    pub fn sync(&self, organization_id: &str) -> SyncBuilder {
        SyncBuilder(self.current().map(|mirror| mirror.sync(organization_id)))
    }

    /// As on [`headcount::Mirror`](crate::Mirror): `sync_all`; [`run`](SyncBuilder::run) begins it.
    pub fn sync_all(&self) -> SyncBuilder {
        SyncBuilder(self.current().map(|mirror| mirror.sync_all()))
    }

    /// As on [`headcount::Mirror`](crate::Mirror): `users`, as an iterator.
    pub fn users(&self, organization_id: &str) -> MirrorUsers {
        MirrorUsers { users: self.current().map(|mirror| mirror.users(organization_id)), done: false }
    }
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("blocking::Mirror").finish_non_exhaustive()
    }
}

/// A sync before it is begun; made by [`Mirror::sync`] and [`Mirror::sync_all`].
#[derive(Clone, Debug)]
#[must_use = "a sync is not begun until it is run"]
pub struct SyncBuilder(Result<mirror::SyncBuilder>);

impl SyncBuilder {
    fn set(self, set: impl FnOnce(mirror::SyncBuilder) -> mirror::SyncBuilder) -> SyncBuilder {
        SyncBuilder(self.0.map(set))
    }

    /// Only this directory.
    pub fn directory<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set(|sync| sync.directory(id))
    }

    /// How much is listed.
    pub fn mode(self, mode: SyncMode) -> Self {
        self.set(|sync| sync.mode(mode))
    }

    /// Whether held removals were looked at and are meant.
    pub fn approve_removals(self, approved: bool) -> Self {
        self.set(|sync| sync.approve_removals(approved))
    }

    /// Whether to wait for another sync of the directory.
    pub fn wait(self, wait: bool) -> Self {
        self.set(|sync| sync.wait(wait))
    }

    /// How many directories are synced at once.
    pub fn concurrency(self, directories: usize) -> Self {
        self.set(|sync| sync.concurrency(directories))
    }

    /// Who is told how far it is, on a thread of the runtime's.
    pub fn on_progress(self, told: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.set(|sync| sync.on_progress(told))
    }

    /// Syncs.
    ///
    /// # Errors
    ///
    /// As [`headcount::Mirror::sync`](crate::Mirror::sync) gives when it is awaited.
    pub fn run(self) -> Result<Vec<SyncReport>> {
        wait(self.0?.into_future())
    }
}

/// The users of an organization; made by [`Mirror::users`].
#[derive(Clone, Debug)]
pub struct MirrorUsers {
    users: Result<mirror::MirrorUsers>,
    done: bool,
}

impl MirrorUsers {
    /// Only those of this directory.
    pub fn directory<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        MirrorUsers { users: self.users.map(|users| users.directory(id)), ..self }
    }

    /// Only the members of this group.
    pub fn group<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        MirrorUsers { users: self.users.map(|users| users.group(id)), ..self }
    }
}

impl Iterator for MirrorUsers {
    type Item = Result<MirrorUser>;

    fn next(&mut self) -> Option<Result<MirrorUser>> {
        if self.done {
            return None;
        }
        let next = match &mut self.users {
            Ok(users) => wait(users.next()),
            Err(error) => Err(error.clone()),
        };
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}
