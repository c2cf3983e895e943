//! Calls that read and change the settings that the store keeps, unbind the environment, and copy the mirror to another
//! store.

use super::class::{AsyncMirror, Mirror};
use super::options::Settings;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{FilePath, Flag, Number, Size, Span, Text, Texts};
use crate::generated::{CopyReport, MirrorSettings};
use headcount::mirror::CopyOptions;
use pyo3::prelude::*;

/// Defines the calls of a mirror class about settings.
macro_rules! settings {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Returns the settings in effect, which the store keeps for all processes, and those that this mirror was opened with and that are not in
            /// effect.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.settings().await }, |_, settings| Ok(MirrorSettings::from(settings)))
            }

            /// Changes settings, for all processes that use the store: each reads them with its next write. Settings that are not given stay
            /// as they are.
            ///
            /// The arguments are those of the constructor from ``guard_users`` on. With fewer ``fields`` than before, the others are deleted from all users
            /// before this returns.
            ///
            /// Raises ``InvalidArgumentError`` for a ``guard_share`` that is not from 0 to 1, for a ``guard_window`` of 0, for an unknown or repeated
            /// name in ``fields``, for a
            /// ``deletion_grace`` of more than ten years, and if the mirror is closed; and ``StoreError`` if the store fails.
            #[pyo3(signature = (
                *, guard_users = None, guard_share = None, guard_events = None, guard_window = None, full_every = None,
                retention = None, history = None, deletion_grace = None, consumer_expiry = None, pending_events = None,
                pending_bytes = None, groups_per_user = None, fields = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn configure<'py>(
                &self,
                py: Python<'py>,
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
            ) -> PyResult<Bound<'py, PyAny>> {
                let options = Settings {
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
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.configure(options.try_into()?).await }, |py, ()| Ok(py.None()))
            }

            /// Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL
            /// has changed; a mirror must not be synced with two environments.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn unbind_environment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.unbind_environment().await }, |py, ()| Ok(py.None()))
            }

            /// Copies the mirror to a new file or to a PostgreSQL database: everything but leases. Consumers continue
            /// at the copy where they were. Before the call, stop everything that writes to the mirror: if something
            /// was written during the copy, the call fails. After an error, nothing was copied, and the call can be
            /// repeated.
            ///
            /// - ``target``: the path of a file, or the URL of a database, as for the constructor. The file or the schema must not have been used by a
            ///   mirror.
            /// - ``schema``: name of the schema in PostgreSQL (default: ``headcount``). The role has to be its owner.
            ///
            /// Raises ``StoreError`` if the target is not empty, is the mirror's own store, or cannot be opened or
            /// written, and if the mirror was written meanwhile; ``ConfigError`` if the target is ``":memory:"``, and
            /// if the URL or the schema is invalid; and ``InvalidArgumentError`` if the mirror is closed.
            #[pyo3(signature = (target, *, schema = None))]
            fn copy_to<'py>(
                &self,
                py: Python<'py>,
                target: FilePath,
                schema: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let mut options = CopyOptions::default();
                options.schema = schema.map(String::from);
                let copy = async move { mirror.copy_to(target.0, options).await };
                <$mode>::run(py, copy, |_, report| Ok(CopyReport::from(report)))
            }
        }
    };
}

settings!(Mirror, Blocking);
settings!(AsyncMirror, Asyncio);
