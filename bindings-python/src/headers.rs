//! Reads the headers of a request from a mapping, a list of pairs, ASGI's pairs of bytes or a WSGI environ.

use crate::convert::wrong_type;
use headcount::internal::{header_bytes, is_webhook_header};
use headcount::webhook::{Headers, WEBHOOK_HEADERS};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};
use std::borrow::Cow;

/// The headers of a request that verification uses.
pub(crate) struct WebhookHeaders<'py>(Vec<(Cow<'static, str>, Value<'py>)>);

/// The bytes of a value, in Python's memory if they need no conversion.
enum Value<'py> {
    Borrowed(Bound<'py, PyBytes>),
    Owned(Vec<u8>),
}

impl Headers for WebhookHeaders<'_> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.0 {
            visit(
                name,
                match value {
                    Value::Borrowed(bytes) => bytes.as_bytes(),
                    Value::Owned(bytes) => bytes,
                },
            );
        }
    }
}

impl<'py> WebhookHeaders<'py> {
    /// Reads the webhook headers from a mapping, an iterable of pairs or a WSGI environ. Raises `TypeError` for another
    /// type.
    pub(crate) fn read(headers: &Bound<'py, PyAny>) -> PyResult<WebhookHeaders<'py>> {
        let mut found = WebhookHeaders(Vec::with_capacity(3));
        if let Ok(dict) = headers.cast::<PyDict>() {
            for (name, value) in dict {
                found.add(&name, &value)?;
            }
            return Ok(found);
        }
        if PyString::is_type_of(headers) || PyBytes::is_type_of(headers) {
            return Err(wrong_headers(headers));
        }
        let py = headers.py();
        // The `items()` of header classes returns a repeated header once for each of its values.
        let pairs = match headers.getattr_opt(intern!(py, "items"))? {
            Some(items) => items.call0()?,
            None => headers.clone(),
        };
        for pair in pairs.try_iter().map_err(|_| wrong_headers(headers))? {
            let (name, value) =
                pair?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(|_| wrong_headers(headers))?;
            found.add(&name, &value)?;
        }
        Ok(found)
    }

    /// Copies the values, for a coroutine that runs after the Python call has returned.
    pub(crate) fn into_owned(self) -> Vec<(Cow<'static, str>, Vec<u8>)> {
        let owned = |value| match value {
            Value::Borrowed(bytes) => bytes.as_bytes().to_vec(),
            Value::Owned(bytes) => bytes,
        };
        self.0.into_iter().map(|(name, value)| (name, owned(value))).collect()
    }

    fn add(&mut self, name: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<()> {
        match wanted(name)? {
            Some(name) => self.add_values(name, value),
            None => Ok(()),
        }
    }

    fn add_values(&mut self, name: Cow<'static, str>, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if let Ok(text) = value.cast::<PyString>() {
            self.0.push((name, bytes(text)?));
        } else if let Ok(raw) = value.cast::<PyBytes>() {
            self.0.push((name, Value::Borrowed(raw.clone())));
        } else if PyList::is_type_of(value) || PyTuple::is_type_of(value) {
            for value in value.try_iter()? {
                self.add_values(name.clone(), &value?)?;
            }
        } else if !value.is_none() {
            return Err(wrong_type(value, "a header's value as str or bytes, or a list of them"));
        }
        Ok(())
    }
}

/// WSGI's prefix of a header's name: `webhook-id` is HTTP_WEBHOOK_ID.
const WSGI: &str = "HTTP_";

/// Returns a header's name if verification uses the header, and otherwise `None`. Converts the name in a WSGI environ to HTTP's form. The
/// returned name may have upper-case letters.
fn wanted(name: &Bound<'_, PyAny>) -> PyResult<Option<Cow<'static, str>>> {
    // Most headers are not webhook headers. Comparing lengths first avoids reading their names.
    let known_length = |length| {
        WEBHOOK_HEADERS.iter().flatten().any(|known| length == known.len() || length == known.len() + WSGI.len())
    };
    let text = if let Ok(raw) = name.cast::<PyBytes>() {
        raw.clone()
    } else if let Ok(text) = name.cast::<PyString>() {
        if !known_length(text.len()?) {
            return Ok(None);
        }
        match text.encode_utf8() {
            Ok(bytes) => bytes,
            // The name contains a lone surrogate. The names of webhook headers are ASCII, so it is none of them.
            Err(_) => return Ok(None),
        }
    } else {
        return Err(wrong_type(name, "a header's name as str or bytes"));
    };
    if !known_length(text.as_bytes().len()) {
        return Ok(None);
    }
    let Ok(name) = std::str::from_utf8(text.as_bytes()) else { return Ok(None) };
    if let Some(known) = WEBHOOK_HEADERS.iter().flatten().find(|known| **known == name) {
        return Ok(Some(Cow::Borrowed(known)));
    }
    let name = match name.strip_prefix(WSGI) {
        Some(environ) => environ.replace('_', "-"),
        None => name.to_owned(),
    };
    Ok(is_webhook_header(&name).then_some(Cow::Owned(name)))
}

/// Returns the bytes that a framework decoded to `text`. Also reverses decoding with surrogate escapes, which some
/// frameworks use.
fn bytes<'py>(text: &Bound<'py, PyString>) -> PyResult<Value<'py>> {
    if let Ok(utf8) = text.encode_utf8() {
        if utf8.as_bytes().is_ascii() {
            return Ok(Value::Borrowed(utf8));
        }
        return Ok(Value::Owned(header_bytes(&text.to_cow()?).into_owned()));
    }
    let py = text.py();
    let encoded = text.call_method1(intern!(py, "encode"), (intern!(py, "utf-8"), intern!(py, "surrogateescape")));
    // Text with another surrogate was not decoded from a request. An empty value matches no signature, so verification refuses it.
    encoded.map_or_else(|_| Ok(Value::Owned(Vec::new())), |bytes| Ok(Value::Borrowed(bytes.cast_into()?)))
}

fn wrong_headers(headers: &Bound<'_, PyAny>) -> PyErr {
    wrong_type(headers, "headers as a mapping, a list of (name, value) pairs, or a WSGI environ")
}
