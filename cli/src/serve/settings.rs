//! The settings of the service: from flags, environment variables and a file, in this order.

use super::tokens::{Scope, Tokens};
use crate::failure::Failure;
use crate::values;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variables with tokens. They are not flags, because other users of a machine can read the command lines of its processes.
const TOKENS: [(&str, Scope); 2] = [("HEADCOUNT_TOKEN", Scope::Write), ("HEADCOUNT_READ_TOKEN", Scope::Read)];

const LISTEN: &str = "127.0.0.1:8080";
const SYNC_EVERY: &str = "5m";
const SHUTDOWN_TIMEOUT: &str = "30s";
const WRONG_TOKENS: u32 = 10;
/// The value of `sync_every` for no syncs.
const OFF: &str = "off";

/// The settings as they are given, each of them optional: the flags with their environment variables, and the file, which has the same names with `_`.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Given {
    /// The mirror, in the file; on the command line it is a global option.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<String>,
    /// The schema, in the file; on the command line it is a global option.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<String>,
    /// Address and port to listen on; port 0 is any free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT", env = "HEADCOUNT_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    /// Interval of the syncs, of which one process of the mirror does each, or `off` [default: 5m]
    #[arg(long, value_name = "INTERVAL", env = "HEADCOUNT_SYNC_EVERY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_every: Option<String>,
    /// File with tokens that may read and write, one in a line; the variable HEADCOUNT_TOKEN has a single one
    #[arg(long, value_name = "PATH", env = "HEADCOUNT_TOKEN_FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<PathBuf>,
    /// File with tokens that may only read; the variable HEADCOUNT_READ_TOKEN has a single one
    #[arg(long, value_name = "PATH", env = "HEADCOUNT_READ_TOKEN_FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    read_token_file: Option<PathBuf>,
    /// Serve HTTPS with the certificate chain in this PEM file
    #[arg(long, value_name = "PATH", env = "HEADCOUNT_TLS_CERTIFICATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key, a PEM file
    #[arg(long, value_name = "PATH", env = "HEADCOUNT_TLS_KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_key: Option<PathBuf>,
    /// Name by which clients reach the service; requests for other names are refused. Can be repeated [default: any, and on a loopback address localhost]
    #[arg(long = "host", value_name = "NAME", env = "HEADCOUNT_HOSTS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    /// How many wrong tokens of an address are answered in a minute, before 429 is answered [default: 10]
    #[arg(long, value_name = "NUMBER", env = "HEADCOUNT_WRONG_TOKENS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong_tokens: Option<u32>,
    /// How long requests and a sync may take to end after SIGTERM [default: 30s]
    #[arg(long, value_name = "TIME", env = "HEADCOUNT_SHUTDOWN_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_timeout: Option<String>,
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The settings in force.
pub(crate) struct Settings {
    pub(super) listen: SocketAddr,
    /// The interval of the syncs, or `None` for none.
    pub(crate) sync_every: Option<Duration>,
    pub(super) tokens: Tokens,
    pub(super) tls: Option<TlsFiles>,
    pub(super) hosts: Vec<String>,
    pub(super) wrong_tokens: u32,
    pub(super) shutdown_timeout: Duration,
    /// Whether the mirror has a client; set after it was made.
    pub(crate) has_client: bool,
}

impl Given {
    /// Reads the settings in a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not TOML, or has a key that is no setting.
    pub(crate) fn read(path: &Path) -> Result<Given, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
        // The message has the line and what was expected there.
        toml::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    }

    /// Returns these settings, and those of `other` where they are not given.
    pub(crate) fn or(self, other: Given) -> Given {
        Given {
            store: self.store.or(other.store),
            schema: self.schema.or(other.schema),
            listen: self.listen.or(other.listen),
            sync_every: self.sync_every.or(other.sync_every),
            token_file: self.token_file.or(other.token_file),
            read_token_file: self.read_token_file.or(other.read_token_file),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            hosts: if self.hosts.is_empty() { other.hosts } else { self.hosts },
            wrong_tokens: self.wrong_tokens.or(other.wrong_tokens),
            shutdown_timeout: self.shutdown_timeout.or(other.shutdown_timeout),
        }
    }

    /// Returns the settings in force as TOML, with the defaults. Tokens and passwords are not in it.
    ///
    /// # Errors
    ///
    /// If they cannot be written as TOML, such as a path that is not UTF-8.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let defaults = Given {
            listen: Some(LISTEN.to_owned()),
            sync_every: Some(SYNC_EVERY.to_owned()),
            wrong_tokens: Some(WRONG_TOKENS),
            shutdown_timeout: Some(SHUTDOWN_TIMEOUT.to_owned()),
            ..Given::default()
        };
        let mut shown = self.clone().or(defaults);
        shown.store = shown.store.map(|store| crate::context::shown_place(&store));
        toml::to_string(&shown).map_err(|error| Failure::new(format!("the settings cannot be shown: {error}")))
    }

    /// Checks the settings, and reads the tokens.
    ///
    /// # Errors
    ///
    /// If a setting is malformed, a file of tokens cannot be read, or there is no token and other machines can reach the address.
    pub(crate) fn check(self) -> Result<Settings, Failure> {
        let listen = self.listen.as_deref().unwrap_or(LISTEN);
        let listen: SocketAddr = listen.parse().map_err(|_| {
            Failure::usage(format!("listen: expected an IP address and a port, such as {LISTEN}, got {listen:?}"))
        })?;
        let sync_every = match self.sync_every.as_deref().unwrap_or(SYNC_EVERY) {
            OFF => None,
            text => Some(length("sync_every", text)?),
        };
        let tls = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(Failure::usage("expected tls_certificate and tls_key, got one of them: set both")),
        };
        let mut tokens = Tokens::new();
        for (path, scope) in [(self.token_file, Scope::Write), (self.read_token_file, Scope::Read)] {
            if let Some(path) = path {
                tokens.read(&path, scope)?;
            }
        }
        for (name, scope) in TOKENS {
            if let Some(token) = std::env::var_os(name).filter(|token| !token.is_empty()) {
                tokens.add(token.as_encoded_bytes(), scope, name)?;
            }
        }
        if tokens.is_open() && !listen.ip().is_loopback() {
            return Err(Failure::usage(format!(
                "other machines can reach {listen}: set HEADCOUNT_TOKEN, --token-file or HEADCOUNT_READ_TOKEN, or listen on 127.0.0.1"
            )));
        }
        let shutdown_timeout =
            length("shutdown_timeout", self.shutdown_timeout.as_deref().unwrap_or(SHUTDOWN_TIMEOUT))?;
        Ok(Settings {
            listen,
            sync_every,
            tokens,
            tls,
            hosts: self.hosts,
            wrong_tokens: self.wrong_tokens.unwrap_or(WRONG_TOKENS),
            shutdown_timeout,
            has_client: false,
        })
    }
}

fn length(name: &str, text: &str) -> Result<Duration, Failure> {
    values::duration(text).map_err(|expected| Failure::usage(format!("{name}: {expected}, got {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(given: Given) -> String {
        given.check().err().and_then(|failure| failure.message().map(str::to_owned)).unwrap_or_default()
    }

    #[test]
    fn a_flag_is_preferred_to_the_file() {
        let flag = Given { listen: Some("127.0.0.1:1".to_owned()), ..Given::default() };
        let file: Given = toml::from_str("listen = '127.0.0.1:2'\nsync_every = 'off'").unwrap();
        let settings = flag.or(file).check().unwrap();
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.sync_every, None);
    }

    #[test]
    fn an_address_that_other_machines_reach_needs_a_token() {
        let text = message(Given { listen: Some("0.0.0.0:8080".to_owned()), ..Given::default() });
        assert!(text.contains("HEADCOUNT_TOKEN"), "{text}");
    }

    #[test]
    fn a_malformed_setting_is_named() {
        for (given, name) in [
            (Given { listen: Some("8080".to_owned()), ..Given::default() }, "listen: expected"),
            (Given { sync_every: Some("often".to_owned()), ..Given::default() }, "sync_every: expected"),
            (Given { shutdown_timeout: Some("0s".to_owned()), ..Given::default() }, "shutdown_timeout: expected"),
            (Given { tls_key: Some("key.pem".into()), ..Given::default() }, "tls_certificate and tls_key"),
        ] {
            let text = message(given);
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn the_shown_settings_can_be_read_again_and_have_no_password() {
        let given = Given { store: Some("postgresql://app:s3cret@db/app".to_owned()), ..Given::default() };
        let text = given.text().unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        let read: Given = toml::from_str(&text).unwrap();
        assert_eq!(read.listen.as_deref(), Some(LISTEN));
    }

    #[test]
    fn an_unknown_key_of_the_file_is_refused() {
        let error = toml::from_str::<Given>("port = 8080").unwrap_err().to_string();
        assert!(error.contains("unknown field `port`"), "{error}");
    }
}
