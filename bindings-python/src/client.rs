//! `Client` and `AsyncClient`: one environment's REST API.

use crate::connection::Connection;
use crate::convert::{Count, FilePath, Number, Size, Span, Text, wrong_type};
use crate::coroutine::ready;
use crate::directory::{AsyncDirectoryClient, DirectoryClient};
use crate::errors::OrRaise;
use crate::organization::{AsyncOrganizationClient, OrganizationClient};
use headcount::ClientBuilder;
use pyo3::exceptions::{PyTypeError, PyUserWarning};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::ffi::CString;
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

/// Warns about options of the vendor's constructor that have no meaning here.
fn warn_ignored(py: Python<'_>, options: &[(&str, Option<Number>)]) -> PyResult<()> {
    let names: Vec<&str> = options.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = format!("{} of the vendor's SDK: no meaning in headcount, ignored", names.join(", "));
    let message = CString::new(message).unwrap_or_default();
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)
}

/// Defines a client class. `client!(@set …)` applies the settings that both constructors take.
macro_rules! client {
    ($(#[$doc:meta])* $client:ident, $organizations:ident, $directories:ident, $repr:literal, { $($own:tt)* }) => {
        $(#[$doc])*
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
                environment_url = None, client_id = None, client_secret = None, keepalive_time_ms = None,
                keepalive_timeout_ms = None, call_timeout_s = None, tool_call_timeout_s = None, *, timeout = None,
                attempt_timeout = None, connect_timeout = None, max_attempts = None, retry_base = None, retry_cap = None, retry_budget = None,
                max_concurrency = None, max_response_bytes = None, proxy = None, ca_file = None, user_agent_suffix = None,
                env_url = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn new(
                py: Python<'_>,
                environment_url: Option<Text>,
                client_id: Option<Text>,
                client_secret: Option<Text>,
                keepalive_time_ms: Option<Number>,
                keepalive_timeout_ms: Option<Number>,
                call_timeout_s: Option<Span>,
                tool_call_timeout_s: Option<Number>,
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
                ca_file: Option<FilePath>,
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
                // Options of the vendor's constructor. Its `call_timeout_s` is the deadline of one attempt.
                let attempt_timeout = match (attempt_timeout, call_timeout_s) {
                    (Some(_), Some(_)) => {
                        return Err(PyTypeError::new_err(
                            "attempt_timeout and call_timeout_s are the same setting: pass one of them",
                        ));
                    }
                    (timeout, None) | (None, timeout) => timeout,
                };
                warn_ignored(
                    py,
                    &[
                        ("keepalive_time_ms", keepalive_time_ms),
                        ("keepalive_timeout_ms", keepalive_timeout_ms),
                        ("tool_call_timeout_s", tool_call_timeout_s),
                    ],
                )?;
                // A setting may be None, as `os.environ.get` returns it for an unset variable. It becomes an empty text, for which
                // the core's error names the setting.
                let text = |value: Option<Text>| value.map(|text| text.to_string()).unwrap_or_default();
                let settings = headcount::Client::builder(text(environment_url), text(client_id), text(client_secret));
                client!(@set settings: timeout, attempt_timeout, connect_timeout, max_attempts, retry_base, retry_cap,
                    retry_budget, max_concurrency, max_response_bytes, proxy, ca_file, user_agent_suffix);
                $client::build(py, settings)
            }

            /// Makes a client with the credentials in ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and ``SCALEKIT_CLIENT_SECRET``.
            /// Sends nothing. Durations are seconds or a ``timedelta``.
            ///
            /// - ``timeout``: deadline of each call with all its attempts (default 60).
            /// - ``attempt_timeout``: deadline of one attempt (default 20).
            /// - ``connect_timeout``: deadline of making a connection (default 10).
            /// - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
            /// - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
            /// - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
            /// - ``retry_budget``: number of retries that all calls share; each successful call gives half a retry back
            ///   (default 100).
            /// - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
            /// - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
            /// - ``proxy``: URL of the proxy; empty for none (default: the proxy that ``HTTPS_PROXY`` or ``ALL_PROXY`` names).
            /// - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
            ///   those in the file or folder that the variable ``REQUESTS_CA_BUNDLE`` names replace the system's, for https.
            /// - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).
            ///
            /// Raises ``ConfigError`` if a variable is missing or a setting cannot be used; the message names it.
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
                ca_file: Option<FilePath>,
                user_agent_suffix: Option<Text>,
            ) -> PyResult<$client> {
                let settings = ClientBuilder::from_env().or_raise(py)?;
                client!(@set settings: timeout, attempt_timeout, connect_timeout, max_attempts, retry_base, retry_cap,
                    retry_budget, max_concurrency, max_response_bytes, proxy, ca_file, user_agent_suffix);
                $client::build(py, settings)
            }

            /// Returns the client's counters in this process since the client was made. A forked child starts at zero.
            /// Raises ``InvalidArgumentError`` if the client is closed.
            fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                stats(py, &self.connection)
            }

            /// Verifies a webhook's signature and timestamp. Returns True.
            ///
            /// - ``secret``: one secret, or several separated by spaces.
            /// - ``headers``: headers of the request, as in ``Webhook.verify``.
            /// - ``payload``: body of the request, as in ``Webhook.verify``.
            ///
            /// Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
            #[pyo3(signature = (secret, headers, payload))]
            fn verify_webhook_payload(
                &self,
                secret: Text,
                headers: &Bound<'_, PyAny>,
                payload: &Bound<'_, PyAny>,
            ) -> PyResult<bool> {
                crate::webhook::verify_webhook_payload(secret, headers, payload)
            }

            /// Verifies the signature and timestamp of an interceptor's request. Returns True.
            ///
            /// - ``secret``: one secret, or several separated by spaces.
            /// - ``headers``: headers of the request, as in ``Webhook.verify``.
            /// - ``payload``: body of the request, as in ``Webhook.verify``.
            ///
            /// Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
            #[pyo3(signature = (secret, headers, payload))]
            fn verify_interceptor_payload(
                &self,
                secret: Text,
                headers: &Bound<'_, PyAny>,
                payload: &Bound<'_, PyAny>,
            ) -> PyResult<bool> {
                crate::webhook::verify_interceptor_payload(secret, headers, payload)
            }

            fn __repr__(&self) -> &'static str {
                if self.connection.opened().is_ok() {
                    concat!("<headcount.", $repr, ">")
                } else {
                    concat!("<headcount.", $repr, ", closed>")
                }
            }

            $($own)*
        }
    };
    // The setters of `proxy`, `user_agent_suffix` and `ca_file` are generic, so `into()` could not infer its target
    // type.
    (@value proxy $value:ident) => { String::from($value) };
    (@value user_agent_suffix $value:ident) => { String::from($value) };
    (@value ca_file $value:ident) => { $value.0 };
    (@value $name:ident $value:ident) => { $value.into() };
    (@set $settings:ident: $($name:ident),*) => {
        $(let $settings = match $name {
            Some(value) => $settings.$name(client!(@value $name value)),
            None => $settings,
        };)*
    };
}

client!(
    /// REST client of one environment. May be used from any number of threads at once, and after a fork. Making a client sends nothing.
    /// Durations are seconds or a ``timedelta``.
    ///
    /// - ``environment_url`` (or ``env_url``), ``client_id``, ``client_secret``: API credentials from the vendor's dashboard.
    /// - ``keepalive_time_ms``, ``keepalive_timeout_ms``, ``tool_call_timeout_s``: options of the vendor's SDK; ignored with a warning.
    /// - ``call_timeout_s``: the vendor's name of ``attempt_timeout``.
    /// - ``timeout``: deadline of each call with all its attempts (default 60).
    /// - ``attempt_timeout``: deadline of one attempt (default 20).
    /// - ``connect_timeout``: deadline of making a connection (default 10).
    /// - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
    /// - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
    /// - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
    /// - ``retry_budget``: number of retries that all calls share; each successful call gives half a retry back
    ///   (default 100).
    /// - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
    /// - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
    /// - ``proxy``: URL of the proxy; empty for none (default: the proxy that ``HTTPS_PROXY`` or ``ALL_PROXY`` names).
    /// - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
    ///   those in the file or folder that the variable ``REQUESTS_CA_BUNDLE`` names replace the system's, for https.
    /// - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).
    ///
    /// Raises ``ConfigError`` if a setting is missing or cannot be used; the message names it.
    Client,
    OrganizationClient,
    DirectoryClient,
    "Client",
    {
        /// Closes the client. Running calls finish; later calls raise ``InvalidArgumentError``. Closing it again has no effect.
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
    /// REST client of one environment for asyncio: the calls are coroutines. May be used by any number of tasks, event loops and threads
    /// at once, and after a fork. Making a client sends nothing. Durations are seconds or a ``timedelta``.
    ///
    /// - ``environment_url`` (or ``env_url``), ``client_id``, ``client_secret``: API credentials from the vendor's dashboard.
    /// - ``keepalive_time_ms``, ``keepalive_timeout_ms``, ``tool_call_timeout_s``: options of the vendor's SDK; ignored with a warning.
    /// - ``call_timeout_s``: the vendor's name of ``attempt_timeout``.
    /// - ``timeout``: deadline of each call with all its attempts (default 60).
    /// - ``attempt_timeout``: deadline of one attempt (default 20).
    /// - ``connect_timeout``: deadline of making a connection (default 10).
    /// - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
    /// - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
    /// - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
    /// - ``retry_budget``: number of retries that all calls share; each successful call gives half a retry back
    ///   (default 100).
    /// - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
    /// - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
    /// - ``proxy``: URL of the proxy; empty for none (default: the proxy that ``HTTPS_PROXY`` or ``ALL_PROXY`` names).
    /// - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
    ///   those in the file or folder that the variable ``REQUESTS_CA_BUNDLE`` names replace the system's, for https.
    /// - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).
    ///
    /// Raises ``ConfigError`` if a setting is missing or cannot be used; the message names it.
    AsyncClient,
    AsyncOrganizationClient,
    AsyncDirectoryClient,
    "AsyncClient",
    {
        /// Closes the client at once. Running calls finish; later calls raise ``InvalidArgumentError``. Closing it again has no effect.
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

/// The connection of a `Client` or an `AsyncClient` that is passed as an argument.
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
