//! `Webhook`: verifies webhooks, and signs them for tests.

use crate::convert::{Now, Size, Span, Text, wrong_type};
use crate::errors::{Named, OrRaise, body_too_deep, invalid_argument};
use crate::event::Event;
use crate::headers::WebhookHeaders;
use crate::json::compact_json;
use headcount::internal::catch_panic;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMemoryView, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};

/// Verifies webhooks, and signs them for tests. May be used from any number of threads at once.
///
/// - ``secret_or_secrets``: the signing secret, which is ``whsec_`` followed by base64; or several while a secret is rotated, in a
///   list or separated by spaces (default: ``SCALEKIT_WEBHOOK_SECRET``).
/// - ``tolerance``: how far a timestamp may differ from now, in seconds or as a ``timedelta`` (default 300).
/// - ``max_body``: size limit of a body, in bytes (default 1 MiB).
///
/// Raises ``ConfigError`` if a secret is missing, shorter than 16 bytes, not base64, or an asymmetric key (``whpk_``,
/// ``whsk_``).
#[pyclass(frozen, module = "headcount")]
pub(crate) struct Webhook(headcount::Webhook);

impl Webhook {
    /// Returns the verifier of a `Webhook`, or makes one for a secret or several.
    pub(crate) fn read(given: &Bound<'_, PyAny>) -> PyResult<headcount::Webhook> {
        if let Ok(webhook) = given.cast::<Webhook>() {
            return Ok(webhook.get().0.clone());
        }
        builder(given)?.build().or_raise(given.py())
    }

    pub(crate) fn value(&self) -> &headcount::Webhook {
        &self.0
    }
}

/// Returns a builder with one secret or several.
fn builder(given: &Bound<'_, PyAny>) -> PyResult<headcount::WebhookBuilder> {
    Ok(secrets(given)?.iter().fold(headcount::Webhook::builder(), |settings, text| settings.secret(&**text)))
}

#[pymethods]
impl Webhook {
    #[new]
    #[pyo3(signature = (secret_or_secrets = None, tolerance = None, *, max_body = None))]
    fn new(
        py: Python<'_>,
        secret_or_secrets: Option<&Bound<'_, PyAny>>,
        tolerance: Option<Span>,
        max_body: Option<Size>,
    ) -> PyResult<Webhook> {
        let mut settings = match secret_or_secrets {
            None => headcount::WebhookBuilder::from_env().or_raise(py)?,
            Some(given) => builder(given).named(py, "secret_or_secrets")?,
        };
        if let Some(Span(tolerance)) = tolerance {
            settings = settings.tolerance(tolerance);
        }
        if let Some(bytes) = max_body {
            settings = settings.max_body(bytes.into());
        }
        Ok(Webhook(settings.build().or_raise(py)?))
    }

    /// Verifies a request's signature and timestamp and returns its event.
    ///
    /// - ``body``: the raw body: ``bytes``, ``bytearray``, ``memoryview`` or ``str``. A parsed body (``dict``, ``list``) is accepted if its
    ///   compact form is what was signed.
    /// - ``headers``: a mapping, a list of pairs, ASGI's raw headers or a WSGI environ.
    /// - ``now``: time that the timestamp is compared with, an aware ``datetime`` or Unix seconds (default: the current time).
    ///
    /// Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause. Answer 400, without details.
    #[pyo3(signature = (body, headers, *, now = None))]
    fn verify<'py>(
        &self,
        body: &Bound<'py, PyAny>,
        headers: &Bound<'_, PyAny>,
        now: Option<Now>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let headers = WebhookHeaders::read(headers).named(headers.py(), "headers")?;
        let now = now.map(|now| now.0);
        let event = match Body::read(body).named(body.py(), "body")? {
            Body::Raw(bytes) => catch_panic(|| match now {
                Some(now) => self.0.verify_at(&headers, bytes.as_bytes(), now),
                None => self.0.verify(&headers, bytes.as_bytes()),
            }),
            Body::Parsed(compact) => catch_panic(|| match now {
                Some(now) => self.0.verify_parsed_at(&headers, &compact, now),
                None => self.0.verify_parsed(&headers, &compact),
            }),
        };
        Event::typed(body.py(), event.or_raise(body.py())?)
    }

    /// Verifies a request's signature and timestamp without decoding its body. Returns True.
    ///
    /// - ``body``, ``headers``, ``now``: as in ``verify``.
    ///
    /// Raises ``WebhookVerificationError`` as ``verify`` does.
    #[pyo3(signature = (body, headers, *, now = None))]
    fn verify_signature(
        &self,
        body: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        now: Option<Now>,
    ) -> PyResult<bool> {
        let headers = WebhookHeaders::read(headers).named(headers.py(), "headers")?;
        let now = now.map(|now| now.0);
        let verified = match Body::read(body).named(body.py(), "body")? {
            Body::Raw(bytes) => catch_panic(|| match now {
                Some(now) => self.0.verify_signature_at(&headers, bytes.as_bytes(), now),
                None => self.0.verify_signature(&headers, bytes.as_bytes()),
            }),
            Body::Parsed(compact) => catch_panic(|| match now {
                Some(now) => self.0.verify_parsed_signature_at(&headers, &compact, now),
                None => self.0.verify_parsed_signature(&headers, &compact),
            }),
        };
        verified.or_raise(body.py()).map(|()| true)
    }

    /// Returns the signed headers of a request with this body, for tests of code that verifies webhooks.
    ///
    /// - ``body``: as in ``verify``.
    /// - ``id``: message id (default: a new ``msg_...``).
    /// - ``timestamp``: Unix seconds or an aware ``datetime`` (default: the current time).
    ///
    /// Raises ``InvalidArgumentError`` if the id is empty, longer than 256 bytes, contains a dot or cannot be a
    /// header's value, or if the timestamp is negative.
    #[pyo3(signature = (body, id = None, timestamp = None))]
    fn sign<'py>(
        &self,
        body: &Bound<'py, PyAny>,
        id: Option<Text>,
        timestamp: Option<Now>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = body.py();
        let seconds = timestamp.map(|moment| moment.0.as_second());
        let signed = match Body::read(body).named(body.py(), "body")? {
            Body::Raw(bytes) => catch_panic(|| self.0.sign(bytes.as_bytes(), id.as_deref(), seconds)),
            Body::Parsed(compact) => catch_panic(|| self.0.sign(compact.as_bytes(), id.as_deref(), seconds)),
        };
        let headers = PyDict::new(py);
        for (name, value) in signed.or_raise(py)?.iter() {
            headers.set_item(name, value)?;
        }
        Ok(headers)
    }

    /// How far a timestamp may differ from now, in seconds.
    #[getter]
    fn tolerance(&self) -> f64 {
        self.0.tolerance().as_secs_f64()
    }

    /// Size limit of a body, in bytes. A server can stop reading a longer body.
    #[getter]
    fn max_body(&self) -> usize {
        self.0.max_body()
    }

    fn __repr__(&self) -> String {
        format!("<headcount.{:?}>", self.0)
    }
}

/// Verifies a webhook's signature and timestamp. Returns True.
///
/// - ``secret``: one secret, or several separated by spaces.
/// - ``headers``: headers of the request, as in ``Webhook.verify``.
/// - ``payload``: body of the request, as in ``Webhook.verify``.
///
/// Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
#[pyfunction]
#[pyo3(signature = (secret, headers, payload))]
pub(crate) fn verify_webhook_payload(
    secret: Text,
    headers: &Bound<'_, PyAny>,
    payload: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let headers = WebhookHeaders::read(headers).named(headers.py(), "headers")?;
    let verified = match Body::read(payload).named(payload.py(), "payload")? {
        Body::Raw(bytes) => {
            catch_panic(|| headcount::webhook::verify_webhook_payload(&secret, &headers, bytes.as_bytes()))
        }
        Body::Parsed(compact) => {
            catch_panic(|| headcount::internal::verify_parsed_webhook_payload(&secret, &headers, &compact))
        }
    };
    verified.or_raise(payload.py()).map(|()| true)
}

/// Verifies an interceptor's request, as ``verify_webhook_payload`` verifies a webhook. If the request has headers
/// ``interceptor-*`` and headers ``webhook-*``, those named ``interceptor-*`` are used.
#[pyfunction]
#[pyo3(signature = (secret, headers, payload))]
pub(crate) fn verify_interceptor_payload(
    secret: Text,
    headers: &Bound<'_, PyAny>,
    payload: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let headers = WebhookHeaders::read(headers).named(headers.py(), "headers")?;
    let verified = match Body::read(payload).named(payload.py(), "payload")? {
        Body::Raw(bytes) => {
            catch_panic(|| headcount::webhook::verify_interceptor_payload(&secret, &headers, bytes.as_bytes()))
        }
        Body::Parsed(compact) => {
            catch_panic(|| headcount::internal::verify_parsed_interceptor_payload(&secret, &headers, &compact))
        }
    };
    verified.or_raise(payload.py()).map(|()| true)
}

/// Reads one secret, or several from an iterable.
fn secrets(given: &Bound<'_, PyAny>) -> PyResult<Vec<Text>> {
    if PyString::is_type_of(given) {
        return Ok(vec![given.extract()?]);
    }
    if PyBytes::is_type_of(given) {
        return Err(wrong_type(given, "the webhook secret as str"));
    }
    let several = given.try_iter().map_err(|_| wrong_type(given, "the webhook secret as str, or several of them"))?;
    several.map(|secret| secret?.extract()).collect()
}

/// A request's body: its bytes, or the compact form of a body that a framework parsed.
pub(crate) enum Body<'py> {
    Raw(Bound<'py, PyBytes>),
    Parsed(String),
}

impl<'py> Body<'py> {
    /// Returns the bytes of a raw body. Raises `TypeError` for a parsed one.
    pub(crate) fn raw(body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        match Body::read(body)? {
            Body::Raw(bytes) => Ok(bytes),
            Body::Parsed(_) => {
                Err(wrong_type(body, "the request's raw body as bytes, bytearray, memoryview or str, as it was signed"))
            }
        }
    }

    fn read(body: &Bound<'py, PyAny>) -> PyResult<Body<'py>> {
        let py = body.py();
        if let Ok(bytes) = body.cast::<PyBytes>() {
            return Ok(Body::Raw(bytes.clone()));
        }
        if let Ok(text) = body.cast::<PyString>() {
            return match text.encode_utf8() {
                Ok(bytes) => Ok(Body::Raw(bytes)),
                Err(_) => {
                    Err(invalid_argument(py, "the body contains a lone surrogate: pass the request's bytes instead"))
                }
            };
        }
        if PyByteArray::is_type_of(body) || PyMemoryView::is_type_of(body) {
            return Ok(Body::Raw(py.get_type::<PyBytes>().call1((body,))?.cast_into()?));
        }
        if PyDict::is_type_of(body) || PyList::is_type_of(body) || PyTuple::is_type_of(body) {
            // Writes a lone surrogate as an escape, as `JSON.stringify` does.
            let compact = compact_json(body, body_too_deep)?;
            let bytes =
                compact.call_method1(intern!(py, "encode"), (intern!(py, "utf-8"), intern!(py, "backslashreplace")))?;
            return Ok(Body::Parsed(bytes.call_method0(intern!(py, "decode"))?.extract()?));
        }
        Err(wrong_type(body, "the body as bytes, bytearray, memoryview or str"))
    }
}
