//! The certificate authorities that the client's settings name.

use super::settings::{CaFile, CaVariable, Settings};
use crate::tls::{SystemRoots, config, in_file, in_pem, unreadable};
use crate::{Error, Result};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use std::ffi::OsStr;
use std::path::Path;

/// Returns the TLS settings of connections, with the certificate authorities that the client's settings name. If `needs_tls` is false, no connection
/// uses TLS, and the file that an environment variable names is not read, so that plain HTTP works even if the file is wrong.
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

/// Reads the certificates of a folder as OpenSSL does: those of the files whose names `openssl rehash` has made.
fn in_folder(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| unreadable(setting, path, &error))? {
        let entry = entry.map_err(|error| unreadable(setting, path, &error))?;
        if is_hash_name(&entry.file_name()) {
            // A link to a file that was removed is skipped.
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

/// Returns whether a file's name is a hash of eight hexadecimal digits, a dot and a number.
fn is_hash_name(name: &OsStr) -> bool {
    let Some((hash, number)) = name.to_str().and_then(|name| name.split_once('.')) else { return false };
    hash.len() == 8
        && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        && !number.is_empty()
        && number.bytes().all(|digit| digit.is_ascii_digit())
}
