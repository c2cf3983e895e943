//! TLS: the implementation of cryptography, and the certificate authorities that are trusted.
//!
//! rustls takes the implementation (its *crypto provider*) as an argument. This module passes one and installs none for the process: that is
//! the application's decision, which it may make after a client was built.

use super::settings::{CaFile, CaVariable, Settings};
use crate::{Error, Result};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use std::ffi::OsStr;
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
    /// None: for plain HTTP, which makes no TLS connection, and where other authorities replace the system's.
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

/// Returns the settings of connections with a certificate authority as the client's settings say. With `needs_tls` unset, no connection uses TLS:
/// then the variable's file is not read, so that a wrong one does not concern plain HTTP.
pub(super) fn config_of(settings: &Settings, needs_tls: bool) -> Result<ClientConfig> {
    let roots = if needs_tls { SystemRoots::Required } else { SystemRoots::Unused };
    match settings.ca_variable().filter(|_| needs_tls) {
        Some(variable) if variable.replaces => config(SystemRoots::Unused, variable.certificates()?),
        Some(variable) => config(roots, variable.certificates()?),
        None => {
            let mut certificates = Vec::new();
            for CaFile { setting, path } in &settings.ca_files {
                certificates.extend(in_file(setting, path)?);
            }
            config(roots, certificates)
        }
    }
}

impl CaVariable {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        if self.replaces && self.path.is_dir() {
            in_folder(self.name, &self.path)
        } else {
            in_file(self.name, &self.path)
        }
    }
}

/// Reads the certificates of a PEM file.
fn in_file(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).map_err(|error| unreadable(setting, path, &error))?;
    let certificates: Vec<_> = in_pem(&pem).collect();
    if certificates.is_empty() {
        return Err(Error::config(format!("{setting} {} holds no certificate: expected PEM", path.display())));
    }
    Ok(certificates)
}

/// Reads the certificates of a folder as OpenSSL does: those of the files whose names `openssl rehash` has made.
fn in_folder(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| unreadable(setting, path, &error))? {
        let entry = entry.map_err(|error| unreadable(setting, path, &error))?;
        if is_hash_name(&entry.file_name()) {
            // A link whose certificate was removed has no effect on the others.
            certificates.extend(std::fs::read(entry.path()).iter().flat_map(|pem| in_pem(pem)));
        }
    }
    if certificates.is_empty() {
        let name = path.display();
        return Err(Error::config(format!(
            "{setting} {name} holds no certificate: expected files that `openssl rehash` has named, such as 0a1b2c3d.0"
        )));
    }
    Ok(certificates)
}

/// Whether a file's name is a hash of eight digits, a dot and a number.
fn is_hash_name(name: &OsStr) -> bool {
    let Some((hash, number)) = name.to_str().and_then(|name| name.split_once('.')) else { return false };
    hash.len() == 8
        && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        && !number.is_empty()
        && number.bytes().all(|digit| digit.is_ascii_digit())
}

fn unreadable(setting: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::config(format!("{setting} {} cannot be read: {}", path.display(), error.kind()))
}

/// Returns the certificates of a PEM text that can be used.
fn in_pem(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).filter(is_certificate)
}

fn is_certificate(der: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(der.clone()).is_ok()
}
