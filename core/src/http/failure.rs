//! Errors of connections: converts reqwest's errors, and decides whether the request may have had an effect.

use crate::{Error, ErrorKind};
use rustls::CertificateError;
use std::error::Error as StdError;

/// Converts reqwest's error: the connection could not be established, or broke. Errors of TLS, such as a certificate that is not trusted, are
/// permanent. `only` is the environment variable whose certificate authorities replace the system's, if there is one.
pub(super) fn connection_error(error: reqwest::Error, only: Option<&str>) -> Error {
    let error = error.without_url();
    let tls = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    let permanent = error.is_builder() || tls.is_some();
    let error = if let Some(rustls::Error::InvalidCertificate(
        CertificateError::UnknownIssuer | CertificateError::BadSignature,
    )) = tls
    {
        let (lacks, remedy) = match only {
            Some(variable) => (format!("is not in {variable}"), "add it there"),
            None => ("this machine does not trust".to_owned(), "set SSL_CERT_FILE"),
        };
        let message = format!(
            "the server's certificate is signed by an authority that {lacks}: pass the authority's certificate as ca_file, or {remedy} (a proxy \
             that inspects TLS has an authority of its own)"
        );
        Error::new(ErrorKind::Connection, message).with_source(error)
    } else {
        let what = if error.is_connect() {
            "the server cannot be reached"
        } else {
            "the connection broke before the whole answer arrived"
        };
        Error::new(ErrorKind::Connection, format!("{what}: {}", root_cause(&error))).with_repeated_source(error)
    };
    if permanent { error } else { error.temporary() }
}

/// Returns whether the server certainly did not carry out the request: it answered 401 or 429, or the request was not sent.
pub(super) fn had_no_effect(error: &Error) -> bool {
    let source = error.cause().and_then(|source| source.downcast_ref::<reqwest::Error>());
    error.kind() == ErrorKind::RateLimit
        || error.kind() == ErrorKind::Authentication
        || source.is_some_and(reqwest::Error::is_connect)
}

/// Returns the text of the innermost cause.
pub(super) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        // `std::io::Error::source` skips the error it wraps and returns that one's source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        match inner {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            // `*error`, because `&E` implements the trait as well, with a shorter lifetime.
            None => (*error).source(),
        }
    })
}
