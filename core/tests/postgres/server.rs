//! Starts PostgreSQL servers and pgbouncer for tests and benchmarks, and stops them when this program ends. Also has a proxy between a store and a server,
//! which closes or stalls a connection, or kills the server, at a chosen commit.
#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test, which waits for real servers")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// The folder in which Debian installs the versions of the server, each in a folder of its own.
const BINARIES: &str = "/usr/lib/postgresql";

/// Where Debian installs pgbouncer, which is not in the path of all users.
const PGBOUNCER: &str = "/usr/sbin/pgbouncer";

/// Shell script that starts pgbouncer and the server, and starts the server again each time it ends. It stops both and removes the folder at the end of
/// its standard input, which is a pipe from this program: the system closes the pipe when this program ends, even if it is killed.
const SUPERVISOR: &str = r#"
binaries=$0 folder=$1 pgbouncer=$2 copied=$3
shift 3
if [ -n "$copied" ]; then
    "$binaries/pg_basebackup" --pgdata="$folder/data" --host="$copied" --username=headcount --checkpoint=fast --no-sync >"$folder/initdb.log" 2>&1 || exit 1
else
    "$binaries/initdb" --pgdata="$folder/data" --auth=trust --username=headcount --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 || exit 1
fi
if [ -e "$folder/pg_hba.conf" ]; then cat "$folder/pg_hba.conf" "$folder/data/pg_hba.conf" >"$folder/hba" && mv "$folder/hba" "$folder/data/pg_hba.conf"; fi
if [ -e "$folder/standby.signal" ]; then cp "$folder/standby.signal" "$folder/data/"; fi
(
    while [ ! -e "$folder/stop" ]; do
        "$binaries/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=200 "$@" </dev/null >>"$folder/server.log" 2>&1
        sleep 0.05
    done
) &
servers=$!
if [ -n "$pgbouncer" ]; then
    "$pgbouncer" "$folder/pgbouncer.ini" </dev/null >"$folder/pgbouncer.log" 2>&1 &
    bouncer=$!
fi
cat >/dev/null
touch "$folder/stop"
if [ -n "$pgbouncer" ]; then kill $bouncer; fi
kill -INT "$(head -n 1 "$folder/data/postmaster.pid")"
wait $servers
rm -rf "$folder"
"#;

/// Settings of a pgbouncer in transaction mode, in front of the server whose socket is in the same folder.
const PGBOUNCER_SETTINGS: &str = r#"
[databases]
* = host={folder} port=5432 user=headcount
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 40
"#;

/// A running server.
pub(crate) struct Server {
    /// URL of its database `postgres`, or the URL that was given for the tests.
    pub(crate) url: String,
    /// URL of the same database through pgbouncer.
    bouncer: Option<String>,
    /// The folder of the server's socket, or `None` for a server that this program did not start.
    folder: Option<PathBuf>,
    /// The port, or 0 for a server that this program did not start.
    port: u16,
    /// The file that fills the small disk, if there is one.
    filler: PathBuf,
}

/// How to start a server.
#[derive(Default)]
pub(crate) struct Start {
    /// Whether it waits for the disk (`fsync`).
    pub(crate) flushes: bool,
    /// Whether a pgbouncer is started in front of it.
    pub(crate) bouncer: bool,
    /// More arguments of the server.
    pub(crate) arguments: Vec<String>,
    /// Whether it accepts connections to a port of `localhost`.
    pub(crate) tcp: bool,
    /// Whether it is a standby. It has no primary server.
    pub(crate) standby: bool,
    /// The folder of a server whose data it has, as they are when it starts.
    pub(crate) copied: Option<PathBuf>,
    /// Lines of `pg_hba.conf` that precede the others. Those accept every role without a password.
    pub(crate) hba: &'static str,
    /// A folder in the server's folder that is on a small disk.
    pub(crate) small_disk: Option<SmallDisk>,
    /// Files for the server's folder: names and contents. In the arguments and in pg_hba.conf, `{folder}` is that folder.
    pub(crate) files: Vec<(&'static str, String)>,
}

/// A file system in memory, which only the server sees and the functions of [`Server`] fill.
#[derive(Clone, Copy)]
pub(crate) struct SmallDisk {
    /// The folder's name. `data` has the server's data and its log of changes (WAL).
    pub(crate) folder: &'static str,
    pub(crate) megabytes: u32,
}

impl Server {
    /// Returns the server that all tests share, except for those that need special settings.
    pub(crate) fn shared() -> &'static Server {
        static SHARED: LazyLock<Server> = LazyLock::new(|| match std::env::var("HEADCOUNT_TEST_POSTGRES") {
            Ok(url) => {
                let bouncer = std::env::var("HEADCOUNT_TEST_PGBOUNCER").ok();
                Server { url, bouncer, folder: None, port: 0, filler: PathBuf::new() }
            }
            Err(_) => Server::start(Start { bouncer: true, ..Start::default() }),
        });
        &SHARED
    }

    /// Returns the URL of the database through pgbouncer.
    pub(crate) fn bouncer(&self) -> &str {
        let missing = "HEADCOUNT_TEST_POSTGRES needs HEADCOUNT_TEST_PGBOUNCER as well: the URL through a pgbouncer in transaction mode";
        self.bouncer.as_deref().expect(missing)
    }

    /// Starts a server, and returns when it accepts connections.
    pub(crate) fn start(start: Start) -> Server {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // The path of a socket has at most 107 bytes, so it is not in the target folder.
        let folder = std::env::temp_dir().join(format!("headcount-postgres-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let with_folder = |text: &str| text.replace("{folder}", folder.to_str().unwrap());
        let mut files = start.files;
        files.push(("pg_hba.conf", with_folder(start.hba)));
        files.push(("pgbouncer.ini", with_folder(PGBOUNCER_SETTINGS)));
        files.push(("users.txt", "\"headcount\" \"\"\n".to_owned()));
        if start.standby {
            files.push(("standby.signal", String::new()));
        }
        let owner = unprivileged();
        for (name, text) in files {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            // The server refuses a key file that other users can read.
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            if let Some((user, group)) = owner {
                std::os::unix::fs::chown(&file, Some(user), Some(group)).unwrap();
            }
        }
        let mut supervisor = match start.small_disk {
            None => Command::new("sh"),
            Some(disk) => shell_with_disk(&folder.join(disk.folder), disk.megabytes, owner),
        };
        supervisor.args(["-c", SUPERVISOR]).arg(binaries()).arg(&folder);
        supervisor.arg(if start.bouncer { pgbouncer() } else { "" });
        supervisor.arg(start.copied.as_deref().unwrap_or(Path::new("")));
        supervisor.args(["-c", if start.flushes { "fsync=on" } else { "fsync=off" }]);
        let port = if start.tcp { free_port() } else { 5432 };
        supervisor.args(["-p", &port.to_string()]);
        if start.tcp {
            supervisor.args(["-c", "listen_addresses=127.0.0.1"]);
        }
        supervisor.args(start.arguments.iter().map(|argument| with_folder(argument)));
        // In a process group of its own: Ctrl-C in a terminal would otherwise end the supervisor before it has stopped the server.
        let log = std::fs::File::create(folder.join("supervisor.log")).unwrap();
        supervisor.process_group(0).current_dir(&folder).stdout(Stdio::null()).stderr(log);
        // The server refuses to run as root.
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
            if start.small_disk.is_none() {
                supervisor.uid(user).gid(group);
            }
        }
        let mut supervisor = supervisor.stdin(Stdio::piped()).spawn().unwrap();
        for port in [Some(port), start.bouncer.then_some(6432)].into_iter().flatten() {
            wait_until_ready(&folder, port, || supervisor.try_wait().unwrap().is_some());
        }
        let small = folder.join(start.small_disk.map_or("", |disk| disk.folder));
        // The files that the supervisor sees, which has a file system that this process does not have.
        let filler = format!("/proc/{}/root{}/filler", supervisor.id(), small.display()).into();
        // The pipe is closed when this program ends.
        std::mem::forget(supervisor);
        let bouncer = start.bouncer.then(|| url(&folder, 6432));
        Server { url: url(&folder, port), bouncer, folder: Some(folder), port, filler }
    }

    /// Starts a server as [`start`](Server::start) does, for a test that needs it as `&'static`.
    pub(crate) fn of_a_test(start: Start) -> &'static Server {
        Box::leak(Box::new(Server::start(start)))
    }

    /// Returns the folder of the server's socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("the test needs a server that this program starts")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server (SIGKILL). The operating system keeps what it has written to files, unlike after a power failure. The supervisor starts it again.
    pub(crate) fn kill(&self) {
        let file = std::fs::read_to_string(self.folder().join("data/postmaster.pid")).unwrap();
        let killed = Command::new("kill").args(["-9", file.lines().next().unwrap()]).status().unwrap();
        assert!(killed.success());
    }

    /// Fills the small disk.
    pub(crate) fn fill_disk(&self) {
        let mut filler = std::fs::File::create(&self.filler).unwrap();
        let filled = std::io::copy(&mut std::io::repeat(0), &mut filler).unwrap_err();
        assert_eq!(filled.kind(), std::io::ErrorKind::StorageFull, "{filled}");
    }

    /// Undoes [`Server::fill_disk`].
    pub(crate) fn free_disk(&self) {
        std::fs::remove_file(&self.filler).unwrap();
    }

    /// Returns what the server has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("server.log")).unwrap()
    }

    /// Removes a schema that an earlier run has created. Does nothing on a server that this program started, which no earlier run has used.
    pub(crate) fn forget(&self, schema: &str) {
        if self.folder.is_none() {
            self.psql(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"));
        }
    }

    /// Runs statements. Returns the value of the last one.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.psql_result(sql).unwrap()
    }

    /// Runs statements. Returns the value of the last one, or what psql reports.
    pub(crate) fn psql_result(&self, sql: &str) -> Result<String, String> {
        psql(&self.url, sql)
    }

    /// Runs a script of the folder `docs`, with variables such as `name=value`. Returns what psql reports if it fails.
    pub(crate) fn psql_file(&self, name: &str, variables: &[&str]) -> Result<(), String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
        let mut psql = Command::new(binaries().join("psql"));
        psql.args(["-Xq", "-v", "ON_ERROR_STOP=1", &self.url]).arg("-f").arg(script);
        for variable in variables {
            psql.args(["-v", variable]);
        }
        let output = psql.output().unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// Returns how many single rows pgbench inserts in a second with this many connections.
    pub(crate) fn pgbench(&self, clients: usize) -> f64 {
        self.psql("CREATE TABLE IF NOT EXISTS public.row (id bigserial PRIMARY KEY, body text)");
        let insert = "INSERT INTO public.row (body) VALUES (repeat('x', 500));";
        self.pgbench_value(insert, clients, "tps = ")
    }

    /// Runs statements with pgbench for four seconds. Returns the number that follows `name` in its report.
    pub(crate) fn pgbench_value(&self, statements: &str, clients: usize, name: &str) -> f64 {
        let script = std::env::temp_dir().join(format!("headcount-pgbench-{}.sql", std::process::id()));
        std::fs::write(&script, statements).unwrap();
        let mut pgbench = Command::new(binaries().join("pgbench"));
        pgbench.args(["-n", "-T", "4", "-c", &clients.to_string(), "-f"]).arg(&script).arg(&self.url);
        let output = pgbench.output().unwrap();
        std::fs::remove_file(script).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.split(' ').next()?.parse().ok());
        value.unwrap_or_else(|| panic!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Waits until all other connections to the server have ended. Returns the seconds of processor time that the server and these connections have used.
    pub(crate) fn processor_time(&self) -> f64 {
        self.wait_until_unused();
        let pid = std::fs::read_to_string(self.folder().join("data/postmaster.pid")).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.lines().next().unwrap())).unwrap();
        // The fields 14 to 17 are the ticks of the process and of its children, 100 of which are a second.
        let fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(4);
        fields.map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
    }

    /// Waits until all other connections to the server have ended. Each connection has a process, a child of the server's. Its processor time is part of
    /// the server's, and the rows that it wrote are part of the server's statistics, only after it has ended.
    pub(crate) fn wait_until_unused(&self) {
        while self.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") != "1" {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Runs statements on the server of a URL. Returns the value of the last one, or what psql reports.
pub(crate) fn psql(url: &str, sql: &str) -> Result<String, String> {
    let psql = Command::new(binaries().join("psql")).args(["-XqAt", "-v", "ON_ERROR_STOP=1", url, "-c", sql]).output();
    let output = psql.unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// Returns the URL of the database `postgres` through the socket for a port in a folder.
fn url(folder: &Path, port: u16) -> String {
    format!("postgresql:///postgres?user=headcount&host={}&port={port}", folder.display())
}

/// Returns a command that runs `sh`, as the owner of the servers, in a mount namespace of its own, in which `folder` is a file system in memory. At its
/// end, the command removes the file system and the folder that contains it. It fails if the system does not permit it to mount a file system.
fn shell_with_disk(folder: &Path, megabytes: u32, owner: Option<(u32, u32)>) -> Command {
    std::fs::create_dir(folder).unwrap();
    let mut command = Command::new("unshare");
    let mount = r#"mount -t tmpfs -o "$1" tmpfs "$0" || exit 1; shift; "$@"; umount "$0"; rm -rf "$(dirname "$0")""#;
    let options = |user, group| format!("size={megabytes}m,mode=0700,uid={user},gid={group}");
    match owner {
        Some((user, group)) => {
            command.args(["--mount", "sh", "-c", mount]).arg(folder).arg(options(user, group));
            command.args(["setpriv", &format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups"]);
        }
        None => {
            // Only root may mount, and the server refuses to run as root: this becomes root in a user namespace, and another user in a second one.
            command.args(["--map-root-user", "--mount", "sh", "-c", mount]).arg(folder).arg(options(0, 0));
            command.args(["unshare", "--user", "--map-user=1000", "--map-group=1000"]);
        }
    }
    command.arg("sh");
    command
}

/// Returns a port that no program uses at this moment.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Returns the folder with the programs of the latest installed version.
pub(crate) fn binaries() -> PathBuf {
    let versions = std::fs::read_dir(BINARIES).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let usable = versions.filter(|folder| folder.join("initdb").exists());
    usable.max().unwrap_or_else(|| {
        panic!("PostgreSQL is not installed in {BINARIES}: install Debian's package `postgresql`, or set HEADCOUNT_TEST_POSTGRES")
    })
}

/// Returns the path of pgbouncer, or panics if it is not installed.
fn pgbouncer() -> &'static str {
    assert!(Path::new(PGBOUNCER).exists(), "{PGBOUNCER} is missing: install Debian's package `pgbouncer`");
    PGBOUNCER
}

/// Waits until a server or pgbouncer accepts connections. Panics if that takes too long, or once `has_ended` returns true.
fn wait_until_ready(folder: &Path, port: u16, mut has_ended: impl FnMut() -> bool) {
    let started = Instant::now();
    let port = port.to_string();
    let is_ready = || {
        let ready = Command::new(binaries().join("pg_isready")).args(["-qp", &port, "-h"]).arg(folder).status();
        ready.is_ok_and(|status| status.success())
    };
    while !is_ready() {
        let log = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            !has_ended() && started.elapsed() < Duration::from_secs(90),
            "PostgreSQL or pgbouncer did not start: {}{}{}{}",
            log("supervisor.log"),
            log("initdb.log"),
            log("server.log"),
            log("pgbouncer.log"),
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns the ids of the user and the group that the server runs as, or `None` if this program does not run as root.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok().map(|file| std::os::unix::fs::MetadataExt::uid(&file)) != Some(0) {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

/// A fault at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The client's connection ends once the server has answered.
    LoseAnswer,
    /// The client's connection ends, and the server does not get the commit.
    LoseCommit,
    /// The client's connection stays open, and the server does not get the commit.
    StallBefore,
    /// The client's connection stays open, and the client does not get the answer.
    StallAfter,
    /// The server is killed, and does not get the commit.
    KillBefore,
    /// The server is killed after it got the commit; whether it has committed is not known.
    KillDuring,
    /// The server is killed after it has answered, and the client does not get the answer.
    KillAfter,
}

/// A proxy in front of a server. It listens on a socket in a folder of its own, which is removed when this is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    folder: PathBuf,
    state: Arc<State>,
}

struct State {
    server: &'static Server,
    /// The fault, and at which of the next commits it happens.
    armed: Mutex<Option<(Fault, usize)>>,
    /// A text, and an action that runs once, before bytes of a client that contain the text are passed on to the server.
    before: Mutex<Option<(&'static str, Action)>>,
    /// An action that runs before the client notices the next fault.
    meanwhile: Mutex<Option<Action>>,
    /// Whether no more connections are accepted.
    refuses: AtomicBool,
    /// How many faults have happened.
    happened: AtomicUsize,
    /// How many connections were passed on to the server, and how many of these are open.
    accepted: AtomicUsize,
    open: AtomicUsize,
}

type Action = Box<dyn FnOnce() + Send>;

impl Proxy {
    /// Starts a proxy in front of a server that this program has started.
    pub(crate) async fn start(server: &'static Server) -> Proxy {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let target =
            server.folder.as_ref().expect("the proxy needs a server that this program starts").join(".s.PGSQL.5432");
        let folder = std::env::temp_dir().join(format!("headcount-proxy-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
        let state = Arc::new(State {
            server,
            armed: Mutex::default(),
            before: Mutex::default(),
            meanwhile: Mutex::default(),
            refuses: AtomicBool::new(false),
            happened: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, state) = (target.clone(), Arc::clone(&shared));
                if state.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(server) = UnixStream::connect(target).await else { return };
                    state.accepted.fetch_add(1, Ordering::SeqCst);
                    state.open.fetch_add(1, Ordering::SeqCst);
                    let _ = forward(client, server, &state).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Proxy { url: url(&folder, 5432), folder, state }
    }

    /// Makes a fault happen at one of the next commits, of which the first has the number 1.
    pub(crate) fn arm(&self, fault: Fault, commit: usize) {
        *self.state.armed.lock().unwrap() = Some((fault, commit));
    }

    /// Passes the next commit on to the server, and closes the connection of the client once the server has answered.
    pub(crate) fn lose_next_commit(&self) {
        self.arm(Fault::LoseAnswer, 1);
    }

    /// Calls `action` once, before the next bytes that contain `text` are passed on to the server.
    pub(crate) fn before(&self, text: &'static str, action: impl FnOnce() + Send + 'static) {
        *self.state.before.lock().unwrap() = Some((text, Box::new(action)));
    }

    /// Calls `action` at the next fault, before the connection of the client ends.
    pub(crate) fn meanwhile(&self, action: impl FnOnce() + Send + 'static) {
        *self.state.meanwhile.lock().unwrap() = Some(Box::new(action));
    }

    /// Sets whether new connections are closed at once.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Does what [`Proxy::lose_next_commit`] does, and closes all new connections from that commit on.
    pub(crate) fn lose_next_commit_and_refuse(&self) {
        let state = Arc::clone(&self.state);
        self.meanwhile(move || state.refuses.store(true, Ordering::SeqCst));
        self.lose_next_commit();
    }

    /// Returns the folder of the socket, which is the host in a URL.
    pub(crate) fn host(&self) -> &Path {
        &self.folder
    }

    /// Returns how many connections were passed on to the server.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Returns how many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Returns how many faults have happened.
    pub(crate) fn happened(&self) -> usize {
        self.state.happened.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl State {
    /// Returns the action that runs before these bytes are passed on, if they contain or complete its text.
    fn action_before(&self, search: &mut Search, bytes: &[u8]) -> Option<Action> {
        let mut before = self.before.lock().unwrap();
        let (text, _) = before.as_ref()?;
        if search.ends(text.as_bytes(), bytes).is_empty() {
            return None;
        }
        before.take().map(|(_, action)| action)
    }

    /// Counts a commit. Returns the fault that happens at it, if any.
    fn count_commit(&self) -> Option<Fault> {
        let mut armed = self.armed.lock().unwrap();
        let (fault, commit) = (*armed)?;
        if commit > 1 {
            *armed = Some((fault, commit - 1));
            return None;
        }
        *armed = None;
        Some(fault)
    }

    /// Makes a fault happen: kills the server if the fault is a kill, runs the action of [`Proxy::meanwhile`], and counts the fault. Returns the error with
    /// which [`forward`] closes both connections, or waits for ever if the fault keeps them open.
    async fn run_fault(&self, fault: Fault) -> std::io::Result<()> {
        if matches!(fault, Fault::KillBefore | Fault::KillDuring | Fault::KillAfter) {
            self.server.kill();
        }
        if let Some(action) = self.meanwhile.lock().unwrap().take() {
            tokio::task::block_in_place(action);
        }
        self.happened.fetch_add(1, Ordering::SeqCst);
        if matches!(fault, Fault::StallBefore | Fault::StallAfter) {
            return std::future::pending().await;
        }
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}

/// Finds a text in what was read, also if it is split between two reads.
#[derive(Default)]
pub(crate) struct Search {
    /// The end of what was read before: fewer bytes than the text has.
    tail: Vec<u8>,
}

impl Search {
    /// Finds the occurrences of the text that end in `bytes`, the next bytes of the stream. Returns the position in `bytes` after each occurrence.
    pub(crate) fn ends(&mut self, text: &[u8], bytes: &[u8]) -> Vec<usize> {
        let before = self.tail.len();
        self.tail.extend_from_slice(bytes);
        let starts = self.tail.windows(text.len()).enumerate().filter(|(_, part)| *part == text);
        let ends = starts.map(|(start, _)| start + text.len() - before).collect();
        let kept = self.tail.len().saturating_sub(text.len() - 1);
        self.tail.drain(..kept);
        ends
    }
}

/// Copies bytes in both directions until one side closes its connection or a fault ends both.
async fn forward(client: UnixStream, server: UnixStream, state: &State) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // The fault that happens once the server has answered this many commits.
    let later: Mutex<Option<(Fault, usize)>> = Mutex::new(None);
    let up = async {
        let mut buffer = vec![0; 1 << 20];
        let (mut commits, mut before) = (Search::default(), Search::default());
        loop {
            let count = from_client.read(&mut buffer).await?;
            if count == 0 {
                return to_server.shutdown().await;
            }
            let bytes = &buffer[..count];
            if let Some(action) = state.action_before(&mut before, bytes) {
                tokio::task::block_in_place(action);
            }
            // A commit is always sent as `SET LOCAL ...; COMMIT`. Two transactions may be sent together.
            let ends = commits.ends(b"; COMMIT", bytes);
            let fault = ends.iter().enumerate().find_map(|(index, end)| Some((index, *end, state.count_commit()?)));
            let Some((index, end, fault)) = fault else {
                to_server.write_all(bytes).await?;
                continue;
            };
            match fault {
                Fault::KillBefore | Fault::LoseCommit | Fault::StallBefore if index == 0 => {
                    return state.run_fault(fault).await;
                }
                Fault::KillBefore | Fault::LoseCommit | Fault::StallBefore => {
                    // The server gets and answers the commits before this one, of which it does not get the last byte.
                    *later.lock().unwrap() = Some((fault, index));
                    to_server.write_all(&bytes[..end - 1]).await?;
                    return std::future::pending().await;
                }
                Fault::KillDuring => {
                    to_server.write_all(bytes).await?;
                    return state.run_fault(fault).await;
                }
                Fault::LoseAnswer | Fault::KillAfter | Fault::StallAfter => {
                    *later.lock().unwrap() = Some((fault, index + 1));
                    to_server.write_all(bytes).await?;
                }
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; 1 << 20];
        let mut answers = Search::default();
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return to_client.shutdown().await;
            }
            let bytes = &buffer[..count];
            // The answer to a commit ends with the message ReadyForQuery (Z) and the state idle (I).
            let answered = answers.ends(b"Z\0\0\0\x05I", bytes).len();
            // Once a fault is chosen, the client gets no more answers.
            let (happens, is_withheld) = {
                let mut later = later.lock().unwrap();
                match &mut *later {
                    Some((fault, left)) if *left <= answered => (Some(*fault), true),
                    Some((_, left)) => {
                        *left -= answered;
                        (None, true)
                    }
                    None => (None, false),
                }
            };
            if let Some(fault) = happens {
                return state.run_fault(fault).await;
            }
            if !is_withheld {
                to_client.write_all(bytes).await?;
            }
        }
    };
    tokio::select! { result = up => result, result = down => result }
}
