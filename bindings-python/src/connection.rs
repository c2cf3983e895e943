//! The core's client, which `Client` and `AsyncClient` use until it is closed.

use crate::convert::Span;
use crate::errors::OrRaise;
use crate::logging::Log;
use headcount::client::{Activity, CallOptions, Observer, Stats};
use headcount::{ClientBuilder, Error, blocking};
use pyo3::prelude::*;
use std::sync::{Arc, PoisonError, RwLock};

/// Name of the environment variable with a file or folder of certificate authorities that replace the system's.
const CA_BUNDLE: &str = "REQUESTS_CA_BUNDLE";

/// A client that can be closed. Shared by a Python client and everything that was made with it.
pub(crate) struct Connection {
    client: RwLock<Option<blocking::Client>>,
    log: Arc<Log>,
}

impl Connection {
    /// Makes a client. Sends nothing.
    pub(crate) fn new(py: Python<'_>, settings: ClientBuilder) -> PyResult<Arc<Connection>> {
        let log = Arc::new(Log::new(py)?);
        let observer = Arc::clone(&log);
        let settings = settings.observer(move |activity: &Activity<'_>| observer.observe(activity));
        // The library `requests` reads the same variable.
        let settings = settings.only_ca_variable(CA_BUNDLE, std::env::var_os(CA_BUNDLE));
        let client = blocking::Client::new(settings).or_raise(py)?;
        Ok(Arc::new(Connection { client: RwLock::new(Some(client)), log }))
    }

    /// Returns the client for calls with this deadline, or an error if it is closed.
    pub(crate) fn client(&self, py: Python<'_>, timeout: Option<Span>) -> PyResult<headcount::Client> {
        self.log.refresh(py)?;
        let options = CallOptions::new().timeout(timeout.map(|Span(timeout)| timeout));
        self.opened().and_then(|client| client.with(options).current()).or_raise(py)
    }

    /// Reads the logger's level, which decides what later calls log.
    pub(crate) fn refresh_log(&self, py: Python<'_>) -> PyResult<()> {
        self.log.refresh(py)
    }

    /// Returns the client, or an error if it is closed.
    pub(crate) fn opened(&self) -> headcount::Result<blocking::Client> {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        client.clone().ok_or_else(|| Error::invalid_argument("the client is closed: make another one"))
    }

    /// Returns the counters in this process since the client was made, or an error if the client is closed.
    pub(crate) fn stats(&self) -> headcount::Result<Stats> {
        Ok(self.opened()?.stats())
    }

    /// Drops the client. Calls that are running finish.
    pub(crate) fn close(&self) {
        self.client.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}
