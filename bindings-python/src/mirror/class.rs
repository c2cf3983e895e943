//! The classes `Mirror` and `AsyncMirror`, and their calls for opening, webhooks, trimming and closing.

use super::options::{Database, Settings};
use super::state::State;
use crate::call::{Asyncio, Blocking, Mode, wait};
use crate::client::AnyClient;
use crate::convert::{FilePath, Flag, Now, Number, Size, Span, Text, Texts};
use crate::errors::{Named, OrRaise};
use crate::event::GivenEvent;
use crate::headers::WebhookHeaders;
use crate::webhook::Body;
use headcount::blocking;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::Arc;

/// Drops the handle of a mirror that was closed, if there is one. If it was the last handle, waits until the file is
/// closed.
async fn release(mirror: Option<blocking::Mirror>) -> headcount::Result<()> {
    match mirror {
        Some(mirror) => mirror.release().await,
        None => Ok(()),
    }
}

/// Defines a mirror class.
macro_rules! mirror {
    ($(#[$doc:meta])* $mirror:ident, $mode:ty, $repr:literal, { $($own:tt)* }) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $mirror(pub(super) Arc<State>);

        #[pymethods]
        impl $mirror {
            #[new]
            #[pyo3(signature = (
                path, *, client = None, webhook_secret = None, schema = None, connections = None, lock_timeout = None,
                statement_timeout = None, prepared_statements = None, guard_users = None, guard_share = None, guard_events = None,
                guard_window = None, full_every = None, retention = None, history = None, deletion_grace = None,
                consumer_expiry = None, pending_events = None, pending_bytes = None, groups_per_user = None, fields = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn new(
                py: Python<'_>,
                path: FilePath,
                client: Option<AnyClient>,
                webhook_secret: Option<&Bound<'_, PyAny>>,
                schema: Option<Text>,
                connections: Option<Size>,
                lock_timeout: Option<Span>,
                statement_timeout: Option<Span>,
                prepared_statements: Option<Flag>,
                guard_users: Option<Size>,
                guard_share: Option<Number>,
                guard_events: Option<Flag>,
                guard_window: Option<Span>,
                full_every: Option<Span>,
                retention: Option<Span>,
                history: Option<Span>,
                deletion_grace: Option<Span>,
                consumer_expiry: Option<Span>,
                pending_events: Option<Size>,
                pending_bytes: Option<Size>,
                groups_per_user: Option<Size>,
                fields: Option<Texts>,
            ) -> PyResult<$mirror> {
                let settings = Settings {
                    guard_users,
                    guard_share,
                    guard_events,
                    guard_window,
                    full_every,
                    retention,
                    history,
                    deletion_grace,
                    consumer_expiry,
                    pending_events,
                    pending_bytes,
                    groups_per_user,
                    fields,
                };
                let database = Database { schema, connections, lock_timeout, statement_timeout, prepared_statements };
                State::open(py, path.0, client, webhook_secret, database, settings).map($mirror)
            }

            /// Verifies a webhook, stores it and applies it. Durable when this returns, or has been awaited.
            ///
            /// - ``body``: the raw body of the request: ``bytes``, ``bytearray``, ``memoryview`` or ``str``.
            /// - ``headers``: headers of the request, as in ``Webhook.verify``.
            /// - ``now``: time that the timestamp is compared with, an aware ``datetime`` or Unix seconds: the time at which the request
            ///   arrived, if a queue kept it (default: the current time).
            ///
            /// Returns the outcome: ``applied``, ``duplicate``, ``stale`` (the mirror has newer information), ``pending`` (stored until a sync
            /// shows which directory it is about), ``held`` (the guard holds the loss of access that it would cause, until it is approved),
            /// ``foreign`` (it is about a row of another organization than its own, is from another environment, or names no organization),
            /// ``erased`` (it is about an erased user or a forgotten organization) or ``ignored``. Answer 201 to all of them.
            ///
            /// Raises ``WebhookVerificationError`` if the request is refused: answer 400. Raises ``ConfigError`` if there is no secret,
            /// ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails or has no room for another pending
            /// event: answer 500, so that the webhook is sent again.
            #[pyo3(signature = (body, headers, *, now = None))]
            fn receive<'py>(
                &self,
                py: Python<'py>,
                body: &Bound<'py, PyAny>,
                headers: &Bound<'py, PyAny>,
                now: Option<Now>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let body = Body::raw(body).named(py, "body")?.as_bytes().to_vec();
                let headers = WebhookHeaders::read(headers).named(py, "headers")?.into_owned();
                let mirror = self.0.current(py)?;
                let call = async move {
                    match now {
                        Some(Now(now)) => mirror.receive_at(&headers, &body, now).await,
                        None => mirror.receive(&headers, &body).await,
                    }
                };
                <$mode>::run(py, call, |_, outcome| Ok(outcome.name()))
            }

            /// Stores and applies an event that has been verified already. Durable when this returns, or has been awaited. Returns
            /// the outcome as ``receive`` does.
            ///
            /// - ``event``: the event that ``Webhook.verify`` returned.
            ///
            /// Raises ``WebhookVerificationError`` if the event's data does not have the fields of its type: answer 400. Raises
            /// ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` as ``receive`` does.
            #[pyo3(signature = (event))]
            fn apply<'py>(&self, py: Python<'py>, event: GivenEvent) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, GivenEvent(event)) = (self.0.current(py)?, event);
                <$mode>::run(py, async move { mirror.apply(&event).await }, |_, outcome| Ok(outcome.name()))
            }

            /// Deletes users whose ``deletion_grace`` is over, and removes changes that are older than ``retention`` and that every consumer has acknowledged,
            /// and other expired rows. A sync does this when it ends.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn trim<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.trim().await }, |py, ()| Ok(py.None()))
            }

            /// The id of the mirror's store, a UUID. The store gets it when a mirror that may write first opens it. All mirrors that open the store have the same
            /// id, and so does a copy that ``copy_to`` makes. A program that keeps numbers of changes elsewhere can store the id with them: if it later finds
            /// another id, its numbers belong to another feed. ``None`` if the store has no id and may only be read.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed.
            #[getter]
            fn id(&self, py: Python<'_>) -> PyResult<Option<String>> {
                Ok(self.0.opened().or_raise(py)?.id().map(str::to_owned))
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
    };
}

mirror!(
    /// Durable copy of every directory, with a feed of changes. May be used from any number of threads at once, and after a fork.
    ///
    /// - ``path``: the SQLite file, created if it does not exist, or ``":memory:"``; or the URL of a PostgreSQL database,
    ///   ``"postgresql://user@host/database"``. Any number of processes on one machine may use a file at once, and any number of machines a
    ///   database. A mirror in memory cannot be used after a fork.
    /// - ``client``: a ``Client`` or ``AsyncClient`` for syncs (default none: a sync raises ``ConfigError``).
    /// - ``webhook_secret``: one secret, several, or a ``Webhook`` (default: ``SCALEKIT_WEBHOOK_SECRET``, read when the first webhook
    ///   arrives).
    /// - ``schema``: name of the database's schema that has the mirror's tables, created if there is none (default ``headcount``). For
    ///   PostgreSQL only.
    /// - ``connections``: maximum number of connections that the mirror has open at once (default 10). This and the next three options are for
    ///   PostgreSQL only.
    /// - ``lock_timeout``: how long a call waits for another transaction, or for a free connection, before it raises ``StoreError``, in
    ///   seconds or as a ``timedelta``; at least a millisecond (default 10).
    /// - ``statement_timeout``: how long a statement may take before the call raises ``StoreError``, in seconds or as a ``timedelta``; at
    ///   least a millisecond (default 60). A connection counts as lost if the server has not answered a statement within the sum of this and
    ///   ``lock_timeout``.
    /// - ``prepared_statements``: whether statements are prepared, so that the server plans each only a few times on each connection
    ///   (default False). They do not work through a pooler in transaction mode that does not support them, such as pgbouncer 1.18.
    /// - ``guard_users``: number of users of a directory that may lose access within ``guard_window`` without approval (default 20). It
    ///   is smaller in a small directory: half of the users if there are at most ten, otherwise a quarter of them, but at least five.
    /// - ``guard_share``: share of a directory's users that may lose access within ``guard_window``, 0 to 1 (default 0.1). The larger of
    ///   this limit and ``guard_users`` applies; further losses are held (see ``holds``). 1 permits every loss,
    ///   except removals because of a listing without users.
    /// - ``guard_events``: whether losses of access by events are limited as well (default True).
    /// - ``guard_window``: duration within which losses of access are counted together, in seconds or as a
    ///   ``timedelta`` (default 24 hours).
    /// - ``full_every``: age of the last full sync after which a sync in the mode ``auto`` is full, in seconds or as a
    ///   ``timedelta`` (default 24 hours).
    /// - ``retention``: how long changes are kept that every consumer has acknowledged, in seconds or as a ``timedelta`` (default 30
    ///   days).
    /// - ``history``: how long the history is kept, which the methods ``history`` and ``at`` read, in seconds or as a ``timedelta``; 0 for
    ///   none (default 400 days).
    /// - ``deletion_grace``: after how long users who left are deleted, unless they return, in seconds or as a ``timedelta``. They are deactivated at once, and
    ///   have the time of the deletion in ``deletes_at``. More than 0, and at most ten years; in ``configure``, 0 ends it. A change applies to
    ///   users who leave later (default: users who left are deleted at once).
    /// - ``consumer_expiry``: after how long without a poll or an acknowledgement a consumer expires, so that
    ///   changes that it has not acknowledged are removed as well, in seconds or as a ``timedelta``; less than two hours
    ///   counts as two hours, and 0 means never (default 30 days).
    /// - ``pending_events``: maximum number of pending events of an organization (default 10,000). ``receive`` raises
    ///   ``StoreError`` for further ones.
    /// - ``pending_bytes``: maximum size of an organization's pending events in bytes (default 64 MiB). ``receive``
    ///   raises ``StoreError`` for further ones.
    /// - ``groups_per_user``: maximum number of groups that an event may name for a user; an event with more groups changes nothing (default
    ///   10,000).
    /// - ``fields``: an iterable of the names of the personal fields of users that are stored: ``email``, ``given_name``, ``family_name``,
    ///   ``preferred_username``, ``emails``, ``vendor_roles``, ``detail`` and ``attributes``. What is not listed is not stored anywhere. Ids, groups, roles
    ///   and ``active`` are always stored (default: all).
    ///
    /// The settings from ``guard_users`` on are kept in the store, for all processes that use it. If the store already has another value of a
    /// setting, the argument is ignored: a warning is logged, and ``settings()`` lists it. ``configure()`` changes the stored value.
    ///
    /// Raises ``StoreError`` if the file is not a mirror, was written by a newer version, or cannot be read and written, and if the database
    /// cannot be reached or refuses the user; ``ConfigError`` if the URL, an option for PostgreSQL, the webhook secret, ``guard_share``,
    /// ``guard_window`` or ``deletion_grace`` cannot be used, and if an option for PostgreSQL is given for a file; and ``InvalidArgumentError`` if the client is closed, or
    /// for an unknown or repeated name in ``fields``.
    Mirror,
    Blocking,
    "Mirror",
    {
        /// Closes the mirror. Loops over ``changes`` end; running calls of ``wait`` and ``sync`` raise ``CancelledError`` and keep what they have
        /// written; other running calls finish. Later calls raise ``InvalidArgumentError``. Closing it again has no effect. A signal handler may
        /// close a mirror. Waits until the file is closed, unless a running call or an iterator still uses it, or a callback of a sync closes the
        /// mirror.
        fn close(&self, py: Python<'_>) -> PyResult<()> {
            match self.0.close() {
                Some(mirror) if blocking::may_wait() => wait(py, mirror.release()),
                // This is a callback of a sync. Waiting here would never end, because the sync ends only after the callback has returned.
                Some(mirror) => blocking::spawn(mirror.release()).map(drop).or_raise(py),
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
    /// Durable copy of every directory, with a feed of changes, for asyncio. May be used by any number of tasks, event loops and threads
    /// at once, and after a fork. The constructor blocks while it opens the file or connects to the database: call it before the event
    /// loop runs other tasks.
    ///
    /// - ``path``: the SQLite file, created if it does not exist, or ``":memory:"``; or the URL of a PostgreSQL database,
    ///   ``"postgresql://user@host/database"``. Any number of processes on one machine may use a file at once, and any number of machines a
    ///   database. A mirror in memory cannot be used after a fork.
    /// - ``client``: a ``Client`` or ``AsyncClient`` for syncs (default none: a sync raises ``ConfigError``).
    /// - ``webhook_secret``: one secret, several, or a ``Webhook`` (default: ``SCALEKIT_WEBHOOK_SECRET``, read when the first webhook
    ///   arrives).
    /// - ``schema``: name of the database's schema that has the mirror's tables, created if there is none (default ``headcount``). For
    ///   PostgreSQL only.
    /// - ``connections``: maximum number of connections that the mirror has open at once (default 10). This and the next three options are for
    ///   PostgreSQL only.
    /// - ``lock_timeout``: how long a call waits for another transaction, or for a free connection, before it raises ``StoreError``, in
    ///   seconds or as a ``timedelta``; at least a millisecond (default 10).
    /// - ``statement_timeout``: how long a statement may take before the call raises ``StoreError``, in seconds or as a ``timedelta``; at
    ///   least a millisecond (default 60). A connection counts as lost if the server has not answered a statement within the sum of this and
    ///   ``lock_timeout``.
    /// - ``prepared_statements``: whether statements are prepared, so that the server plans each only a few times on each connection
    ///   (default False). They do not work through a pooler in transaction mode that does not support them, such as pgbouncer 1.18.
    /// - ``guard_users``: number of users of a directory that may lose access within ``guard_window`` without approval (default 20). It
    ///   is smaller in a small directory: half of the users if there are at most ten, otherwise a quarter of them, but at least five.
    /// - ``guard_share``: share of a directory's users that may lose access within ``guard_window``, 0 to 1 (default 0.1). The larger of
    ///   this limit and ``guard_users`` applies; further losses are held (see ``holds``). 1 permits every loss,
    ///   except removals because of a listing without users.
    /// - ``guard_events``: whether losses of access by events are limited as well (default True).
    /// - ``guard_window``: duration within which losses of access are counted together, in seconds or as a
    ///   ``timedelta`` (default 24 hours).
    /// - ``full_every``: age of the last full sync after which a sync in the mode ``auto`` is full, in seconds or as a
    ///   ``timedelta`` (default 24 hours).
    /// - ``retention``: how long changes are kept that every consumer has acknowledged, in seconds or as a ``timedelta`` (default 30
    ///   days).
    /// - ``history``: how long the history is kept, which the methods ``history`` and ``at`` read, in seconds or as a ``timedelta``; 0 for
    ///   none (default 400 days).
    /// - ``deletion_grace``: after how long users who left are deleted, unless they return, in seconds or as a ``timedelta``. They are deactivated at once, and
    ///   have the time of the deletion in ``deletes_at``. More than 0, and at most ten years; in ``configure``, 0 ends it. A change applies to
    ///   users who leave later (default: users who left are deleted at once).
    /// - ``consumer_expiry``: after how long without a poll or an acknowledgement a consumer expires, so that
    ///   changes that it has not acknowledged are removed as well, in seconds or as a ``timedelta``; less than two hours
    ///   counts as two hours, and 0 means never (default 30 days).
    /// - ``pending_events``: maximum number of pending events of an organization (default 10,000). ``receive`` raises
    ///   ``StoreError`` for further ones.
    /// - ``pending_bytes``: maximum size of an organization's pending events in bytes (default 64 MiB). ``receive``
    ///   raises ``StoreError`` for further ones.
    /// - ``groups_per_user``: maximum number of groups that an event may name for a user; an event with more groups changes nothing (default
    ///   10,000).
    /// - ``fields``: an iterable of the names of the personal fields of users that are stored: ``email``, ``given_name``, ``family_name``,
    ///   ``preferred_username``, ``emails``, ``vendor_roles``, ``detail`` and ``attributes``. What is not listed is not stored anywhere. Ids, groups, roles
    ///   and ``active`` are always stored (default: all).
    ///
    /// The settings from ``guard_users`` on are kept in the store, for all processes that use it. If the store already has another value of a
    /// setting, the argument is ignored: a warning is logged, and ``settings()`` lists it. ``configure()`` changes the stored value.
    ///
    /// Raises ``StoreError`` if the file is not a mirror, was written by a newer version, or cannot be read and written, and if the database
    /// cannot be reached or refuses the user; ``ConfigError`` if the URL, an option for PostgreSQL, the webhook secret, ``guard_share``,
    /// ``guard_window`` or ``deletion_grace`` cannot be used, and if an option for PostgreSQL is given for a file; and ``InvalidArgumentError`` if the client is closed, or
    /// for an unknown or repeated name in ``fields``.
    AsyncMirror,
    Asyncio,
    "AsyncMirror",
    {
        /// Closes the mirror. Loops over ``changes`` end; running calls of ``wait`` and ``sync`` raise ``CancelledError`` and keep what they have
        /// written; other running calls finish. Later calls raise ``InvalidArgumentError``. Closing it again has no effect. Waits until the file
        /// is closed, unless a running call or an iterator still uses it.
        fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            Asyncio::run(py, release(self.0.close()), |py, ()| Ok(py.None()))
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
