//! HTTPS: a new certificate authority, which signs a certificate for this machine.

use crate::error::Error;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The names in the certificate.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// Makes an acceptor with a new certificate, and writes its authority's certificate to `ca_file`.
///
/// The authority's key is not stored, so it cannot sign another certificate.
pub(crate) fn acceptor(ca_file: &Path) -> Result<TlsAcceptor, Error> {
    let failed = |error: &dyn Display| Error::internal(format!("HTTPS cannot be set up: {error}"));
    let (authority, chain, key) = certificates().map_err(|error| failed(&error))?;
    std::fs::write(ca_file, authority)
        .map_err(|error| Error::internal(format!("{} cannot be written: {error}", ca_file.display())))?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| failed(&error))?;
    let provider = headcount::internal::tls::provider().map_err(|error| failed(&error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

type Chain = Vec<tokio_rustls::rustls::pki_types::CertificateDer<'static>>;

/// Returns the authority's certificate in PEM format, and a certificate for [`NAMES`] with its key.
fn certificates() -> Result<(String, Chain, KeyPair), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "headcount sandbox authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "headcount sandbox");
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;
    Ok((authority.pem(), vec![certificate.der().clone()], key))
}
