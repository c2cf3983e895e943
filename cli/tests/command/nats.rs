//! `headcount changes --to`: the feed in NATS JetStream, with real servers. `scripts/nats.sh` installs the program.

use crate::operator::Operator;
use crate::setup::{LIMIT, Running, Setup, on_both_stores, run, until, until_within};
use async_nats::ConnectOptions;
use async_nats::jetstream::stream::{Config, Stream};
use headcount_sandbox::Sandbox;
use nkeys::KeyPair;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The changes of the first sync of a sandbox with six users and two groups.
const CHANGES: u64 = 14;
/// The users of the tests that interrupt a relay.
const USERS: usize = 3_000;
const STREAM: &str = "DIRECTORY";

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// A server with JetStream, whose files stay when it is killed.
struct Server {
    child: Child,
    arguments: Vec<String>,
    url: String,
    folder: PathBuf,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    fn start(more: &[&str]) -> Server {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("headcount_nats_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (folder, port) = (std::env::temp_dir().join(name), free_port());
        std::fs::create_dir(&folder).unwrap();
        let first = ["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd", &folder.display().to_string()];
        let arguments: Vec<String> = first.iter().chain(more).map(|text| (*text).to_owned()).collect();
        let child = spawn(&arguments);
        Server { child, arguments, url: format!("nats://127.0.0.1:{port}"), folder }
    }

    /// Starts three servers of one cluster.
    fn cluster() -> Vec<Server> {
        let ports = [free_port(), free_port(), free_port()];
        let routes = ports.map(|port| format!("nats://127.0.0.1:{port}")).join(",");
        let start = |(number, port): (usize, &u16)| {
            let (name, cluster) = (format!("n{number}"), format!("nats://127.0.0.1:{port}"));
            let more = ["--name", &name, "--cluster_name", "c", "--cluster", &cluster, "--routes", &routes];
            Server::start(&more)
        };
        ports.iter().enumerate().map(start).collect()
    }

    /// Ends the server as a power failure does.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = spawn(&self.arguments);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(arguments: &[String]) -> Child {
    // Debian installs it in a folder that is not in the PATH of every user.
    let path = Path::new("/usr/sbin/nats-server");
    let program = if path.exists() { path } else { Path::new("nats-server") };
    let started = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.unwrap_or_else(|error| panic!("nats-server: {error}: run scripts/nats.sh"))
}

/// Makes the stream for `directory.>`, once the servers are ready.
fn make_stream(url: &str, replicas: usize) -> Stream {
    make_stream_as(&ConnectOptions::new, url, replicas)
}

/// As [`make_stream`], with these credentials.
fn make_stream_as(options: &dyn Fn() -> ConnectOptions, url: &str, replicas: usize) -> Stream {
    let mut made = None;
    until("the stream", || {
        made = RUNTIME.block_on(async {
            let jetstream = async_nats::jetstream::new(options().connect(url).await.ok()?);
            let config = Config {
                name: STREAM.to_owned(),
                subjects: vec!["directory.>".to_owned()],
                num_replicas: replicas,
                ..Config::default()
            };
            jetstream.get_or_create_stream(config).await.ok()
        });
        made.is_some()
    });
    made.unwrap()
}

/// A message of the stream.
struct Message {
    subject: String,
    id: String,
    change: serde_json::Value,
}

fn count(stream: &mut Stream) -> u64 {
    RUNTIME.block_on(stream.info()).map_or(0, |info| info.state.messages)
}

fn messages(stream: &mut Stream) -> Vec<Message> {
    let last = RUNTIME.block_on(stream.info()).unwrap().state.last_sequence;
    let read = |number| {
        let raw = RUNTIME.block_on(stream.get_raw_message(number)).unwrap();
        Message {
            subject: raw.subject.to_string(),
            id: raw.headers.get("Nats-Msg-Id").unwrap().to_string(),
            change: serde_json::from_slice(&raw.payload).unwrap(),
        }
    };
    (1..=last).map(read).collect()
}

/// Checks that the stream has each change of the feed once, and those of each subject in the order of the feed.
fn check(setup: &Setup, stream: &mut Stream) {
    let feed = setup.json(&["changes", "--consumer", "check"]);
    let mut published: BTreeMap<i64, serde_json::Value> = BTreeMap::new();
    let mut latest: BTreeMap<String, i64> = BTreeMap::new();
    for message in messages(stream) {
        let seq = message.change["seq"].as_i64().unwrap();
        assert!(message.id.ends_with(&format!("-{seq}")), "{}", message.id);
        let before = latest.insert(message.subject.clone(), seq);
        assert!(before.is_none_or(|before| before < seq), "{seq} comes after {before:?} in {}", message.subject);
        assert!(published.insert(seq, message.change).is_none(), "{seq} is in the stream twice");
    }
    assert_eq!(published.len(), feed.len());
    assert!(feed.iter().eq(published.values()), "the stream has other changes than the feed");
}

/// Returns the arguments of a relay with short waits.
fn relay<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let first = [
        "changes",
        "--consumer",
        "nats",
        "--to",
        url,
        "--timeout",
        "1s",
        "--backoff",
        "20ms",
        "--backoff-limit",
        "200ms",
    ];
    [&first[..], more].concat()
}

fn lag(setup: &Setup) -> u64 {
    let consumers = setup.json(&["consumers", "list"]);
    consumers.iter().find(|consumer| consumer["name"] == "nats").map_or(u64::MAX, |one| one["lag"].as_u64().unwrap())
}

/// Makes a mirror with many changes of many subjects.
fn large() -> Setup {
    let setup = Setup::with(Sandbox::builder().users(USERS).groups(0), false);
    setup.out(&["sync", "--quiet"]);
    setup
}

on_both_stores! {
    fn publishes_each_change_once(setup) {
        setup.out(&["sync"]);
        let server = Server::start(&[]);
        let mut stream = make_stream(&server.url, 1);
        let ended = setup.run(&relay(&server.url, &[]));
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
        check(&setup, &mut stream);
        let all = messages(&mut stream);
        assert_eq!(all.len() as u64, CHANGES);
        let subject = format!("directory.{}.user.created", setup.sandbox.organization_id());
        assert_eq!(all.iter().filter(|message| message.subject == subject).count(), 6);
        let mirror = setup.json(&["status"])[0]["mirror_id"].as_str().unwrap().to_owned();
        assert!(all.iter().all(|message| message.id.starts_with(&mirror)));
        assert_eq!(lag(&setup), 0);
        assert_eq!(setup.run(&relay(&server.url, &[])).code, Some(0));
        // Another consumer publishes the same messages, which the stream has already.
        setup.out(&["changes", "--consumer", "copy", "--to", &server.url]);
        assert_eq!(count(&mut stream), CHANGES);
    }

    fn a_missing_stream_is_an_error(setup) {
        setup.out(&["sync"]);
        let server = Server::start(&[]);
        let _stream = make_stream(&server.url, 1);
        let ended = setup.run(&relay(&server.url, &["--subject", "elsewhere.{kind}", "--follow"]));
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert!(ended.err.contains("no stream takes the subject elsewhere."), "{}", ended.err);
        assert_eq!(lag(&setup), CHANGES);
    }
}

#[test]
fn a_relay_that_was_killed_is_continued() {
    let setup = large();
    let server = Server::start(&[]);
    let mut stream = make_stream(&server.url, 1);
    let mut running =
        Running::start(&mut setup.command(&relay(&server.url, &["--follow", "--subject", "directory.{id}"])));
    until("some messages", || count(&mut stream) > 300);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let published = count(&mut stream);
    assert!(published < USERS as u64, "{published} messages");
    // The killed process may have the lease of the consumer for up to a minute.
    let running = Running::start(&mut setup.command(&relay(&server.url, &["--follow", "--subject", "directory.{id}"])));
    until_within(LIMIT * 3, "the other messages", || lag(&setup) == 0);
    assert_eq!(running.err(), "");
    check(&setup, &mut stream);
}

#[test]
fn a_server_that_was_killed_is_waited_for() {
    let setup = large();
    let mut server = Server::start(&[]);
    let mut stream = make_stream(&server.url, 1);
    let running = Running::start(&mut setup.command(&relay(&server.url, &["--subject", "directory.{id}"])));
    until("some messages", || count(&mut stream) > 300);
    server.kill();
    until("a failed attempt", || running.err().contains("attempt 2 in "));
    server.restart();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut stream = make_stream(&server.url, 1);
    check(&setup, &mut stream);
}

#[test]
fn a_cluster_without_its_leader_gets_each_change_once() {
    let setup = large();
    let mut servers = Server::cluster();
    let mut stream = make_stream(&servers[0].url, 3);
    let urls = servers.iter().map(|server| server.url.clone()).collect::<Vec<_>>().join(",");
    let running = Running::start(&mut setup.command(&relay(&urls, &["--subject", "directory.{organization}.{id}"])));
    until("some messages", || count(&mut stream) > 300);
    let info = RUNTIME.block_on(stream.info()).unwrap().clone();
    let leader = info.cluster.unwrap().leader.unwrap();
    let number: usize = leader.trim_start_matches('n').parse().unwrap();
    servers[number].kill();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut stream = make_stream(&servers[(number + 1) % 3].url, 3);
    check(&setup, &mut stream);
}

#[test]
fn credentials_come_from_the_environment() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let server = Server::start(&["--auth", "s3cret-t0ken"]);
    let token = || ConnectOptions::with_token("s3cret-t0ken".to_owned());
    let mut stream = make_stream_as(&token, &server.url, 1);
    let refused = setup.run(&relay(&server.url, &[]));
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("set HEADCOUNT_NATS_TOKEN"), "{}", refused.err);
    let wrong = run(setup.command(&relay(&server.url, &[])).env("HEADCOUNT_NATS_TOKEN", "wr0ng"));
    assert_eq!(wrong.code, Some(1), "{}", wrong.err);
    assert!(!wrong.err.contains("wr0ng"), "{}", wrong.err);
    let shown = setup.run(&relay(&server.url.replace("nats://", "nats://s3cret-t0ken@"), &[]));
    assert_eq!(shown.code, Some(2));
    assert!(!shown.err.contains("s3cret"), "{}", shown.err);
    let ended = run(setup.command(&relay(&server.url, &[])).env("HEADCOUNT_NATS_TOKEN", "s3cret-t0ken"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(count(&mut stream), CHANGES);
}

#[test]
fn a_user_signs_in_with_a_password_or_a_credentials_file_that_exists() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let server = Server::start(&["--user", "relay", "--pass", "s3cret"]);
    let password = || ConnectOptions::with_user_and_password("relay".to_owned(), "s3cret".to_owned());
    let mut stream = make_stream_as(&password, &server.url, 1);
    let mut command = setup.command(&relay(&server.url, &[]));
    let ended = run(command.env("HEADCOUNT_NATS_USER", "relay").env("HEADCOUNT_NATS_PASSWORD", "s3cret"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(count(&mut stream), CHANGES);
    let missing = run(setup.command(&relay(&server.url, &[])).env("HEADCOUNT_NATS_CREDS", "no-such-file"));
    assert_eq!(missing.code, Some(2), "{}", missing.err);
    assert!(missing.err.contains("HEADCOUNT_NATS_CREDS"), "{}", missing.err);
}

#[test]
fn a_credentials_file_is_accepted_with_the_key_of_its_user() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let file = |name: &str, text: &str| {
        let path = setup.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let operator = Operator::new();
    let server = Server::start(&["-c", &file("nats.conf", &operator.settings())]);
    let (right, wrong) = (operator.credentials(operator.user()), operator.credentials(&KeyPair::new_user()));
    let options = || ConnectOptions::with_credentials(&right).unwrap();
    let mut stream = make_stream_as(&options, &server.url, 1);
    let relay_with = |path: String| run(setup.command(&relay(&server.url, &[])).env("HEADCOUNT_NATS_CREDS", path));
    let refused = relay_with(file("wrong.creds", &wrong));
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("refused the credentials: set HEADCOUNT_NATS_TOKEN"), "{}", refused.err);
    let unreadable = relay_with(file("other.creds", "no credentials"));
    assert_eq!(unreadable.code, Some(2), "{}", unreadable.err);
    assert!(unreadable.err.contains("the credentials file of HEADCOUNT_NATS_CREDS"), "{}", unreadable.err);
    assert_eq!(count(&mut stream), 0);
    let ended = relay_with(file("right.creds", &right));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(count(&mut stream), CHANGES);
}

#[test]
fn a_connection_with_tls_checks_the_certificate() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (setup.folder.join("certificate.pem"), setup.folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let server = Server::start(&["--tls", "--tlscert", &certificate, "--tlskey", &key]);
    let url = server.url.replace("nats://127.0.0.1", "tls://localhost");
    let refused = Running::start(setup.command(&relay(&url, &[])).env_remove("SSL_CERT_FILE"));
    until("a refused certificate", || refused.err().contains("no connection to the NATS server: "));
    let trusting = |arguments: &[&str]| {
        let mut command = setup.command(arguments);
        command.env("SSL_CERT_FILE", &certificate);
        command
    };
    // There is no stream yet, so the relay gets as far as the answer of JetStream.
    let ended = run(&mut trusting(&relay(&url, &[])));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("no stream takes the subject"), "{}", ended.err);
}

#[test]
fn wrong_targets_are_usage_errors() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    for arguments in [
        &["--to", "http://127.0.0.1:4222"][..],
        &["--to", "127.0.0.1:4222"],
        &["--to", "nats://127.0.0.1:4222", "--subject", "directory.*"],
        &["--to", "nats://127.0.0.1:4222", "--subject", "directory.{user}"],
        &["--to", "nats://127.0.0.1:4222", "--window", "0"],
        &["--to", "nats://127.0.0.1:4222", "--exec", "true"],
        &["--subject", "x"],
    ] {
        let ended = setup.run(&[&["changes", "--consumer", "test"][..], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
    }
}
