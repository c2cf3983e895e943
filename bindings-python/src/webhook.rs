//! `Webhook`: verifies what Scalekit sends, and signs what a test sends in its place.

use crate::convert::{Now, Span, Text, wrong_type};
use crate::errors::{OrRaise, invalid_argument};
use crate::event::Event;
use crate::headers::Found;
use crate::json::compact_json;
use headcount::catch_panic;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMemoryView, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};

/// Verifies what Scalekit sends, and signs what a test sends in its place. May be used from any number of threads at once.
///
/// ``secret_or_secrets`` is ``whsec_`` and base64 as the dashboard shows it, or several while one is being rotated, in a list
/// or separated by spaces; without it ``SCALEKIT_WEBHOOK_SECRET`` is read. ``tolerance`` is how many seconds a timestamp may
/// lie from now, either way; ``max_body`` is the largest body that is looked at, in bytes (1 MiB unless set).
///
/// A secret that is missing, too short or not base64 is a ``ConfigError`` here, not a surprise later.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct Webhook(headcount::Webhook);

impl Webhook {
    /// What verifies, from a `Webhook`, a secret or several.
    pub(crate) fn read(given: &Bound<'_, PyAny>) -> PyResult<headcount::Webhook> {
        if let Ok(webhook) = given.cast::<Webhook>() {
            return Ok(webhook.get().0.clone());
        }
        builder(given)?.build().or_raise(given.py())
    }
}

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
        max_body: Option<usize>,
    ) -> PyResult<Webhook> {
        let mut settings = match secret_or_secrets {
            None => headcount::WebhookBuilder::from_env().or_raise(py)?,
            Some(given) => builder(given)?,
        };
        if let Some(Span(tolerance)) = tolerance {
            settings = settings.tolerance(tolerance);
        }
        if let Some(bytes) = max_body {
            settings = settings.max_body(bytes);
        }
        Ok(Webhook(settings.build().or_raise(py)?))
    }

    /// Verifies a request and gives the event in it.
    ///
    /// ``body`` is the request's body as it came (``bytes``, ``bytearray``, ``memoryview`` or ``str``); a parsed one is accepted
    /// where printing it again without white space gives what was signed. ``headers`` is a mapping, a list of pairs, ASGI's raw
    /// headers or a WSGI environ. ``now`` (an aware datetime, or Unix seconds) judges a request that was kept.
    ///
    /// Raises ``WebhookVerificationError``, with the ``reason``: answer 400 and tell the sender nothing more.
    #[pyo3(signature = (body, headers, *, now = None))]
    fn verify<'py>(
        &self,
        body: &Bound<'py, PyAny>,
        headers: &Bound<'_, PyAny>,
        now: Option<Now>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let headers = Found::read(headers)?;
        let now = now.map(|now| now.0);
        let event = match Body::read(body)? {
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

    /// Verifies the signature and the timestamp alone; nothing is asked of the body. True, or raises as ``verify``.
    #[pyo3(signature = (body, headers, *, now = None))]
    fn verify_signature(
        &self,
        body: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        now: Option<Now>,
    ) -> PyResult<bool> {
        let headers = Found::read(headers)?;
        let now = now.map(|now| now.0);
        let verified = match Body::read(body)? {
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

    /// The headers that a request with ``body`` would carry: for tests of the code that verifies.
    ///
    /// ``id`` is a fresh ``msg_...`` and ``timestamp`` (Unix seconds, or an aware datetime) the present unless given.
    #[pyo3(signature = (body, id = None, timestamp = None))]
    fn sign<'py>(
        &self,
        body: &Bound<'py, PyAny>,
        id: Option<Text>,
        timestamp: Option<Now>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = body.py();
        let seconds = timestamp.map(|moment| moment.0.as_second());
        let signed = match Body::read(body)? {
            Body::Raw(bytes) => catch_panic(|| self.0.sign(bytes.as_bytes(), id.as_deref(), seconds)),
            Body::Parsed(compact) => catch_panic(|| self.0.sign(compact.as_bytes(), id.as_deref(), seconds)),
        };
        let headers = PyDict::new(py);
        for (name, value) in signed.or_raise(py)?.iter() {
            headers.set_item(name, value)?;
        }
        Ok(headers)
    }

    /// The largest body that is looked at, in bytes: what reads requests need read no more.
    #[getter]
    fn max_body(&self) -> usize {
        self.0.max_body()
    }

    fn __repr__(&self) -> String {
        format!("<headcount.{:?}>", self.0)
    }
}

/// Verifies the signature of a webhook in one call: True, or a ``WebhookVerificationError``.
///
/// ``secret`` is one secret, or several separated by spaces; ``payload`` is the raw body (or a parsed one: see
/// ``Webhook.verify``).
#[pyfunction]
#[pyo3(signature = (secret, headers, payload))]
pub(crate) fn verify_webhook_payload(
    secret: Text,
    headers: &Bound<'_, PyAny>,
    payload: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let headers = Found::read(headers)?;
    let verified = match Body::read(payload)? {
        Body::Raw(bytes) => catch_panic(|| headcount::verify_webhook_payload(&secret, &headers, bytes.as_bytes())),
        Body::Parsed(compact) => catch_panic(|| headcount::verify_parsed_webhook_payload(&secret, &headers, &compact)),
    };
    verified.or_raise(payload.py()).map(|()| true)
}

/// Verifies the signature of an interceptor's request in one call, as ``verify_webhook_payload`` does.
#[pyfunction]
#[pyo3(signature = (secret, headers, payload))]
pub(crate) fn verify_interceptor_payload(
    secret: Text,
    headers: &Bound<'_, PyAny>,
    payload: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    verify_webhook_payload(secret, headers, payload)
}

/// One secret, or any number of them in something that can be iterated over.
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

/// A request's body: its bytes, or what a framework made of them, printed again.
pub(crate) enum Body<'py> {
    Raw(Bound<'py, PyBytes>),
    Parsed(String),
}

impl<'py> Body<'py> {
    /// The bytes of a body that nobody has parsed.
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
                    Err(invalid_argument(py, "the body holds a lone surrogate: pass the request's bytes instead"))
                }
            };
        }
        if PyByteArray::is_type_of(body) || PyMemoryView::is_type_of(body) {
            return Ok(Body::Raw(py.get_type::<PyBytes>().call1((body,))?.cast_into()?));
        }
        if PyDict::is_type_of(body) || PyList::is_type_of(body) || PyTuple::is_type_of(body) {
            // A lone surrogate is printed as the escape it came as, the way JavaScript prints it.
            let compact = compact_json(body)?;
            let bytes =
                compact.call_method1(intern!(py, "encode"), (intern!(py, "utf-8"), intern!(py, "backslashreplace")))?;
            return Ok(Body::Parsed(bytes.call_method0(intern!(py, "decode"))?.extract()?));
        }
        Err(wrong_type(body, "the body as bytes, bytearray, memoryview or str"))
    }
}
