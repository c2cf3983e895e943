//! TLS to the server, as libpq's `sslmode` and `sslrootcert` say.

use crate::tls;
use crate::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// No TLS.
    Disable,
    /// TLS if the server has it, with any certificate.
    Prefer,
    /// TLS with any certificate, or as `VerifyCa` if `sslrootcert` is given or libpq's file of authorities exists.
    Require,
    /// TLS with a certificate of a trusted authority, for any host name.
    VerifyCa,
    /// TLS with a certificate of a trusted authority for the host's name.
    VerifyFull,
}

impl Mode {
    /// Returns the mode with this name.
    pub(super) fn named(name: &str) -> Result<Mode> {
        match name {
            "disable" => Ok(Mode::Disable),
            "prefer" => Ok(Mode::Prefer),
            "require" => Ok(Mode::Require),
            "verify-ca" => Ok(Mode::VerifyCa),
            "verify-full" => Ok(Mode::VerifyFull),
            _ => Err(Error::config(
                "sslmode of the database cannot be used: expected disable, prefer, require, verify-ca or verify-full",
            )),
        }
    }

    /// Returns the `sslmode` of `tokio_postgres`, which says only whether connections use TLS, and not how certificates are checked.
    pub(super) fn of_connection(self) -> SslMode {
        match self {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }
}

/// Returns the settings of TLS, or `None` for no TLS. `roots` is the value of `sslrootcert`: a file of certificate authorities, or `system` for those of
/// the system. Without it, the authorities are those of libpq's file in the home folder, or if there is no such file, the system's.
pub(super) fn settings(mode: Mode, roots: Option<&str>, home: Option<&Path>) -> Result<Option<MakeRustlsConnect>> {
    let default = home.map(|home| home.join(".postgresql/root.crt")).filter(|file| file.exists());
    let trusted = || match roots {
        Some("system") => tls::system_verifier(Vec::new()),
        Some(file) => tls::file_verifier("sslrootcert", Path::new(file)),
        None => match &default {
            Some(file) => tls::file_verifier("sslrootcert", file),
            None => tls::system_verifier(Vec::new()),
        },
    };
    if roots == Some("system") && mode != Mode::VerifyFull && mode != Mode::Disable {
        // Anybody can get a certificate from these authorities for a host name of their own, so the name has to be checked.
        return Err(Error::config("sslrootcert=system needs sslmode=verify-full"));
    }
    let verifier: Arc<dyn ServerCertVerifier> = match mode {
        Mode::Disable => return Ok(None),
        Mode::Require if roots.is_none() && default.is_none() => Arc::new(AnyCertificate(tls::provider()?)),
        Mode::Prefer => Arc::new(AnyCertificate(tls::provider()?)),
        Mode::Require | Mode::VerifyCa => Arc::new(AnyName(trusted()?)),
        Mode::VerifyFull => trusted()?,
    };
    let config = ClientConfig::builder_with_provider(tls::provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config(format!("TLS cannot be set up: {error}")))?;
    let mut config = config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // PostgreSQL 17 and later refuse a list without this protocol; earlier versions ignore the list.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Some(MakeRustlsConnect::new(config)))
}

/// Accepts a certificate of a trusted authority for any name.
#[derive(Debug)]
struct AnyName(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The name is checked last, so an error about the name means that everything else is valid.
        match self.0.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Accepts any certificate.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
