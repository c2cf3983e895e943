//! TLS of the client: the cryptography that the application chooses, certificate authorities, and names below `localhost`.
//!
//! Tests that install cryptography or replace the system's certificate authorities run in a process of their own, because a process does either only
//! once: such a test starts this program again with its own name.
#![allow(clippy::unwrap_used, reason = "a test")]

use headcount::{Client, ErrorKind};
use headcount_sandbox::Sandbox;
use rustls::crypto::CryptoProvider;
use std::process::Command;

/// Runs `case` in a process of its own with these environment variables. `test` is the name of the calling test: the process runs that test, which
/// calls this function again.
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

/// Environment variables with which a process finds no certificate authorities of the system: an empty file, and a folder without certificates.
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
        // A client that is built afterwards works with the cryptography that the application has installed.
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
fn the_error_for_https_without_certificate_authorities_names_package_and_setting() {
    alone("the_error_for_https_without_certificate_authorities_names_package_and_setting", &NO_AUTHORITIES, || {
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
fn the_error_for_a_certificate_of_an_unknown_authority_names_ca_file() {
    let sandbox = Sandbox::builder().tls(temporary("unknown.pem")).start().unwrap();
    let other = Sandbox::builder().tls(temporary("other.pem")).start().unwrap();
    let builder = Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret());
    let client = headcount::blocking::Client::new(builder.ca_file(temporary("other.pem"))).unwrap();
    let error = client.organizations().get("org_1").unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Connection, headcount::ErrorStatus::Permanent));
    assert!(error.message().contains("pass the authority's certificate as ca_file"), "{error}");
    // The error's text does not contain the cause, so the error has the cause as its source.
    assert!(std::error::Error::source(&error).is_some_and(|source| !error.message().contains(&source.to_string())));
    drop(other);
}

#[test]
fn the_error_for_a_ca_file_that_cannot_be_used_says_why() {
    let sandbox = Sandbox::builder().start().unwrap();
    std::fs::write(temporary("empty.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for (file, expected) in [("missing.pem", "cannot be read"), ("empty.pem", "holds no certificate")] {
        let error = sandbox.client().ca_file(temporary(file)).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with("ca_file ") && error.message().contains(expected), "{error}");
    }
}

const VARIABLE: &str = "SOME_CA_VARIABLE";

#[test]
fn the_file_of_extra_ca_variable_adds_authorities_to_the_systems() {
    let path = temporary("added.pem");
    let sandbox = Sandbox::builder().tls(&path).start().unwrap();
    let builder = || Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret());
    let get =
        |builder| headcount::blocking::Client::new(builder).unwrap().organizations().get(sandbox.organization_id());
    get(builder().proxy("").extra_ca_variable(VARIABLE, Some(path.clone().into()))).unwrap();
    // If `ca_file` is set, the file of the variable is not read.
    get(builder().proxy("").ca_file(&path).extra_ca_variable(VARIABLE, Some("/does/not/exist".into()))).unwrap();
    // An empty variable counts as not set.
    let error = get(builder().proxy("").extra_ca_variable(VARIABLE, Some("".into()))).unwrap_err();
    assert!(error.message().contains("SSL_CERT_FILE"), "{error}");
    for (file, expected) in
        [("/does/not/exist", "cannot be read"), ("/dev/null", "holds no certificate"), ("/tmp", "cannot be read")]
    {
        let error = builder().extra_ca_variable(VARIABLE, Some(file.into())).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with(&format!("{VARIABLE} {file} {expected}")), "{error}");
    }
}

#[test]
fn the_file_of_only_ca_variable_replaces_the_systems_authorities() {
    let (test, path) = ("the_file_of_only_ca_variable_replaces_the_systems_authorities", temporary("system.pem"));
    alone(test, &[("SSL_CERT_FILE", &path), ("SSL_CERT_DIR", "/proc/self/task")], || {
        let sandbox = Sandbox::builder().tls(&path).start().unwrap();
        drop(Sandbox::builder().tls(temporary("instead.pem")).start().unwrap());
        let builder =
            || Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret()).proxy("");
        let get =
            |builder| headcount::blocking::Client::new(builder).unwrap().organizations().get(sandbox.organization_id());
        get(builder()).unwrap();
        let error = get(builder().only_ca_variable(VARIABLE, Some(temporary("instead.pem").into()))).unwrap_err();
        assert!(error.message().contains("an authority that is not in SOME_CA_VARIABLE"), "{error}");
        assert!(error.message().contains("as ca_file, or add it there"), "{error}");
        // With `ca_file`, the variable is ignored: `ca_file` is added to the system's authorities.
        get(builder().ca_file(temporary("instead.pem")).only_ca_variable(VARIABLE, Some("/does/not/exist".into())))
            .unwrap();
    });
}

#[test]
fn only_ca_variable_may_name_a_folder() {
    let path = temporary("folder.pem");
    let sandbox = Sandbox::builder().tls(&path).start().unwrap();
    let folder = temporary("folder");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let builder = || {
        Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret())
            .proxy("")
            .only_ca_variable(VARIABLE, Some(folder.clone().into()))
    };
    // `openssl rehash` names a certificate by eight hexadecimal digits, a dot and a number. Files with other names are not read.
    for name in ["authority.pem", "0a1b2c3d", "0a1b2c3d.r0", "0a1b2c3.0", "0a1b2c3d."] {
        std::fs::copy(&path, format!("{folder}/{name}")).unwrap();
    }
    let error = builder().build().unwrap_err();
    assert!(error.message().starts_with(VARIABLE) && error.message().contains("openssl rehash"), "{error}");
    // One file with a certificate is enough. The other file, which has none, is ignored.
    std::fs::copy(&path, format!("{folder}/0a1b2c3d.12")).unwrap();
    std::fs::write(format!("{folder}/0a1b2c3d.0"), "no certificate").unwrap();
    headcount::blocking::Client::new(builder()).unwrap().organizations().get(sandbox.organization_id()).unwrap();
}

#[test]
fn the_files_of_variables_are_not_read_for_plain_http() {
    let sandbox = Sandbox::builder().start().unwrap();
    let missing = || Some("/does/not/exist".into());
    for builder in [
        sandbox.client().extra_ca_variable(VARIABLE, missing()),
        sandbox.client().only_ca_variable(VARIABLE, missing()),
    ] {
        headcount::blocking::Client::new(builder).unwrap().organizations().get(sandbox.organization_id()).unwrap();
    }
}

/// The client asks no resolver for a name below `localhost`: a resolver could answer with the address of another machine, which would receive the
/// client secret.
#[test]
fn names_below_localhost_are_resolved_to_this_machine() {
    let sandbox = Sandbox::builder().start().unwrap();
    for host in ["app.localhost", "localhost", "LOCALHOST."] {
        let url = sandbox.environment_url().replace("127.0.0.1", host);
        let builder = Client::builder(url, sandbox.client_id(), sandbox.client_secret());
        headcount::blocking::Client::new(builder).unwrap().organizations().get(sandbox.organization_id()).unwrap();
    }
}

/// Returns the path of a temporary file or folder of these tests.
fn temporary(name: &str) -> String {
    format!("{}/tls-{name}", env!("CARGO_TARGET_TMPDIR"))
}
