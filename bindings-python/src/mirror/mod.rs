//! `Mirror` and `AsyncMirror`: the same calls for threads and for asyncio, written once.
//!
//! `state` has the core's mirror until it is closed; `sync`, `users` and `feed` have what the calls of the same names need.

mod consumer;
mod feed;
mod state;
mod sync;
mod users;

pub(crate) use feed::{AsyncChange, AsyncChangeIterator, ChangeIterator};
pub(crate) use users::{AsyncMirrorUserIterator, MirrorUserIterator};

use crate::call::{Asyncio, Blocking, Mode, wait};
use crate::client::AnyClient;
use crate::convert::{FilePath, Flag, Now, Number, Seq, Size, Span, Text, wrong_type};
use crate::errors::{Named, OrRaise};
use crate::event::GivenEvent;
use crate::generated::{Consumer, DirectoryStatus, Hold, MirrorDirectory, MirrorGroup, MirrorUser, ParkedChange};
use crate::headers::Found;
use crate::webhook::Body;
use consumer::ConsumerHandle;
use feed::Feed;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use state::{Settings, State};
use std::sync::Arc;
use sync::Options;

/// Default limit of a poll.
const LIMIT: usize = 100;

fn limit(given: Option<Size>) -> usize {
    given.map_or(LIMIT, usize::from)
}

/// Reads (group, role) pairs from a mapping or from an iterable of pairs. A pair may be a list, since JSON has no tuples.
fn pairs(given: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let wrong = |given: &Bound<'_, PyAny>| {
        wrong_type(given, "the role map as a dict of group to role, or as (group, role) pairs")
    };
    if PyString::is_type_of(given) {
        return Err(wrong(given));
    }
    let pairs = match given.cast::<PyDict>() {
        Ok(dict) => dict.items().into_any(),
        Err(_) => given.clone(),
    };
    let pair = |pair: PyResult<Bound<'_, PyAny>>| {
        let pair = pair?;
        let parts = if PyString::is_type_of(&pair) { Vec::new() } else { pair.extract().unwrap_or_default() };
        let Ok([group, role]) = <[Bound<'_, PyAny>; 2]>::try_from(parts) else { return Err(wrong(&pair)) };
        if !group.is_instance_of::<PyString>() {
            return Err(wrong_type(&group, "the id, name or pattern of a group as str"));
        }
        if !role.is_instance_of::<PyString>() {
            let expected = format!("the role of the group {} as str", group.repr()?.to_cow()?);
            return Err(wrong_type(&role, &(expected + ", one pair for each role")));
        }
        Ok((group.extract::<Text>()?.into(), role.extract::<Text>()?.into()))
    };
    pairs.try_iter().map_err(|_| wrong(given))?.map(pair).collect()
}

/// Drops a mirror, which may wait for a disk.
async fn drop_mirror(mirror: Option<headcount::blocking::Mirror>) -> headcount::Result<()> {
    let dropped = tokio::task::spawn_blocking(move || drop(mirror)).await;
    dropped.map_err(|_| headcount::Error::internal("closing the mirror did not finish"))
}

/// How a method returns all rows of a table.
trait Lists: Mode {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>>;
}

impl Lists for Blocking {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        read(py).map(|rows| rows.into_bound(py))
    }
}

/// Returns an object that can be awaited or iterated with `async for`.
impl Lists for Asyncio {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::coroutine::rows(py, read)
    }
}

/// Defines a mirror class.
macro_rules! mirror {
    ($(#[$doc:meta])* $mirror:ident, $mode:ty, $repr:literal, $users:ident, $changes:ident, { $($own:tt)* }) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $mirror(Arc<State>);

        #[pymethods]
        impl $mirror {
            #[new]
            #[pyo3(signature = (
                path, *, client = None, webhook_secret = None, guard_users = None, guard_share = None, guard_events = None,
                guard_window = None, full_every = None, retention = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn new(
                py: Python<'_>,
                path: FilePath,
                client: Option<AnyClient>,
                webhook_secret: Option<&Bound<'_, PyAny>>,
                guard_users: Option<Size>,
                guard_share: Option<Number>,
                guard_events: Option<Flag>,
                guard_window: Option<Span>,
                full_every: Option<Span>,
                retention: Option<Span>,
            ) -> PyResult<$mirror> {
                let settings = Settings {
                    client,
                    webhook_secret,
                    guard_users,
                    guard_share,
                    guard_events,
                    guard_window,
                    full_every,
                    retention,
                };
                State::open(py, path.0, settings).map($mirror)
            }

            /// Synchronizes an organization's directories. Returns a report for each, or only the report of ``directory_id`` if that is
            /// given.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: synchronizes only this directory (``dir_...``; default: all of the organization's directories).
            /// - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since the
            ///   last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
            /// - ``approve_removals``: approves the open holds of the synchronized directories before they are listed (default False).
            /// - ``wait``: whether to wait while another sync of a directory runs; with False the report's outcome is ``already_running``
            ///   (default True).
            /// - ``on_progress``: function that is called with a ``Progress`` after each page: by a thread that waits for the sync, or by
            ///   the event loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed
            ///   stays.
            ///
            /// If a directory fails, the other ones are synchronized before its error is raised. Raises ``MassRemovalError`` if the guard
            /// holds removals back, ``ConfigError`` if the mirror has no client, ``StoreError`` if the store fails, and what
            /// ``client.directory`` raises.
            #[pyo3(signature = (
                organization_id, directory_id = None, *, mode = None, approve_removals = Flag(false), wait = None,
                on_progress = None
            ), text_signature = "($self, organization_id, directory_id=None, *, mode=None, approve_removals=False, wait=None, on_progress=None)")]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn sync<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
                mode: Option<Text>,
                approve_removals: Flag,
                wait: Option<Flag>,
                on_progress: Option<Py<PyAny>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let sync = self.0.syncing(py)?.sync(&organization_id);
                let (approve_removals, wait) = (approve_removals.0, wait.map(bool::from));
                let options = Options { directory_id, mode, approve_removals, wait, concurrency: None, on_progress };
                sync::run::<$mode>(py, sync, options)
            }

            /// Synchronizes every directory of every organization. Returns a report for each.
            ///
            /// - ``concurrency``: number of organizations that are synchronized at once (default 16).
            /// - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since the
            ///   last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
            /// - ``on_progress``: function that is called with a ``Progress`` after each page: by a thread that waits for the sync, or by
            ///   the event loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed
            ///   stays.
            ///
            /// An error in one directory is the ``error`` of its report and does not stop the other ones. Raises ``ConfigError`` if the
            /// mirror has no client, and what listing the organizations raises.
            #[pyo3(signature = (*, concurrency = None, mode = None, on_progress = None))]
            fn sync_all<'py>(
                &self,
                py: Python<'py>,
                concurrency: Option<Size>,
                mode: Option<Text>,
                on_progress: Option<Py<PyAny>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let sync = self.0.syncing(py)?.sync_all();
                sync::run::<$mode>(py, sync, Options { concurrency, mode, on_progress, ..Options::default() })
            }

            /// Verifies a webhook, stores it and applies it. Durable when this returns, or has been awaited.
            ///
            /// - ``body``: the raw body of the request: ``bytes``, ``bytearray``, ``memoryview`` or ``str``.
            /// - ``headers``: headers of the request, as in ``Webhook.verify``.
            /// - ``now``: time that the timestamp is compared with, an aware ``datetime`` or Unix seconds: the time at which the request
            ///   arrived, if a queue kept it (default: the current time).
            ///
            /// Returns the outcome: ``applied``, ``duplicate``, ``stale`` (the mirror has newer information), ``pending`` (stored until a
            /// sync shows which directory it is about), ``held`` (the guard holds the loss of access that it would cause), ``foreign`` (it is about
            /// another organization or environment than the one it was signed for) or ``ignored``. Answer 201 to all of them.
            ///
            /// Raises ``WebhookVerificationError`` if the request is refused: answer 400. Raises ``ConfigError`` if there is no secret, and
            /// ``StoreError`` if the store fails: answer 500, so that the webhook is sent again.
            #[pyo3(signature = (body, headers, *, now = None))]
            fn receive<'py>(
                &self,
                py: Python<'py>,
                body: &Bound<'py, PyAny>,
                headers: &Bound<'py, PyAny>,
                now: Option<Now>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let body = Body::raw(body).named(py, "body")?.as_bytes().to_vec();
                let headers = Found::read(headers).named(py, "headers")?.into_owned();
                let mirror = self.0.current(py)?;
                let call = async move {
                    match now {
                        Some(Now(now)) => mirror.receive_at(&headers, &body, now).await,
                        None => mirror.receive(&headers, &body).await,
                    }
                };
                <$mode>::run(py, call, |_, outcome| Ok(outcome.name()))
            }

            /// Stores and applies an event that has been verified already. Returns the outcome as ``receive`` does.
            ///
            /// - ``event``: the event that ``Webhook.verify`` returned.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (event))]
            fn apply<'py>(&self, py: Python<'py>, event: GivenEvent) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, GivenEvent(event)) = (self.0.current(py)?, event);
                <$mode>::run(py, async move { mirror.apply(&event).await }, |_, outcome| Ok(outcome.name()))
            }

            /// Returns an iterator over an organization's users, in the order in which the mirror first stored them.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only users of this directory (default: all directories).
            /// - ``group_id``: only members of this group (default: all users).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id, directory_id = None, group_id = None))]
            fn users(
                &self,
                py: Python<'_>,
                organization_id: Text,
                directory_id: Option<Text>,
                group_id: Option<Text>,
            ) -> PyResult<$users> {
                let users = self.0.current(py)?.users(&organization_id);
                let users = users.directory(directory_id.as_deref()).group(group_id.as_deref());
                Ok($users::make(users::items(&self.0, users)))
            }

            /// Returns an organization's groups, in the order in which the mirror first stored them.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only groups of this directory (default: all directories).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id, directory_id = None))]
            fn groups<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (state, organization_id) = (Arc::clone(&self.0), organization_id.to_string());
                let directory_id = directory_id.map(String::from);
                <$mode>::rows(py, move |py| {
                    let mirror = state.current(py)?;
                    let (organization_id, directory_id) = (organization_id.clone(), directory_id.clone());
                    let call = async move { mirror.groups(&organization_id, directory_id.as_deref()).await };
                    let groups = <$mode>::run(py, call, |_, groups| {
                        Ok(groups.into_iter().map(MirrorGroup::from).collect::<Vec<_>>())
                    });
                    Ok(groups?.unbind())
                })
            }

            /// Returns the mirrored directories, sorted by id.
            ///
            /// - ``organization_id``: only directories of this organization (default: all organizations).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id = None))]
            fn directories<'py>(
                &self,
                py: Python<'py>,
                organization_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (state, organization_id) = (Arc::clone(&self.0), organization_id.map(String::from));
                <$mode>::rows(py, move |py| {
                    let (mirror, organization_id) = (state.current(py)?, organization_id.clone());
                    let call = async move { mirror.directories(organization_id.as_deref()).await };
                    let directories = <$mode>::run(py, call, |_, directories| {
                        Ok(directories.into_iter().map(MirrorDirectory::from).collect::<Vec<_>>())
                    });
                    Ok(directories?.unbind())
                })
            }

            /// Returns a user, or None if the mirror has no such user.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (user_id))]
            fn user<'py>(&self, py: Python<'py>, user_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.user(&user_id).await }, |_, user| Ok(user.map(MirrorUser::from)))
            }

            /// Returns a group, or None if the mirror has no such group.
            ///
            /// - ``group_id``: id of the group (``dirgroup_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (group_id))]
            fn group<'py>(&self, py: Python<'py>, group_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.group(&group_id).await }, |_, group| {
                    Ok(group.map(MirrorGroup::from))
                })
            }

            /// Returns the users of all organizations with this primary e-mail address, compared without regard to case. Several users may
            /// have the same address.
            ///
            /// - ``email``: the address.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (email))]
            fn find_users<'py>(&self, py: Python<'py>, email: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.find_users(&email).await }, |_, users| {
                    Ok(users.into_iter().map(MirrorUser::from).collect::<Vec<_>>())
                })
            }

            /// Returns how up to date the mirror is with each directory, sorted by directory id.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.status().await }, |_, status| {
                    Ok(status.into_iter().map(DirectoryStatus::from).collect::<Vec<_>>())
                })
            }

            /// Returns the ids of all users whose removal from a directory the guard holds back.
            ///
            /// - ``directory_id``: id of the directory (``dir_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (directory_id))]
            fn held_removals<'py>(&self, py: Python<'py>, directory_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.held_removals(&directory_id).await }, |_, ids| Ok(ids))
            }

            /// Returns the open holds of an organization, in the order in which they were made.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only holds of this directory (default: all directories).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id, directory_id = None))]
            fn holds<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (state, organization_id) = (Arc::clone(&self.0), organization_id.to_string());
                let directory_id = directory_id.map(String::from);
                <$mode>::rows(py, move |py| {
                    let mirror = state.current(py)?;
                    let (organization_id, directory_id) = (organization_id.clone(), directory_id.clone());
                    let call = async move { mirror.holds(&organization_id, directory_id.as_deref()).await };
                    let holds =
                        <$mode>::run(py, call, |_, holds| Ok(holds.into_iter().map(Hold::from).collect::<Vec<_>>()));
                    Ok(holds?.unbind())
                })
            }

            /// Returns an iterator over the users that a hold names, as they are mirrored now. A hold that has been settled names none.
            ///
            /// - ``hold_id``: id of the hold, from ``holds`` or a report.
            ///
            /// Raises ``InvalidArgumentError`` if it is not the id of a hold or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (hold_id))]
            fn hold_users(&self, py: Python<'_>, hold_id: Text) -> PyResult<$users> {
                let users = self.0.current(py)?.hold_users(&hold_id).or_raise(py)?;
                Ok($users::make(users::items(&self.0, users)))
            }

            /// Approves a hold: applies the loss of access of the users that it named when it was read, if they are still held. Users who were
            /// added to the hold since then stay held. Returns the number of users who lost access.
            ///
            /// - ``hold_id``: id of the hold, from ``holds`` or a report.
            /// - ``by``: who approves, 1 to 200 bytes; stored with the decision.
            /// - ``note``: why, at most 2,000 bytes; stored as well.
            ///
            /// Raises ``NotFoundError`` if no user of the hold is held any more; ``InvalidArgumentError`` if it is not the id of a hold, if the
            /// hold is about a directory as a whole, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (hold_id, *, by, note = None))]
            fn approve<'py>(
                &self,
                py: Python<'py>,
                hold_id: Text,
                by: Text,
                note: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.approve(&hold_id, &by, note.as_deref().unwrap_or_default()).await };
                <$mode>::run(py, call, |_, count| Ok(count))
            }

            /// Drops a hold: the users that it named when it was read stay as they are mirrored, until a later listing or event changes or
            /// removes them. Returns the number of those users.
            ///
            /// - ``hold_id``: id of the hold, from ``holds`` or a report.
            /// - ``by``: who decides, 1 to 200 bytes; stored with the decision.
            /// - ``note``: why, at most 2,000 bytes; stored as well.
            ///
            /// Raises the errors of ``approve``.
            #[pyo3(signature = (hold_id, *, by, note = None))]
            fn dismiss<'py>(
                &self,
                py: Python<'py>,
                hold_id: Text,
                by: Text,
                note: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.dismiss(&hold_id, &by, note.as_deref().unwrap_or_default()).await };
                <$mode>::run(py, call, |_, count| Ok(count))
            }

            /// Removes the users and groups of a directory that is gone for good. Returns the number of users that were removed. The guard does not
            /// limit it.
            ///
            /// - ``directory_id``: id of the directory (``dir_...``). It has to be missing or disabled.
            /// - ``by``: who ordered it; stored with the time.
            /// - ``note``: why; stored as well.
            ///
            /// Raises ``NotFoundError`` if no directory of this id is mirrored; ``InvalidArgumentError`` if it is neither missing nor disabled, or if
            /// the mirror is closed; and ``StoreError`` if the store fails. If a call fails partway, another one removes the rest.
            #[pyo3(signature = (directory_id, *, by, note = None))]
            fn retire<'py>(
                &self,
                py: Python<'py>,
                directory_id: Text,
                by: Text,
                note: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.retire(&directory_id, &by, note.as_deref().unwrap_or_default()).await };
                <$mode>::run(py, call, |_, count| Ok(count))
            }

            /// Stores the application's own account id with a user. Later changes of the user have it as ``user.linked_id``.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            /// - ``account_id``: the application's id, or None to remove it.
            ///
            /// Raises ``NotFoundError`` if the mirror has no such user. Raises ``InvalidArgumentError`` if the mirror is closed, and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (user_id, account_id))]
            fn link<'py>(
                &self,
                py: Python<'py>,
                user_id: Text,
                account_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.link(&user_id, account_id.as_deref()).await };
                <$mode>::run(py, call, |py, ()| Ok(py.None()))
            }

            /// Replaces the role map, which gives roles to the members of groups. The resulting changes are in the feed as
            /// ``roles.changed`` when this returns, or has been awaited.
            ///
            /// - ``pairs``: a mapping of group to role, or pairs of them. A group is an id, a name, or a pattern of names with ``*`` and
            ///   ``?``. A user gets the roles of all matching pairs.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (pairs))]
            fn set_role_map<'py>(&self, py: Python<'py>, pairs: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyAny>> {
                let pairs = self::pairs(pairs).named(py, "pairs")?;
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.set_role_map(pairs).await }, |py, ()| Ok(py.None()))
            }

            /// Returns the role map as pairs of group and role, in the order in which they were set.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn role_map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.role_map().await }, |_, pairs| Ok(pairs))
            }

            /// Returns the oldest changes that a consumer has not acknowledged. They are returned again until they are acknowledged.
            ///
            /// - ``consumer``: name of the consumer. A new name starts with the first change of the feed.
            /// - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).
            ///
            /// Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new name: call
            /// ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the limit is out of range or the mirror is closed, and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer, limit = None))]
            fn poll<'py>(&self, py: Python<'py>, consumer: Text, limit: Option<Size>) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, handle, limit) = (self.0.current(py)?, self.consumer(consumer), self::limit(limit));
                let name = Arc::clone(&handle.name);
                let call = async move { mirror.poll(&name, limit).await };
                <$mode>::run(py, call, move |py, changes| <$mode>::changes(py, changes, &handle))
            }

            /// As ``poll``, but waits for the first change if there is none. A change that another process commits is seen within half a
            /// second.
            ///
            /// - ``consumer``: name of the consumer. A new name starts with the first change of the feed.
            /// - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).
            /// - ``timeout``: longest wait, in seconds or as a ``timedelta``; an empty list is returned after it (default: no limit).
            ///
            /// Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new name: call
            /// ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the limit is out of range or the mirror is closed, and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer, limit = None, timeout = None))]
            fn wait<'py>(
                &self,
                py: Python<'py>,
                consumer: Text,
                limit: Option<Size>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, handle, limit) = (self.0.current(py)?, self.consumer(consumer), self::limit(limit));
                let (name, timeout) = (Arc::clone(&handle.name), timeout.map(|span| span.0));
                let call = async move { mirror.wait(&name, limit, timeout).await };
                <$mode>::run(py, call, move |py, changes| <$mode>::changes(py, changes, &handle))
            }

            /// Acknowledges every change up to and including ``seq``: the consumer does not get them again. Durable when this returns, or
            /// has been awaited.
            ///
            /// - ``consumer``: name of the consumer.
            /// - ``seq``: number of the last change that was handled.
            ///
            /// Raises ``InvalidArgumentError`` if the consumer is unknown or the mirror is closed, and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer, seq))]
            fn ack<'py>(&self, py: Python<'py>, consumer: Text, seq: Seq) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.ack(&consumer, seq.0).await }, |py, ()| Ok(py.None()))
            }

            /// Returns an iterator over a consumer's changes that waits for the next change. It returns each change once; changes that were
            /// not acknowledged are returned again by the next iterator, here or in another process.
            ///
            /// - ``consumer``: name of the consumer. A new name starts with the first change of the feed.
            /// - ``timeout``: longest wait for the next change, in seconds or as a ``timedelta``; the iteration ends after it (default: no
            ///   limit).
            ///
            /// Acknowledge each change after it was handled: ``change.ack()``. Iterating raises what ``wait`` raises.
            #[pyo3(signature = (consumer, *, timeout = None))]
            fn changes(&self, consumer: Text, timeout: Option<Span>) -> $changes {
                $changes::make(feed::items(self.consumer(consumer), timeout.map(|span| span.0)))
            }

            /// Parks a change that a consumer cannot handle, and acknowledges it and all earlier ones. It is kept until it is dropped.
            ///
            /// - ``consumer``: name of the consumer.
            /// - ``seq``: number of the change.
            /// - ``reason``: why it cannot be handled.
            ///
            /// Raises ``InvalidArgumentError`` if the consumer is unknown, and for a change of a snapshot whose user or group no longer exists;
            /// ``HistoryTrimmedError`` if the retention has removed the change.
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
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
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
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
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
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
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer))]
            fn start_from_snapshot<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.start_from_snapshot(&consumer).await }, |py, ()| Ok(py.None()))
            }

            /// Returns every consumer and its position.
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
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (consumer))]
            fn drop_consumer<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.drop_consumer(&consumer).await }, |_, dropped| Ok(dropped))
            }

            /// Removes changes that are older than ``retention`` and that every consumer has acknowledged, and other expired rows. A sync
            /// does this when it ends.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn trim<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.trim().await }, |py, ()| Ok(py.None()))
            }

            fn __repr__(&self) -> &'static str {
                if self.0.opened().is_ok() {
                    concat!("<headcount.", $repr, ">")
                } else {
                    concat!("<headcount.", $repr, ", closed>")
                }
            }

            $($own)*
        }

        impl $mirror {
            fn consumer(&self, consumer: Text) -> ConsumerHandle {
                ConsumerHandle { state: Arc::clone(&self.0), name: Arc::from(&*consumer) }
            }
        }
    };
}

mirror!(
    /// Durable local copy of every directory, with a feed of changes. May be used from any number of threads at once, and after a fork.
    ///
    /// - ``path``: the SQLite file, created if it does not exist, or ``":memory:"``. Any number of processes on one machine may use a
    ///   file at once. A mirror in memory cannot be used after a fork.
    /// - ``client``: a ``Client`` or ``AsyncClient`` for syncs (default none: a sync raises ``ConfigError``).
    /// - ``webhook_secret``: one secret, several, or a ``Webhook`` (default: ``SCALEKIT_WEBHOOK_SECRET``, read when the first webhook
    ///   arrives).
    /// - ``guard_users``: number of users of a directory that may lose access within the guard's window without approval (default 20, and
    ///   fewer in a small directory).
    /// - ``guard_share``: share of a directory's users that may lose access, 0 to 1 (default 0.1). The larger of the two limits applies;
    ///   further losses are held (see ``holds``). 1 permits everything.
    /// - ``guard_events``: whether losses of access by events are limited as well (default True).
    /// - ``guard_window``: the time within which losses of access are counted together, in seconds or as a ``timedelta`` (default 24 hours).
    /// - ``full_every``: age of the last full sync after which ``auto`` makes another, in seconds or as a ``timedelta`` (default 24
    ///   hours).
    /// - ``retention``: how long changes are kept that every consumer has acknowledged, in seconds or as a ``timedelta`` (default 30
    ///   days).
    ///
    /// Raises ``StoreError`` if the file is not a mirror, was written by a newer version, or cannot be read and written.
    Mirror,
    Blocking,
    "Mirror",
    MirrorUserIterator,
    ChangeIterator,
    {
        /// Closes the mirror. Running calls finish; later calls raise ``InvalidArgumentError``. Closing it again has no effect.
        fn close(&self, py: Python<'_>) -> PyResult<()> {
            match self.0.close() {
                Some(mirror) => wait(py, drop_mirror(Some(mirror))),
                None => Ok(()),
            }
        }

        fn __enter__(slf: Py<Mirror>) -> Py<Mirror> {
            slf
        }

        #[pyo3(signature = (*_exception))]
        fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
            self.close(py)
        }
    }
);

mirror!(
    /// Durable local copy of every directory, with a feed of changes, for asyncio. May be used by any number of tasks, event loops and
    /// threads at once, and after a fork. The constructor opens the file, which blocks: make the mirror before the event loop runs other
    /// tasks.
    ///
    /// - ``path``: the SQLite file, created if it does not exist, or ``":memory:"``. Any number of processes on one machine may use a
    ///   file at once. A mirror in memory cannot be used after a fork.
    /// - ``client``: a ``Client`` or ``AsyncClient`` for syncs (default none: a sync raises ``ConfigError``).
    /// - ``webhook_secret``: one secret, several, or a ``Webhook`` (default: ``SCALEKIT_WEBHOOK_SECRET``, read when the first webhook
    ///   arrives).
    /// - ``guard_users``: number of users of a directory that may lose access within the guard's window without approval (default 20, and
    ///   fewer in a small directory).
    /// - ``guard_share``: share of a directory's users that may lose access, 0 to 1 (default 0.1). The larger of the two limits applies;
    ///   further losses are held (see ``holds``). 1 permits everything.
    /// - ``guard_events``: whether losses of access by events are limited as well (default True).
    /// - ``guard_window``: the time within which losses of access are counted together, in seconds or as a ``timedelta`` (default 24 hours).
    /// - ``full_every``: age of the last full sync after which ``auto`` makes another, in seconds or as a ``timedelta`` (default 24
    ///   hours).
    /// - ``retention``: how long changes are kept that every consumer has acknowledged, in seconds or as a ``timedelta`` (default 30
    ///   days).
    ///
    /// Raises ``StoreError`` if the file is not a mirror, was written by a newer version, or cannot be read and written.
    AsyncMirror,
    Asyncio,
    "AsyncMirror",
    AsyncMirrorUserIterator,
    AsyncChangeIterator,
    {
        /// Closes the mirror. Running calls finish; later calls raise ``InvalidArgumentError``. Closing it again has no effect.
        fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            Asyncio::run(py, drop_mirror(self.0.close()), |py, ()| Ok(py.None()))
        }

        fn __aenter__<'py>(slf: Bound<'py, AsyncMirror>) -> PyResult<Bound<'py, PyAny>> {
            crate::coroutine::ready(slf.py(), slf.clone().into_any().unbind())
        }

        #[pyo3(signature = (*_exception))]
        fn __aexit__<'py>(&self, py: Python<'py>, _exception: &Bound<'_, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
            self.close(py)
        }
    }
);
