//! TLS: the implementation of cryptography, and the certificate authorities that are trusted.
//!
//! rustls takes the implementation (its *crypto provider*) as an argument. This module passes one and installs none for the process: that is
//! the application's decision, which it may make after a client was built.

use crate::{Error, Result};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc", feature = "rustls-no-provider")))]
compile_error!(
    "the feature `client` needs an implementation of cryptography: enable `rustls-ring` (the default), `rustls-aws-lc`, or \
     `rustls-no-provider` (the application installs a provider of rustls before it builds a client)"
);

/// A file of certificate authorities.
#[derive(Clone, Debug)]
pub(crate) struct CaFile {
    /// The setting or environment variable that names the file, for errors.
    pub(crate) setting: &'static str,
    pub(crate) path: PathBuf,
}

/// Which certificate authorities are trusted besides those that the caller adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemRoots {
    /// The system's. It is an error if it has none.
    Required,
    /// The system's, if it has any.
    IfAny,
    /// None: for plain HTTP, which makes no TLS connection.
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

/// Returns the settings of TLS connections for HTTP/2 and HTTP/1.1: the system's certificate authorities, if `roots` asks for them, and the
/// `extra` ones.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no [`provider`], or no certificate authority although `roots` requires one.
pub fn config(roots: SystemRoots, extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let provider = provider()?;
    let unusable = |error: rustls::Error| Error::config(format!("TLS cannot be set up: {error}"));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let verifier = match roots {
        SystemRoots::Unused => None,
        SystemRoots::Required | SystemRoots::IfAny => match Verifier::new_with_extra_roots(extra.clone(), provider) {
            Ok(verifier) => Some(verifier),
            // The verifier has no other error for a system without certificate authorities.
            Err(rustls::Error::General(_)) if roots == SystemRoots::IfAny => None,
            Err(rustls::Error::General(_)) => {
                return Err(Error::config(
                    "this system has no certificate authorities, so no server can be trusted: install them (package ca-certificates), set \
                     SSL_CERT_FILE, or pass ca_file",
                ));
            }
            Err(error) => return Err(unusable(error)),
        },
    };
    let mut config = match verifier {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
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

/// Reads the certificates of PEM files.
pub(super) fn certificates(files: &[CaFile]) -> Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for CaFile { setting, path } in files {
        let name = path.display();
        let pem = std::fs::read(path)
            .map_err(|error| Error::config(format!("{setting} {name} cannot be read: {}", error.kind())))?;
        let before = certificates.len();
        certificates.extend(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).filter(is_certificate));
        if certificates.len() == before {
            return Err(Error::config(format!("{setting} {name} holds no certificate: expected PEM")));
        }
    }
    Ok(certificates)
}

fn is_certificate(der: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(der.clone()).is_ok()
}
