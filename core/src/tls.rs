//! TLS: the implementation of cryptography, and the certificate authorities that are trusted.
//!
//! rustls takes the implementation (its *crypto provider*) as an argument. This module passes one and installs none for the process: that is
//! the application's decision, which it may make after a client was built.

use crate::{Error, Result};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use std::path::Path;
use std::sync::Arc;

#[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc", feature = "rustls-no-provider")))]
compile_error!(
    "the feature `client` needs an implementation of cryptography: enable `rustls-ring` (the default), `rustls-aws-lc`, or \
     `rustls-no-provider` (the application installs a provider of rustls before it builds a client)"
);

/// Which certificate authorities are trusted besides those that the caller adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemRoots {
    /// The system's. It is an error if it has none.
    Required,
    /// The system's, if it has any.
    IfAny,
    /// The system's are not used: for plain HTTP, which makes no TLS connection, and where other authorities replace the system's.
    Unused,
}

/// Returns the implementation of cryptography: the one that the application installed for the process, or else the one of this crate's features.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is neither.
pub fn provider() -> Result<Arc<CryptoProvider>> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    #[cfg(feature = "rustls-aws-lc")]
    let built_in = Some(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(all(feature = "rustls-ring", not(feature = "rustls-aws-lc")))]
    let built_in = Some(rustls::crypto::ring::default_provider());
    #[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc")))]
    let built_in: Option<CryptoProvider> = None;
    built_in.map(Arc::new).ok_or_else(|| {
        Error::config(
            "TLS has no implementation of cryptography: call rustls::crypto::CryptoProvider::install_default before the client is built, or \
             enable headcount's feature rustls-ring or rustls-aws-lc",
        )
    })
}

/// Returns the settings of TLS connections for HTTP/2 and HTTP/1.1. They trust the system's certificate authorities, if `roots` asks for them, and
/// the `extra` ones.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no [`provider`], or if `roots` requires the system's authorities and it has none.
pub fn config(roots: SystemRoots, extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let provider = provider()?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    let verifier = match roots {
        SystemRoots::Unused => None,
        SystemRoots::Required => Some(system_verifier(extra.clone())?),
        SystemRoots::IfAny => system_verifier_if_any(extra.clone())?,
    };
    let mut config = match verifier {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(verifier),
        None => {
            let mut trusted = RootCertStore::empty();
            trusted.add_parsable_certificates(extra);
            builder.with_root_certificates(trusted)
        }
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn unusable(error: &rustls::Error) -> Error {
    Error::config(format!("TLS cannot be set up: {error}"))
}

/// Returns a verifier that trusts the system's certificate authorities and the `extra` ones, or `None` if the system has none.
fn system_verifier_if_any(extra: Vec<CertificateDer<'static>>) -> Result<Option<Arc<dyn ServerCertVerifier>>> {
    let made = if_any(Verifier::new_with_extra_roots(extra, provider()?))?;
    Ok(made.map(|verifier| Arc::new(verifier) as Arc<dyn ServerCertVerifier>))
}

/// The text of the verifier's error if the system has no certificate authorities. The error has no kind of its own.
const NO_AUTHORITIES: &str = "No CA certificates were loaded from the system";

/// Returns `None` for the error that the system has no certificate authorities.
fn if_any<V>(made: std::result::Result<V, rustls::Error>) -> Result<Option<V>> {
    match made {
        Ok(verifier) => Ok(Some(verifier)),
        Err(rustls::Error::General(text)) if text == NO_AUTHORITIES => Ok(None),
        Err(error) => Err(unusable(&error)),
    }
}

/// Returns a verifier that trusts the system's certificate authorities and the `extra` ones.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no [`provider`], or the system has no authorities.
pub(crate) fn system_verifier(extra: Vec<CertificateDer<'static>>) -> Result<Arc<dyn ServerCertVerifier>> {
    system_verifier_if_any(extra)?.ok_or_else(|| {
        Error::config(
            "this system has no certificate authorities, so no server can be trusted: install them (package ca-certificates), set \
             SSL_CERT_FILE, or pass ca_file",
        )
    })
}

/// Returns a verifier that trusts only the certificate authorities of a PEM file. `setting` is the setting that names the file, for errors.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no [`provider`], or the file cannot be read or has no certificate.
#[cfg(feature = "postgres")]
pub(crate) fn file_verifier(setting: &str, path: &Path) -> Result<Arc<dyn ServerCertVerifier>> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(in_file(setting, path)?);
    let builder = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider()?);
    let verifier = builder.build().map_err(|error| Error::config(format!("TLS cannot be set up: {error}")))?;
    Ok(verifier)
}

/// Reads the certificates of a PEM file, as [`in_pem`] does. `setting` is the setting that names the file, for errors.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if the file cannot be read or has no certificate that rustls accepts.
pub(crate) fn in_file(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).map_err(|error| unreadable(setting, path, &error))?;
    let certificates: Vec<_> = in_pem(&pem).collect();
    if certificates.is_empty() {
        return Err(Error::config(format!("{setting} {} holds no certificate: expected PEM", path.display())));
    }
    Ok(certificates)
}

/// Makes the error for a file or folder of certificates that cannot be read. `setting` is the setting that names it.
pub(crate) fn unreadable(setting: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::config(format!("{setting} {} cannot be read: {}", path.display(), error.kind()))
}

/// Returns the certificates of a PEM text, without those that rustls does not accept as certificate authorities.
pub(crate) fn in_pem(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).filter(is_certificate)
}

fn is_certificate(der: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(der.clone()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn only_the_error_that_the_system_has_no_authorities_becomes_none() {
        let missing = if_any::<()>(Err(rustls::Error::General(NO_AUTHORITIES.to_owned())));
        assert!(missing.unwrap().is_none());
        let error = if_any::<()>(Err(rustls::Error::General("the trust store is locked".to_owned()))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("the trust store is locked"), "{error}");
    }
}
