//! `Client`: one environment's REST API.

use crate::convert::{Count, Span, Text};
use crate::directory::DirectoryClient;
use crate::errors::OrRaise;
use crate::organization::OrganizationClient;
use headcount::{ClientBuilder, Error, blocking};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::{Arc, PoisonError, RwLock};

/// The native client until it is closed; shared by everything that was made with it.
pub(crate) struct State(RwLock<Option<blocking::Client>>);

impl State {
    /// The native client, or the error that it is closed.
    pub(crate) fn client(&self) -> headcount::Result<blocking::Client> {
        let client = self.0.read().unwrap_or_else(PoisonError::into_inner);
        client.clone().ok_or_else(|| Error::invalid_argument("the client is closed: make another one"))
    }

    fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// The REST client of one environment. May be used from any number of threads at once, and after a fork.
///
/// ``environment_url`` (or ``env_url``), ``client_id`` and ``client_secret`` are shown in the vendor's dashboard under API
/// credentials. ``timeout`` is the deadline in seconds of each call with all its attempts; ``max_attempts`` is how often a call
/// is tried in all. Making a client does no I/O.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct Client {
    state: Arc<State>,
    /// Calls about organizations.
    #[pyo3(get)]
    organization: Py<OrganizationClient>,
    /// Calls about directories, their users and their groups.
    #[pyo3(get)]
    directory: Py<DirectoryClient>,
}

impl Client {
    fn build(
        py: Python<'_>,
        settings: ClientBuilder,
        timeout: Option<Span>,
        max_attempts: Option<Count>,
    ) -> PyResult<Client> {
        let settings = match timeout {
            Some(Span(timeout)) => settings.timeout(timeout),
            None => settings,
        };
        let settings = match max_attempts {
            Some(Count(attempts)) => settings.max_attempts(attempts),
            None => settings,
        };
        let state = Arc::new(State(RwLock::new(Some(blocking::Client::new(settings).or_raise(py)?))));
        Ok(Client {
            organization: Py::new(py, OrganizationClient::new(state.clone()))?,
            directory: Py::new(py, DirectoryClient::new(state.clone()))?,
            state,
        })
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        environment_url = None, client_id = None, client_secret = None,
        *, timeout = None, max_attempts = None, env_url = None
    ))]
    fn new(
        py: Python<'_>,
        environment_url: Option<Text>,
        client_id: Option<Text>,
        client_secret: Option<Text>,
        timeout: Option<Span>,
        max_attempts: Option<Count>,
        env_url: Option<Text>,
    ) -> PyResult<Client> {
        let environment_url = match (environment_url, env_url) {
            (Some(_), Some(_)) => {
                return Err(PyTypeError::new_err("environment_url and env_url are the same setting: pass one of them"));
            }
            (url, None) | (None, url) => url,
        };
        // `os.environ.get` gives None for what is not set: the core says which setting is missing.
        let text = |value: Option<Text>| value.map(|text| text.to_string()).unwrap_or_default();
        let settings = headcount::Client::builder(text(environment_url), text(client_id), text(client_secret));
        Client::build(py, settings, timeout, max_attempts)
    }

    /// A client from ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and ``SCALEKIT_CLIENT_SECRET``.
    #[staticmethod]
    #[pyo3(signature = (*, timeout = None, max_attempts = None))]
    fn from_env(py: Python<'_>, timeout: Option<Span>, max_attempts: Option<Count>) -> PyResult<Client> {
        Client::build(py, ClientBuilder::from_env().or_raise(py)?, timeout, max_attempts)
    }

    /// Verifies the signature of a webhook: True, or a ``WebhookVerificationError``.
    #[pyo3(signature = (secret, headers, payload))]
    fn verify_webhook_payload(
        &self,
        secret: Text,
        headers: &Bound<'_, PyAny>,
        payload: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        crate::webhook::verify_webhook_payload(secret, headers, payload)
    }

    /// Verifies the signature of an interceptor's request: True, or a ``WebhookVerificationError``.
    #[pyo3(signature = (secret, headers, payload))]
    fn verify_interceptor_payload(
        &self,
        secret: Text,
        headers: &Bound<'_, PyAny>,
        payload: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        crate::webhook::verify_webhook_payload(secret, headers, payload)
    }

    /// Frees what the client holds. Calls that are under way finish; later ones fail. Closing twice does no harm.
    fn close(&self) {
        self.state.close();
    }

    fn __enter__(slf: Py<Client>) -> Py<Client> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> &'static str {
        if self.state.client().is_ok() { "<headcount.Client>" } else { "<headcount.Client, closed>" }
    }
}
