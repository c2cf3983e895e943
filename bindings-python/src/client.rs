//! `Client` and `AsyncClient`: one environment's REST API.

use crate::connection::Connection;
use crate::convert::{Count, Size, Span, Text, wrong_type};
use crate::coroutine::ready;
use crate::directory::{AsyncDirectoryClient, DirectoryClient};
use crate::errors::OrRaise;
use crate::organization::{AsyncOrganizationClient, OrganizationClient};
use headcount::ClientBuilder;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::path::PathBuf;
use std::sync::Arc;

fn stats<'py>(py: Python<'py>, connection: &Connection) -> PyResult<Bound<'py, PyAny>> {
    let stats = connection.stats().or_raise(py)?;
    let parts = PyDict::new(py);
    parts.set_item("requests", stats.requests)?;
    parts.set_item("retries", stats.retries)?;
    parts.set_item("throttled", stats.throttled)?;
    parts.set_item("token_renewals", stats.token_renewals)?;
    parts.set_item("pages", stats.pages)?;
    parts.set_item("bytes", stats.bytes)?;
    py.import("headcount.support")?.getattr("Stats")?.call((), Some(&parts))
}

/// Defines a client class: the settings are the same keywords in both, and in both their constructors.
macro_rules! client {
    ($client:ident, $organizations:ident, $directories:ident, $repr:literal, $doc:literal, { $($own:tt)* }) => {
        #[doc = $doc]
        ///
        /// ``environment_url`` (or ``env_url``), ``client_id`` and ``client_secret`` are shown in the vendor's dashboard under API
        /// credentials. Making a client sends nothing.
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $client {
            connection: Arc<Connection>,
            /// Calls about organizations.
            #[pyo3(get)]
            organization: Py<$organizations>,
            /// Calls about directories, their users and their groups.
            #[pyo3(get)]
            directory: Py<$directories>,
        }

        impl $client {
            fn build(py: Python<'_>, settings: ClientBuilder) -> PyResult<$client> {
                let connection = Connection::new(py, settings)?;
                Ok($client {
                    organization: Py::new(py, $organizations::new(Arc::clone(&connection)))?,
                    directory: Py::new(py, $directories::new(Arc::clone(&connection)))?,
                    connection,
                })
            }
        }

        #[pymethods]
        impl $client {
            #[new]
            #[pyo3(signature = (
                environment_url = None, client_id = None, client_secret = None, *, timeout = None, attempt_timeout = None,
                connect_timeout = None, max_attempts = None, retry_base = None, retry_cap = None, retry_budget = None,
                max_concurrency = None, max_response_bytes = None, proxy = None, ca_file = None, user_agent_suffix = None,
                env_url = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn new(
                py: Python<'_>,
                environment_url: Option<Text>,
                client_id: Option<Text>,
                client_secret: Option<Text>,
                timeout: Option<Span>,
                attempt_timeout: Option<Span>,
                connect_timeout: Option<Span>,
                max_attempts: Option<Count>,
                retry_base: Option<Span>,
                retry_cap: Option<Span>,
                retry_budget: Option<Size>,
                max_concurrency: Option<Size>,
                max_response_bytes: Option<Size>,
                proxy: Option<Text>,
                ca_file: Option<PathBuf>,
                user_agent_suffix: Option<Text>,
                env_url: Option<Text>,
            ) -> PyResult<$client> {
                let environment_url = match (environment_url, env_url) {
                    (Some(_), Some(_)) => {
                        return Err(PyTypeError::new_err(
                            "environment_url and env_url are the same setting: pass one of them",
                        ));
                    }
                    (url, None) | (None, url) => url,
                };
                // `os.environ.get` gives None for what is not set: the core says which setting is missing.
                let text = |value: Option<Text>| value.map(|text| text.to_string()).unwrap_or_default();
                let settings = headcount::Client::builder(text(environment_url), text(client_id), text(client_secret));
                client!(@set settings: timeout, attempt_timeout, connect_timeout, max_attempts, retry_base, retry_cap,
                    retry_budget, max_concurrency, max_response_bytes, proxy, ca_file, user_agent_suffix);
                $client::build(py, settings)
            }

            /// A client from ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and ``SCALEKIT_CLIENT_SECRET``.
            #[staticmethod]
            #[pyo3(signature = (
                *, timeout = None, attempt_timeout = None, connect_timeout = None, max_attempts = None, retry_base = None,
                retry_cap = None, retry_budget = None, max_concurrency = None, max_response_bytes = None, proxy = None,
                ca_file = None, user_agent_suffix = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn from_env(
                py: Python<'_>,
                timeout: Option<Span>,
                attempt_timeout: Option<Span>,
                connect_timeout: Option<Span>,
                max_attempts: Option<Count>,
                retry_base: Option<Span>,
                retry_cap: Option<Span>,
                retry_budget: Option<Size>,
                max_concurrency: Option<Size>,
                max_response_bytes: Option<Size>,
                proxy: Option<Text>,
                ca_file: Option<PathBuf>,
                user_agent_suffix: Option<Text>,
            ) -> PyResult<$client> {
                let settings = ClientBuilder::from_env().or_raise(py)?;
                client!(@set settings: timeout, attempt_timeout, connect_timeout, max_attempts, retry_base, retry_cap,
                    retry_budget, max_concurrency, max_response_bytes, proxy, ca_file, user_agent_suffix);
                $client::build(py, settings)
            }

            /// What the client has done since it was made, in this process.
            fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                stats(py, &self.connection)
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

            fn __repr__(&self) -> &'static str {
                if self.connection.open().is_ok() {
                    concat!("<headcount.", $repr, ">")
                } else {
                    concat!("<headcount.", $repr, ", closed>")
                }
            }

            $($own)*
        }
    };
    // These three take anything that becomes their text or path, so the value's own type must be said.
    (@value proxy $value:ident) => { String::from($value) };
    (@value user_agent_suffix $value:ident) => { String::from($value) };
    (@value ca_file $value:ident) => { $value };
    (@value $name:ident $value:ident) => { $value.into() };
    (@set $settings:ident: $($name:ident),*) => {
        $(let $settings = match $name {
            Some(value) => $settings.$name(client!(@value $name value)),
            None => $settings,
        };)*
    };
}

client!(
    Client,
    OrganizationClient,
    DirectoryClient,
    "Client",
    "The REST client of one environment. May be used from any number of threads at once, and after a fork.",
    {
        /// Frees what the client holds. Calls that are under way finish; later ones fail. Closing twice does no harm.
        fn close(&self) {
            self.connection.close();
        }

        fn __enter__(slf: Py<Client>) -> Py<Client> {
            slf
        }

        #[pyo3(signature = (*_exception))]
        fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
            self.connection.close();
        }
    }
);

client!(
    AsyncClient,
    AsyncOrganizationClient,
    AsyncDirectoryClient,
    "AsyncClient",
    "The REST client of one environment, for asyncio: the same calls as coroutines. Any number of tasks, loops and threads may use it.",
    {
        /// Frees what the client holds, at once. Calls that are under way finish; later ones fail. Closing twice does no harm.
        fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            self.connection.close();
            ready(py, py.None())
        }

        fn __aenter__<'py>(slf: Bound<'py, AsyncClient>) -> PyResult<Bound<'py, PyAny>> {
            ready(slf.py(), slf.clone().into_any().unbind())
        }

        #[pyo3(signature = (*_exception))]
        fn __aexit__<'py>(&self, py: Python<'py>, _exception: &Bound<'_, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
            self.close(py)
        }
    }
);

/// The client behind either class: what is made with it works for threads and for asyncio.
pub(crate) struct AnyClient(pub(crate) Arc<Connection>);

impl<'a, 'py> FromPyObject<'a, 'py> for AnyClient {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<AnyClient> {
        if let Ok(client) = value.cast::<Client>() {
            Ok(AnyClient(Arc::clone(&client.get().connection)))
        } else if let Ok(client) = value.cast::<AsyncClient>() {
            Ok(AnyClient(Arc::clone(&client.get().connection)))
        } else {
            Err(wrong_type(&value, "a Client or an AsyncClient"))
        }
    }
}
