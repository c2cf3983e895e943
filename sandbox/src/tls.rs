//! HTTPS on request: an authority of the sandbox's own, which signs a certificate for this machine.

use crate::error::Error;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Whom it is for.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// Writes the authority's certificate to `ca_file`, for clients to trust; its key is kept nowhere.
pub(crate) fn acceptor(ca_file: &Path) -> Result<TlsAcceptor, Error> {
    let failed = |error: &dyn Display| Error::startup(format!("HTTPS cannot be set up: {error}"));
    let (authority, chain, key) = certificates().map_err(|error| failed(&error))?;
    std::fs::write(ca_file, authority)
        .map_err(|error| Error::startup(format!("{} cannot be written: {error}", ca_file.display())))?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| failed(&error))?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

type Chain = Vec<tokio_rustls::rustls::pki_types::CertificateDer<'static>>;

/// The authority in PEM, and a certificate with its key.
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
