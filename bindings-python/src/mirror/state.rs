//! The core's mirror behind `Mirror` and `AsyncMirror`, until it is closed, and its settings.

use crate::call::release;
use crate::client::AnyClient;
use crate::connection::Connection;
use crate::convert::{Flag, Number, Size, Span};
use crate::errors::{Named, OrRaise};
use crate::webhook::Webhook;
use headcount::{Error, blocking};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// A mirror that can be closed. Shared by a Python mirror and everything that was made with it.
pub(crate) struct State {
    mirror: RwLock<Option<blocking::Mirror>>,
    client: Option<Arc<Connection>>,
}

/// Settings of a mirror.
pub(super) struct Settings<'a, 'py> {
    pub(super) client: Option<AnyClient>,
    pub(super) webhook_secret: Option<&'a Bound<'py, PyAny>>,
    pub(super) guard_users: Option<Size>,
    pub(super) guard_share: Option<Number>,
    pub(super) guard_events: Option<Flag>,
    pub(super) guard_window: Option<Span>,
    pub(super) full_every: Option<Span>,
    pub(super) retention: Option<Span>,
}

impl State {
    pub(super) fn open(py: Python<'_>, path: PathBuf, settings: Settings<'_, '_>) -> PyResult<Arc<State>> {
        let mut builder = headcount::Mirror::builder();
        if let Some(given) = settings.webhook_secret {
            builder = builder.webhook(Webhook::read(given).named(py, "webhook_secret")?);
        }
        if let Some(users) = settings.guard_users {
            builder = builder.guard_users(u32::from(users).into());
        }
        if let Some(share) = settings.guard_share {
            builder = builder.guard_share(share.0);
        }
        if let Some(events) = settings.guard_events {
            builder = builder.guard_events(events.0);
        }
        if let Some(Span(window)) = settings.guard_window {
            builder = builder.guard_window(window);
        }
        if let Some(Span(age)) = settings.full_every {
            builder = builder.full_every(age);
        }
        if let Some(Span(age)) = settings.retention {
            builder = builder.retention(age);
        }
        let client = settings.client.map(|AnyClient(client)| client);
        let native = client.as_ref().map(|client| client.open()).transpose().or_raise(py)?;
        let mirror = release(py, || blocking::Mirror::with_settings(path, native, builder))?;
        Ok(Arc::new(State { mirror: RwLock::new(Some(mirror)), client }))
    }

    /// Returns this process's mirror, or an error if it is closed.
    pub(super) fn current(&self, py: Python<'_>) -> PyResult<headcount::Mirror> {
        // In a forked child, the first call opens the file, which may wait for a disk.
        release(py, || self.opened()?.current())
    }

    /// As [`current`](State::current), and reads the logger's level: a sync sends requests, which are logged.
    pub(super) fn syncing(&self, py: Python<'_>) -> PyResult<headcount::Mirror> {
        if let Some(client) = &self.client {
            client.refresh_log(py)?;
        }
        self.current(py)
    }

    pub(super) fn opened(&self) -> headcount::Result<blocking::Mirror> {
        let mirror = self.mirror.read().unwrap_or_else(PoisonError::into_inner);
        mirror.clone().ok_or_else(|| Error::invalid_argument("the mirror is closed: open another one"))
    }

    /// Closes the mirror and returns it. Dropping it may wait for a disk.
    pub(super) fn close(&self) -> Option<blocking::Mirror> {
        self.mirror.write().unwrap_or_else(PoisonError::into_inner).take()
    }
}
