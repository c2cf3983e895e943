//! `Mirror` and `AsyncMirror`: the same calls for threads and for asyncio, written once.
//!
//! `state` is the native mirror until it is closed, `records` what it holds, `users` iterates over that, `sync` reports on syncs, and `feed`
//! gives changes to who acknowledges them.

mod feed;
mod records;
mod state;
mod sync;
mod users;

pub(crate) use feed::{AsyncChange, AsyncChangeIterator, Change, ChangeIterator, Consumer, ParkedChange};
pub(crate) use records::{DirectoryStatus, Held, MirrorDirectory, MirrorGroup, MirrorUser};
pub(crate) use sync::{Progress, SyncReport};
pub(crate) use users::{AsyncMirrorUserIterator, MirrorUserIterator};

use crate::call::{Asyncio, Blocking, Mode, wait};
use crate::client::AnyClient;
use crate::convert::{Size, Span, Text, wrong_type};
use crate::event::Event;
use crate::headers::Found;
use crate::webhook::Body;
use feed::{ConsumerHandle, Feed};
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use state::{Settings, State};
use std::path::PathBuf;
use std::sync::Arc;
use sync::Asked;

/// How many changes a poll gives unless told otherwise.
const LIMIT: usize = 100;

fn limit(given: Option<Size>) -> usize {
    given.map_or(LIMIT, usize::from)
}

/// Pairs of a group and a role, from a mapping or from pairs, which are lists where they come from JSON.
fn pairs(given: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let wrong = |it: &Bound<'_, PyAny>| wrong_type(it, "the role map as a dict of group to role, or as pairs of them");
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
        match <[Bound<'_, PyAny>; 2]>::try_from(parts) {
            Ok([group, role]) => Ok((group.extract::<Text>()?.into(), role.extract::<Text>()?.into())),
            Err(_) => Err(wrong(&pair)),
        }
    };
    pairs.try_iter().map_err(|_| wrong(given))?.map(pair).collect()
}

/// The rest of `close`: dropping waits for a disk.
async fn ended(mirror: Option<headcount::blocking::Mirror>) -> headcount::Result<()> {
    let dropped = tokio::task::spawn_blocking(move || drop(mirror)).await;
    dropped.map_err(|_| headcount::Error::internal("closing the mirror did not come to its end"))
}

/// How rows that are listed whole are given.
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

/// To be awaited, or gone through with `async for`.
impl Lists for Asyncio {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::coroutine::rows(py, read)
    }
}

/// Defines a class of mirrors.
macro_rules! mirror {
    ($mirror:ident, $mode:ty, $repr:literal, $users:ident, $changes:ident, $doc:literal, { $($own:tt)* }) => {
        #[doc = $doc]
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $mirror(Arc<State>);

        #[pymethods]
        impl $mirror {
            #[new]
            #[pyo3(signature = (
                path, *, client = None, webhook_secret = None, guard_users = None, guard_share = None, guard_events = None,
                full_every = None, retention = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn new(
                py: Python<'_>,
                path: PathBuf,
                client: Option<AnyClient>,
                webhook_secret: Option<&Bound<'_, PyAny>>,
                guard_users: Option<Size>,
                guard_share: Option<f64>,
                guard_events: Option<bool>,
                full_every: Option<Span>,
                retention: Option<Span>,
            ) -> PyResult<$mirror> {
                let settings =
                    Settings { client, webhook_secret, guard_users, guard_share, guard_events, full_every, retention };
                State::open(py, path, settings).map($mirror)
            }

            /// Syncs an organization's directories, or one of them.
            #[pyo3(signature = (
                organization_id, directory_id = None, *, mode = None, approve_removals = false, wait = None,
                on_progress = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn sync<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
                mode: Option<Text>,
                approve_removals: bool,
                wait: Option<bool>,
                on_progress: Option<Py<PyAny>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let sync = self.0.syncing(py)?.sync(&organization_id);
                let asked = Asked { directory_id, mode, approve_removals, wait, concurrency: None, on_progress };
                sync::run::<$mode>(py, sync, asked)
            }

            /// Syncs every directory of every organization, several at once.
            #[pyo3(signature = (*, concurrency = None, mode = None, on_progress = None))]
            fn sync_all<'py>(
                &self,
                py: Python<'py>,
                concurrency: Option<Size>,
                mode: Option<Text>,
                on_progress: Option<Py<PyAny>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let sync = self.0.syncing(py)?.sync_all();
                sync::run::<$mode>(py, sync, Asked { concurrency, mode, on_progress, ..Asked::default() })
            }

            /// Takes a webhook: verifies, stores and applies it.
            #[pyo3(signature = (body, headers))]
            fn receive<'py>(
                &self,
                py: Python<'py>,
                body: &Bound<'py, PyAny>,
                headers: &Bound<'py, PyAny>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (body, headers) = (Body::raw(body)?.as_bytes().to_vec(), Found::read(headers)?.into_owned());
                let mirror = self.0.current(py)?;
                let call = async move { mirror.receive(&headers, &body).await };
                <$mode>::run(py, call, |_, outcome| Ok(outcome.name()))
            }

            /// Takes an event that has been verified already.
            #[pyo3(signature = (event))]
            fn apply<'py>(&self, py: Python<'py>, event: PyRef<'_, Event>) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, event) = (self.0.current(py)?, event.value().clone());
                <$mode>::run(py, async move { mirror.apply(&event).await }, |_, outcome| Ok(outcome.name()))
            }

            /// The users of an organization: all, or those of a directory or a group.
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

            /// The groups of an organization, or of one of its directories.
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

            /// The directories that the mirror knows: of one organization, or all.
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

            /// One user, or None where the mirror has none of this id.
            #[pyo3(signature = (user_id))]
            fn user<'py>(&self, py: Python<'py>, user_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.user(&user_id).await }, |_, user| Ok(user.map(MirrorUser::from)))
            }

            /// One group, or None where the mirror has none of this id.
            #[pyo3(signature = (group_id))]
            fn group<'py>(&self, py: Python<'py>, group_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.group(&group_id).await }, |_, group| {
                    Ok(group.map(MirrorGroup::from))
                })
            }

            /// The users with this primary address, whatever the case of its letters, in all organizations.
            #[pyo3(signature = (email))]
            fn find_users<'py>(&self, py: Python<'py>, email: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.find_users(&email).await }, |_, users| {
                    Ok(users.into_iter().map(MirrorUser::from).collect::<Vec<_>>())
                })
            }

            /// How the mirror stands with each directory.
            fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.status().await }, |_, status| {
                    Ok(status.into_iter().map(DirectoryStatus::from).collect::<Vec<_>>())
                })
            }

            /// The ids of the users whose removal from a directory is held back, all of them.
            #[pyo3(signature = (directory_id))]
            fn held_removals<'py>(&self, py: Python<'py>, directory_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.held_removals(&directory_id).await }, |_, ids| Ok(ids))
            }

            /// Remembers the application's own account id beside a user, or forgets it where that is None.
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

            /// Says which groups give which roles.
            #[pyo3(signature = (pairs))]
            fn set_role_map<'py>(&self, py: Python<'py>, pairs: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyAny>> {
                let pairs = self::pairs(pairs)?;
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.set_role_map(pairs).await }, |py, ()| Ok(py.None()))
            }

            /// The pairs of the role map, as they were set.
            fn role_map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.role_map().await }, |_, pairs| Ok(pairs))
            }

            /// The changes that a consumer has not acknowledged, oldest first.
            #[pyo3(signature = (consumer, limit = None))]
            fn poll<'py>(&self, py: Python<'py>, consumer: Text, limit: Option<Size>) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, handle, limit) = (self.0.current(py)?, self.consumer(consumer), self::limit(limit));
                let name = Arc::clone(&handle.name);
                let call = async move { mirror.poll(&name, limit).await };
                <$mode>::run(py, call, move |py, changes| <$mode>::changes(py, changes, &handle))
            }

            /// As ``poll``, but where there is nothing yet it waits for the first change.
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

            /// Acknowledges every change up to and including ``seq``.
            #[pyo3(signature = (consumer, seq))]
            fn ack<'py>(&self, py: Python<'py>, consumer: Text, seq: i64) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.ack(&consumer, seq).await }, |py, ()| Ok(py.None()))
            }

            /// Follows the feed, change after change.
            #[pyo3(signature = (consumer, *, timeout = None))]
            fn changes(&self, consumer: Text, timeout: Option<Span>) -> $changes {
                $changes::make(feed::items(self.consumer(consumer), timeout.map(|span| span.0)))
            }

            /// Puts a change aside that a consumer cannot handle, and acknowledges it with those before it.
            #[pyo3(signature = (consumer, seq, reason))]
            fn park<'py>(
                &self,
                py: Python<'py>,
                consumer: Text,
                seq: i64,
                reason: Text,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.park(&consumer, seq, &reason).await };
                <$mode>::run(py, call, |py, ()| Ok(py.None()))
            }

            /// What a consumer has put aside, oldest first.
            #[pyo3(signature = (consumer))]
            fn parked_changes<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.parked_changes(&consumer).await }, |_, parked| {
                    Ok(parked.into_iter().map(ParkedChange::from).collect::<Vec<_>>())
                })
            }

            /// Forgets a change that was put aside; whether there was one.
            #[pyo3(signature = (consumer, seq))]
            fn drop_parked<'py>(&self, py: Python<'py>, consumer: Text, seq: i64) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.drop_parked(&consumer, seq).await }, |_, dropped| Ok(dropped))
            }

            /// Has a consumer start with what is there.
            #[pyo3(signature = (consumer))]
            fn start_from_snapshot<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.start_from_snapshot(&consumer).await }, |py, ()| Ok(py.None()))
            }

            /// Every consumer, and how far it is.
            fn consumers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.consumers().await }, |_, consumers| {
                    Ok(consumers.into_iter().map(Consumer::from).collect::<Vec<_>>())
                })
            }

            /// Forgets a consumer that is not coming back; whether there was one.
            #[pyo3(signature = (consumer))]
            fn drop_consumer<'py>(&self, py: Python<'py>, consumer: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.drop_consumer(&consumer).await }, |_, dropped| Ok(dropped))
            }

            /// Removes what is old and was acknowledged by every consumer. Syncs do it when they end.
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
    Mirror,
    Blocking,
    "Mirror",
    MirrorUserIterator,
    ChangeIterator,
    "A durable local copy of every directory, and a feed of what changed. May be used from any number of threads at once, and after a fork.",
    {
        /// Closes the file. Calls that are under way finish; later ones fail. Closing twice does no harm.
        fn close(&self, py: Python<'_>) -> PyResult<()> {
            match self.0.close() {
                Some(mirror) => wait(py, ended(Some(mirror))),
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
    AsyncMirror,
    Asyncio,
    "AsyncMirror",
    AsyncMirrorUserIterator,
    AsyncChangeIterator,
    "A durable local copy of every directory, and a feed of what changed, for asyncio. Any number of tasks, loops and threads may use it.",
    {
        /// Closes the file. Calls that are under way finish; later ones fail. Closing twice does no harm.
        fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            Asyncio::run(py, ended(self.0.close()), |py, ()| Ok(py.None()))
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
