//! The core's mirror, which `Mirror` and `AsyncMirror` use until it is closed.

use super::options::{Database, Settings};
use crate::call::release;
use crate::client::AnyClient;
use crate::connection::Connection;
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

impl State {
    /// Opens a mirror. `client` is used by its syncs.
    pub(super) fn open(
        py: Python<'_>,
        path: PathBuf,
        client: Option<AnyClient>,
        webhook_secret: Option<&Bound<'_, PyAny>>,
        database: Database,
        settings: Settings,
    ) -> PyResult<Arc<State>> {
        let settings = settings.try_into().or_raise(py)?;
        let mut builder = database.apply(headcount::Mirror::builder().settings(settings));
        if let Some(given) = webhook_secret {
            builder = builder.webhook(Webhook::read(given).named(py, "webhook_secret")?);
        }
        let client = client.map(|AnyClient(client)| client);
        let native = client.as_ref().map(|client| client.opened()).transpose().or_raise(py)?;
        let mirror = release(py, || blocking::Mirror::with_settings(path, native, builder))?;
        Ok(Arc::new(State { mirror: RwLock::new(Some(mirror)), client }))
    }

    /// Returns this process's mirror, or an error if it is closed.
    pub(super) fn current(&self, py: Python<'_>) -> PyResult<headcount::Mirror> {
        // In a forked child, the first call opens the file or connects to the database, which may wait.
        release(py, || self.opened()?.current())
    }

    /// As [`current`](State::current), but reads the logger's level before: a sync sends requests, which are logged.
    pub(super) fn current_for_sync(&self, py: Python<'_>) -> PyResult<headcount::Mirror> {
        if let Some(client) = &self.client {
            client.refresh_log(py)?;
        }
        self.current(py)
    }

    /// Returns the mirror's handle, or an error if it is closed. Does not open the file in a forked child.
    pub(super) fn opened(&self) -> headcount::Result<blocking::Mirror> {
        let mirror = self.mirror.read().unwrap_or_else(PoisonError::into_inner);
        mirror.clone().ok_or_else(|| Error::invalid_argument("the mirror is closed: open another one"))
    }

    /// Closes the mirror: ends its waits and syncs, and makes later calls fail. Returns its handle, which the caller
    /// releases, or `None` if it was closed before.
    pub(super) fn close(&self) -> Option<blocking::Mirror> {
        let mirror = self.mirror.write().unwrap_or_else(PoisonError::into_inner).take();
        mirror.inspect(blocking::Mirror::end_waits)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.mirror.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
