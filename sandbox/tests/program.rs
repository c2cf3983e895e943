//! The program: its one line, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

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
fn says_where_it_is_and_ends_with_its_input() {
    let (mut child, settings) = start(&["--users", "3", "--exit-with-stdin"]);
    let client = headcount::Client::builder(
        settings["environment_url"].as_str().unwrap(),
        settings["client_id"].as_str().unwrap(),
        settings["client_secret"].as_str().unwrap(),
    );
    let client = headcount::blocking::Client::new(client).unwrap();
    let directory = client.directories().primary(settings["organization_id"].as_str().unwrap()).unwrap();
    assert_eq!((directory.id.as_str(), directory.total_users), (settings["directory_id"].as_str().unwrap(), 3));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn ends_when_it_is_told_to() {
    let (mut child, _) = start(&[]);
    let kill = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_bad_option_is_said() {
    let output = Command::new(env!("CARGO_BIN_EXE_headcount-sandbox")).args(["--speed", "0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("speed: expected a positive number"));
}
