//! Runs the quickstart as a process, against a sandbox.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use headcount_sandbox::{NewUser, Sandbox};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The process, which is killed if the test fails.
struct Quickstart(Child);

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn lists_a_directory_and_answers_its_webhooks() {
    let sandbox = Sandbox::builder().organizations(3).users(20).groups(2).start().unwrap();
    // Cargo builds the examples of a package before it runs the tests.
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/quickstart");
    let process = Command::new(program)
        .env("SCALEKIT_ENVIRONMENT_URL", sandbox.environment_url())
        .env("SCALEKIT_CLIENT_ID", sandbox.client_id())
        .env("SCALEKIT_CLIENT_SECRET", sandbox.client_secret())
        .env("SCALEKIT_WEBHOOK_SECRET", sandbox.webhook_secret())
        .env_remove("PORT")
        .stdout(Stdio::piped())
        .spawn();
    let mut quickstart = Quickstart(process.unwrap());
    let mut lines = BufReader::new(quickstart.0.stdout.take().unwrap()).lines();
    wait_for(&mut lines, "3 organizations; the first is ");
    wait_for(&mut lines, "… 20 in total");
    let url = wait_for(&mut lines, "listening on ");

    sandbox.register_endpoint(&url).unwrap();
    sandbox.create_user(NewUser { email: "ada@example.com".to_owned(), ..NewUser::default() }).unwrap();
    wait_for(&mut lines, "verified organization.directory.user_created: create an account for \"ada@example.com\"");
    assert!(post_unsigned(&url).starts_with("HTTP/1.1 400 "));
    wait_for(&mut lines, "refused: ");
    assert!(quickstart.0.wait().unwrap().success());
}

/// Reads lines of the program until one contains `text`. Returns what follows it in the line.
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, text: &str) -> String {
    for line in lines {
        if let Some((_, rest)) = line.unwrap().split_once(text) {
            return rest.to_owned();
        }
    }
    panic!("the quickstart ended before it printed {text:?}");
}

/// Sends a request without a signature. Returns the answer.
fn post_unsigned(url: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut peer = TcpStream::connect(address).unwrap();
    let head = format!("POST /{path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n");
    peer.write_all(head.as_bytes()).unwrap();
    peer.write_all(b"{}").unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    answer
}
