//! What Python's frameworks call headers: a mapping, a list of pairs, ASGI's pairs of bytes, a WSGI environ.

use crate::convert::wrong_type;
use headcount::{Headers, header_bytes, is_webhook_header};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};
use std::borrow::Cow;

/// The headers of a request that verification looks at, copied out of Python.
pub(crate) struct Found(Vec<(String, Vec<u8>)>);

impl Headers for Found {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.0.as_slice().each(visit);
    }
}

impl Found {
    /// Reads `headers`, whatever holds them.
    pub(crate) fn read(headers: &Bound<'_, PyAny>) -> PyResult<Found> {
        let mut found = Found(Vec::with_capacity(3));
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
        // A class for headers gives a repeated one as often in its `items()`.
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

    fn add(&mut self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let text;
        let name: Cow<'_, str> = if let Ok(name) = name.cast::<PyString>() {
            text = name;
            // A name that is not Unicode is none of ours.
            text.to_cow().unwrap_or_default()
        } else if let Ok(name) = name.cast::<PyBytes>() {
            Cow::Owned(String::from_utf8_lossy(name.as_bytes()).into_owned())
        } else {
            return Err(wrong_type(name, "a header's name as str or bytes"));
        };
        // WSGI spells `webhook-id` as HTTP_WEBHOOK_ID.
        let name = match name.strip_prefix("HTTP_") {
            Some(environ) => Cow::Owned(environ.replace('_', "-")),
            None => name,
        };
        if is_webhook_header(&name) {
            self.add_values(&name, value)?;
        }
        Ok(())
    }

    fn add_values(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(text) = value.cast::<PyString>() {
            self.0.push((name.to_owned(), bytes(text)?));
        } else if let Ok(raw) = value.cast::<PyBytes>() {
            self.0.push((name.to_owned(), raw.as_bytes().to_vec()));
        } else if PyList::is_type_of(value) || PyTuple::is_type_of(value) {
            for value in value.try_iter()? {
                self.add_values(name, &value?)?;
            }
        } else if !value.is_none() {
            return Err(wrong_type(value, "a header's value as str or bytes, or a list of them"));
        }
        Ok(())
    }
}

/// The bytes that a framework made `text` of. Some decode UTF-8 with surrogate escapes: those bytes are given back as well.
fn bytes(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    if let Ok(text) = text.to_cow() {
        return Ok(header_bytes(&text).into_owned());
    }
    let py = text.py();
    let encoded = text.call_method1(intern!(py, "encode"), (intern!(py, "utf-8"), intern!(py, "surrogateescape")));
    // A surrogate that nothing escaped came from no request, so no signature is over it.
    encoded.map_or_else(|_| Ok(Vec::new()), |bytes| bytes.extract())
}

fn wrong_headers(headers: &Bound<'_, PyAny>) -> PyErr {
    wrong_type(headers, "headers as a mapping, a list of (name, value) pairs, or a WSGI environ")
}
