//! Starts the program with a sandbox and a store of its own, and compares texts with snapshots.

use headcount_sandbox::{Sandbox, SandboxBuilder};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// How long a command may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The variables that would change what the program does.
const VARIABLES: [&str; 12] = [
    "SCALEKIT_ENVIRONMENT_URL",
    "SCALEKIT_CLIENT_ID",
    "SCALEKIT_CLIENT_SECRET",
    "SCALEKIT_WEBHOOK_SECRET",
    "HEADCOUNT_STORE",
    "HEADCOUNT_SCHEMA",
    "NO_COLOR",
    "COLUMNS",
    "LINES",
    "PGPASSWORD",
    "HEADCOUNT_TOKEN",
    "HEADCOUNT_READ_TOKEN",
];

/// A PostgreSQL server, which ends with this program.
static POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/postgres.py");
    let mut server = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    // Its stdin stays open until this program ends.
    std::mem::forget(server);
    line.trim().to_owned()
});

/// A sandbox, and a place for a mirror.
pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: PathBuf,
    /// The value of `--store`.
    pub(crate) store: String,
    schema: Option<String>,
}

/// How a command ended.
pub(crate) struct Ended {
    /// Exit code, or `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Setup {
    /// Makes a place for a mirror in a file, with a sandbox of six users and two groups.
    pub(crate) fn sqlite() -> Setup {
        Setup::with(Sandbox::builder().users(6).groups(2), false)
    }

    /// As [`sqlite`](Setup::sqlite), in a PostgreSQL database.
    pub(crate) fn postgres() -> Setup {
        Setup::with(Sandbox::builder().users(6).groups(2), true)
    }

    pub(crate) fn with(sandbox: SandboxBuilder, on_postgres: bool) -> Setup {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("headcount_cli_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir(&folder).unwrap();
        let (store, schema) = match on_postgres {
            true => (POSTGRES.clone(), Some(name)),
            false => (folder.join("headcount.db").display().to_string(), None),
        };
        Setup { sandbox: sandbox.start().unwrap(), folder, store, schema }
    }

    pub(crate) fn is_on_postgres(&self) -> bool {
        self.schema.is_some()
    }

    /// Replaces the sandbox, and keeps the store.
    pub(crate) fn with_sandbox(mut self, sandbox: SandboxBuilder) -> Setup {
        self.sandbox = sandbox.start().unwrap();
        self
    }

    /// Returns the environment variables of the sandbox and of the store.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("SCALEKIT_ENVIRONMENT_URL", self.sandbox.environment_url().to_owned()),
            ("SCALEKIT_CLIENT_ID", self.sandbox.client_id().to_owned()),
            ("SCALEKIT_CLIENT_SECRET", self.sandbox.client_secret().to_owned()),
            ("SCALEKIT_WEBHOOK_SECRET", self.sandbox.webhook_secret().to_owned()),
            ("HEADCOUNT_STORE", self.store.clone()),
        ];
        variables.extend(self.schema.clone().map(|schema| ("HEADCOUNT_SCHEMA", schema)));
        variables
    }

    /// Returns the program with these arguments and the settings of this place, which is also its working folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.envs(self.variables()).current_dir(&self.folder);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// Runs the program, which has to succeed, and returns what it wrote to stdout.
    pub(crate) fn out(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        ended.out
    }

    /// Runs the program with `--json`, which has to succeed, and returns the documents that it wrote.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let out = self.out(&[arguments, &["--json"]].concat());
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Compares a text with the snapshot of this name. Both stores have the same snapshots.
    pub(crate) fn compare(&self, name: &str, text: &str) {
        let text = text.replace(&self.folder.display().to_string(), "<folder>").replace(&self.store, "<store>");
        compare(name, &without_alignment(&redact(&text)));
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Returns the program with these arguments and none of the settings of this process.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
    command.args(arguments).stdin(Stdio::null());
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Running::start(command).end()
}

/// A command that runs. It is killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    out: Stream,
    err: Stream,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (Stream::read(child.stdout.take().unwrap()), Stream::read(child.stderr.take().unwrap()));
        Running { child, out, err }
    }

    /// Returns what the command has written to stdout so far.
    pub(crate) fn out(&self) -> String {
        self.out.text()
    }

    /// Returns what the command has written to stderr so far.
    pub(crate) fn err(&self) -> String {
        self.err.text()
    }

    /// Returns whether the command has closed its outputs.
    pub(crate) fn has_ended(&self) -> bool {
        self.out.has_ended() && self.err.has_ended()
    }

    /// Waits for the end of the command, for [`LIMIT`] at most.
    pub(crate) fn end(mut self) -> Ended {
        let code = wait(&mut self.child);
        until("the end of the output", || self.has_ended());
        Ended { code, out: self.out(), err: self.err() }
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a thread reads from a pipe.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: std::thread::JoinHandle<()>,
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Stream {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let read = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut part) {
                read.lock().unwrap().extend_from_slice(&part[..count]);
            }
        });
        Stream { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn has_ended(&self) -> bool {
        self.reader.is_finished()
    }
}

/// Waits for the end of a process, for [`LIMIT`] at most, and returns its exit code.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let mut code = None;
    until("the end of the command", || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    code.unwrap().code()
}

/// Waits until `is_met` returns true, for [`LIMIT`] at most.
pub(crate) fn until(what: &str, is_met: impl FnMut() -> bool) {
    until_within(LIMIT, what, is_met);
}

/// As [`until`], with another limit.
pub(crate) fn until_within(limit: Duration, what: &str, mut is_met: impl FnMut() -> bool) {
    for _ in 0..limit.as_millis() / 10 {
        if is_met() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come within {limit:?}");
}

/// Compares a text with a snapshot, or writes the snapshot if HEADCOUNT_BLESS is set.
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("HEADCOUNT_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{} differs:\n{text}\nIf this is right, run the test with HEADCOUNT_BLESS=1.",
        path.display()
    );
}

/// Replaces the spaces between two cells of a table by two. What is redacted may have had another width on the other store.
fn without_alignment(text: &str) -> String {
    let line = |line: &str| {
        let content = line.trim_start();
        let cells = content.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        line[..line.len() - content.len()].to_owned() + &cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    text.lines().map(line).collect()
}

/// Replaces times, ids of runs and process ids, which differ between two runs of a test, and the ids of mirrors.
fn redact(text: &str) -> String {
    let is_hexadecimal = |word: &str| word.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let is_time = |word: &str| {
        word.len() >= 20
            && word.ends_with('Z')
            && word.chars().all(|c| c.is_ascii_digit() || "-:.TZ".contains(c))
            && word.contains('T')
    };
    let is_uuid = |word: &str| word.len() == 36 && word.split('-').count() == 5 && word.split('-').all(is_hexadecimal);
    let mut redacted = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || "-.".contains(c) || (c == ':' && word.contains('T')) {
            word.push(c);
            continue;
        }
        match word.as_str() {
            // A sentence may end after the time.
            word if is_time(word.trim_end_matches(['.', ':'])) => {
                redacted.push_str("<time>");
                redacted.push_str(word.trim_start_matches(|c| c != 'Z').trim_start_matches('Z'));
            }
            word if word.len() == 16 && is_hexadecimal(word) => redacted.push_str("<run>"),
            word if is_uuid(word) => redacted.push_str("<uuid>"),
            word => redacted.push_str(word),
        }
        word.clear();
        redacted.push(c);
    }
    redacted.pop();
    // The name of the process that synced: its machine and its number.
    let mut parts = redacted.split("process ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once(')') {
        Some((name, rest)) if name.contains('/') => text + "process <process>)" + rest,
        _ => text + "process " + part,
    })
}

/// Defines tests that run on both stores.
macro_rules! on_both_stores {
    ($(fn $name:ident($setup:ident) $body:block)*) => {
        $(fn $name($setup: $crate::setup::Setup) $body)*

        mod sqlite {
            $(#[test] fn $name() { super::$name($crate::setup::Setup::sqlite()) })*
        }

        mod postgres {
            $(#[test] fn $name() { super::$name($crate::setup::Setup::postgres()) })*
        }
    };
}
pub(crate) use on_both_stores;
