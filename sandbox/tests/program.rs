//! The program `headcount-sandbox`: the line it prints, how it stops, and malformed options.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Starts the program; returns it with the settings that it printed.
fn start(arguments: &[&str]) -> (Child, serde_json::Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headcount-sandbox"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[test]
fn prints_its_settings_and_stops_when_standard_input_ends() {
    let (mut child, settings) = start(&["--users", "3", "--exit-with-stdin"]);
    let client = headcount::Client::builder(
        settings["environment_url"].as_str().unwrap(),
        settings["client_id"].as_str().unwrap(),
        settings["client_secret"].as_str().unwrap(),
    );
    let client = headcount::blocking::Client::new(client).unwrap();
    let directory = client.directories().primary(settings["organization_id"].as_str().unwrap()).unwrap();
    assert_eq!(directory.id, settings["directory_id"].as_str().unwrap());
    assert_eq!(directory.total_users, 3);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn stops_after_sigterm() {
    let (mut child, _) = start(&[]);
    let kill = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn names_a_malformed_option() {
    let output = Command::new(env!("CARGO_BIN_EXE_headcount-sandbox")).args(["--speed", "0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("speed: expected a positive number"));
}

#[test]
fn prints_its_settings_for_a_shell() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headcount-sandbox"))
        .args(["--env", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().take(4).map(Result::unwrap).collect();
    assert!(lines[0].starts_with("export SCALEKIT_ENVIRONMENT_URL='http://127.0.0.1:"), "{lines:?}");
    assert!(lines[3].starts_with("export SCALEKIT_WEBHOOK_SECRET='whsec_"), "{lines:?}");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn names_a_malformed_lifetime() {
    let output = Command::new(env!("CARGO_BIN_EXE_headcount-sandbox")).arg("--token-ttl=-1").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("token-ttl: expected a number of seconds"));
}
