//! TLS of the client: cryptography that the application chooses, and certificate authorities.
//!
//! Each test runs in a process of its own, because the cryptography is installed and the authorities are read once per process: it starts
//! this program again with the name of one case.
#![allow(clippy::unwrap_used, reason = "a test")]

use headcount::{Client, ErrorKind};
use headcount_sandbox::Sandbox;
use rustls::crypto::CryptoProvider;
use std::process::Command;

/// Runs `case` in a process of its own with these variables. `test` is the name of the calling test, which that process runs as well.
fn alone(test: &str, variables: &[(&str, &str)], case: impl FnOnce()) {
    const CASE: &str = "HEADCOUNT_TLS_CASE";
    if std::env::var(CASE).is_ok_and(|running| running == test) {
        return case();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    let output = command.env(CASE, test).envs(variables.iter().copied()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Variables of a machine without certificate authorities.
const NO_AUTHORITIES: [(&str, &str); 2] = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/proc/self/task")];

#[test]
fn a_client_installs_no_cryptography_for_the_process() {
    alone("a_client_installs_no_cryptography_for_the_process", &[], || {
        let sandbox = Sandbox::builder().tls(temporary("install.pem")).start().unwrap();
        let get = || {
            let builder = sandbox.client().ca_file(temporary("install.pem"));
            headcount::blocking::Client::new(builder).unwrap().organizations().get(sandbox.organization_id()).unwrap()
        };
        get();
        assert!(CryptoProvider::get_default().is_none());
        rustls::crypto::ring::default_provider().install_default().unwrap();
        // A client that is built after it uses what the application has installed.
        get();
    });
}

#[test]
fn plain_http_to_loopback_needs_no_certificate_authorities() {
    alone("plain_http_to_loopback_needs_no_certificate_authorities", &NO_AUTHORITIES, || {
        let sandbox = Sandbox::builder().start().unwrap();
        let client = headcount::blocking::Client::new(sandbox.client()).unwrap();
        client.organizations().get(sandbox.organization_id()).unwrap();
    });
}

#[test]
fn the_error_of_https_without_certificate_authorities_names_what_to_install() {
    alone("the_error_of_https_without_certificate_authorities_names_what_to_install", &NO_AUTHORITIES, || {
        let file = temporary("authorities.pem");
        let sandbox = Sandbox::builder().tls(&file).start().unwrap();
        let builder = || Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret());
        let error = builder().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("ca-certificates") && error.message().contains("ca_file"), "{error}");
        let client = headcount::blocking::Client::new(builder().ca_file(file)).unwrap();
        client.organizations().get(sandbox.organization_id()).unwrap();
    });
}

#[test]
fn a_certificate_of_an_unknown_authority_names_the_remedy() {
    let sandbox = Sandbox::builder().tls(temporary("unknown.pem")).start().unwrap();
    let other = Sandbox::builder().tls(temporary("other.pem")).start().unwrap();
    let builder = Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret());
    let client = headcount::blocking::Client::new(builder.ca_file(temporary("other.pem"))).unwrap();
    let error = client.organizations().get("org_1").unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Connection, headcount::ErrorStatus::Permanent));
    assert!(error.message().contains("pass the authority's certificate as ca_file"), "{error}");
    drop(other);
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_named() {
    let sandbox = Sandbox::builder().start().unwrap();
    std::fs::write(temporary("empty.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for (file, expected) in [("missing.pem", "cannot be read"), ("empty.pem", "holds no certificate")] {
        let error = sandbox.client().ca_file(temporary(file)).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with("ca_file ") && error.message().contains(expected), "{error}");
    }
}

fn temporary(name: &str) -> String {
    format!("{}/tls-{name}", env!("CARGO_TARGET_TMPDIR"))
}
