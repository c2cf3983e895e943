//! The sandbox, test webhooks and `doctor`.

use crate::endpoint::Endpoint;
use crate::setup::{Setup, on_both_stores, program, run, wait};
use headcount::Webhook;
use headcount_sandbox::Sandbox;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

/// Returns the results of `doctor` by check.
fn results(out: &str) -> Vec<(String, String)> {
    let checks = out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    checks
        .map(|check| (check["check"].as_str().unwrap().to_owned(), check["result"].as_str().unwrap().to_owned()))
        .collect()
}

fn result_of(out: &str, check: &str) -> Option<String> {
    results(out).into_iter().find(|(name, _)| name == check).map(|(_, result)| result)
}

on_both_stores! {
    fn doctor_finds_nothing_wrong_with_a_sandbox(setup) {
        setup.out(&["sync"]);
        let ended = setup.run(&["doctor", "--json"]);
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
        for check in ["settings", "dns", "connection", "credentials", "directories", "webhook", "store"] {
            assert_eq!(result_of(&ended.out, check).as_deref(), Some("ok"), "{check}: {}", ended.out);
        }
        assert_eq!(result_of(&ended.out, "tls").as_deref(), Some("skipped"));
        let text = setup.out(&["doctor"]);
        assert!(text.lines().all(|line| line.starts_with("ok ") || line.starts_with("skipped ")), "{text}");
    }

    fn doctor_names_a_remedy_for_each_failure(setup) {
        setup.out(&["sync"]);
        let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let unused = format!("http://{unused}");
        for (variable, value, check) in [
            ("SCALEKIT_CLIENT_ID", "", "settings"),
            ("SCALEKIT_ENVIRONMENT_URL", unused.as_str(), "connection"),
            ("SCALEKIT_ENVIRONMENT_URL", "https://headcount.invalid", "dns"),
            ("SCALEKIT_CLIENT_SECRET", "wr0ng", "credentials"),
            ("SCALEKIT_WEBHOOK_SECRET", "short", "webhook"),
            ("HEADCOUNT_STORE", "postgresql://app:s3cret@127.0.0.1:1/app", "store"),
        ] {
            let ended = run(setup.command(&["doctor", "--json"]).env(variable, value));
            assert_eq!(ended.code, Some(1), "{variable}: {}", ended.out);
            let lines: Vec<serde_json::Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let failed: Vec<_> = lines.iter().filter(|line| line["result"] == "failed").collect();
            assert_eq!(failed.len(), 1, "{variable}: {}", ended.out);
            assert_eq!(failed[0]["check"], check);
            assert!(failed[0]["remedy"].is_string());
            assert!(!ended.out.contains("wr0ng") && !ended.out.contains("s3cret"), "{}", ended.out);
        }
    }
}

#[test]
fn doctor_checks_the_certificate_of_a_server_with_tls() {
    let folder = std::env::temp_dir();
    let file = |name: &str| folder.join(format!("headcount_cli_{}_{name}.pem", std::process::id()));
    let (trusted, other) = (file("trusted"), file("other"));
    let setup = Setup::with(Sandbox::builder().users(3).tls(&trusted), false);
    let _other = Sandbox::builder().users(1).tls(&other).start().unwrap();
    let doctor = |authority: &Path| {
        run(setup.command(&["doctor", "--json"]).env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR"))
    };
    let ended = doctor(&trusted);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    for check in ["connection", "tls", "clock", "credentials", "directories"] {
        assert_eq!(result_of(&ended.out, check).as_deref(), Some("ok"), "{check}: {}", ended.out);
    }
    let ended = doctor(&other);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert_eq!(result_of(&ended.out, "connection").as_deref(), Some("ok"));
    assert_eq!(result_of(&ended.out, "tls").as_deref(), Some("failed"));
    assert!(ended.out.contains("SSL_CERT_FILE"), "{}", ended.out);
    assert_eq!(result_of(&ended.out, "credentials"), None);
    [trusted, other].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

#[test]
fn doctor_without_a_mirror_creates_none() {
    let setup = Setup::sqlite();
    let ended = setup.run(&["doctor", "--json"]);
    assert_eq!(result_of(&ended.out, "store").as_deref(), Some("skipped"));
    assert_eq!(std::fs::read_dir(&setup.folder).unwrap().count(), 0);
}

#[test]
fn a_triggered_webhook_is_signed_and_has_the_values_that_were_set() {
    let setup = Setup::sqlite();
    let endpoint = Endpoint::start(&[201]);
    let arguments = [
        "trigger",
        "organization.directory.user_created",
        "--to",
        &endpoint.url,
        "--id",
        "evt_7",
        "--organization",
        "org_7",
        "--set",
        "data.email=ada@example.com",
        "--set",
        "data.custom_attributes={\"team\":1}",
    ];
    let ended = setup.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out, "evt_7 organization.directory.user_created: 201\n");
    let requests = endpoint.requests();
    let headers: Vec<(&str, &str)> = requests[0].head.lines().filter_map(|line| line.split_once(": ")).collect();
    // The head is in lower case, and a signature is not: only its other parts are compared here.
    assert!(
        headers.iter().any(|(name, value)| *name == "webhook-signature" && value.starts_with("v1,")),
        "{headers:?}"
    );
    let body: serde_json::Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!(body["organization_id"], "org_7");
    assert_eq!(body["data"]["email"], "ada@example.com");
    assert_eq!(body["data"]["custom_attributes"]["team"], 1);
}

#[test]
fn a_webhook_without_a_target_is_printed_and_verifies() {
    let setup = Setup::sqlite();
    let printed = &setup.json(&["trigger", "organization.directory.user_deleted"])[0];
    let headers: Vec<(String, String)> =
        serde_json::from_value::<std::collections::BTreeMap<String, String>>(printed["headers"].clone())
            .unwrap()
            .into_iter()
            .collect();
    let webhook = Webhook::new([setup.sandbox.webhook_secret()]).unwrap();
    let event = webhook.verify(&headers, printed["body"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(event.type_(), "organization.directory.user_deleted");
    assert_eq!(setup.json(&["trigger", "--list"]).len(), headcount_sandbox::event_types().count());
}

#[test]
fn a_webhook_that_is_refused_or_cannot_be_made_is_an_error() {
    let setup = Setup::sqlite();
    let event = "organization.directory.user_created";
    let endpoint = Endpoint::start(&[400]);
    assert_eq!(setup.run(&["trigger", event, "--to", &endpoint.url]).code, Some(1));
    let unknown = setup.run(&["trigger", "organization.directory.user_creatd"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("is not an event type"), "{}", unknown.err);
    for arguments in [
        &["trigger"][..],
        &["trigger", event, "--set", "data"],
        &["trigger", event, "--to", "http://example.com/"],
        &["trigger", event, "--set", "data.groups.99.name=x"],
    ] {
        assert_eq!(setup.run(arguments).code, Some(2), "{arguments:?}");
    }
    let unset = run(setup.command(&["trigger", event]).env_remove("SCALEKIT_WEBHOOK_SECRET"));
    assert_eq!(unset.code, Some(2));
    assert!(unset.err.contains("SCALEKIT_WEBHOOK_SECRET is not set"), "{}", unset.err);
}

#[test]
fn the_sandbox_serves_what_it_prints_until_sigterm() {
    let mut child = program(&["sandbox", "--users", "3", "--env"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().take(4).map(Result::unwrap).collect();
    let setup = Setup::sqlite();
    std::fs::write(setup.folder.join("sandbox.env"), lines.join("\n")).unwrap();
    let script = format!(". ./sandbox.env && {} sync --json", env!("CARGO_BIN_EXE_headcount"));
    let synced = run(std::process::Command::new("sh").args(["-c", &script]).current_dir(&setup.folder));
    assert_eq!(synced.code, Some(0), "{}", synced.err);
    assert!(synced.out.contains("\"created\":3"), "{}", synced.out);
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(wait(&mut child), Some(0));
}

#[test]
fn the_sandbox_writes_the_address_of_its_page_to_stderr_unless_it_is_quiet() {
    let start = |arguments: &[&str]| {
        let mut command = program(&[&["sandbox", "--exit-with-stdin"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let settings: serde_json::Value = serde_json::from_str(&line).unwrap();
        drop(child.stdin.take());
        let ended = child.wait_with_output().unwrap();
        (settings["environment_url"].as_str().unwrap().to_owned(), String::from_utf8(ended.stderr).unwrap())
    };
    let (url, err) = start(&[]);
    assert_eq!(err, format!("Page: {url}/\n"));
    let (_, err) = start(&["--quiet"]);
    assert_eq!(err, "");
}

#[test]
fn a_port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run(&mut program(&["sandbox", "--port", &port]));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.starts_with("headcount: "), "{}", ended.err);
}
