//! Two PostgreSQL servers that Patroni manages, and the etcd in which Patroni keeps its state, all on this machine. One server is the primary, and
//! replicates to the other one, the standby, synchronously: a commit returns once the standby has it as well. If the primary fails, the standby
//! becomes the primary.
#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test, which waits for real servers")]

use super::server::{binaries, unprivileged};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Where Debian installs Patroni and etcd.
const PATRONI: &str = "/usr/bin/patroni";
const ETCD: &str = "/usr/bin/etcd";

/// After this many seconds in which the primary's Patroni has not renewed its key in etcd, the standby becomes the primary. Patroni's default is 30.
const TTL: u32 = 5;

/// Shell script that starts etcd and, for each node, Patroni, which starts the server of its node. Patroni is started again when it ends, unless the
/// node has the file `down`. At the end of its standard input, which is a pipe from the test's program, the script stops all of them: the system
/// closes the pipe when that program ends, even if it is killed.
const SUPERVISOR: &str = r#"
folder=$0 patroni=$1 etcd=$2
shift 2
"$etcd" --name=headcount --data-dir="$folder/etcd" --unsafe-no-fsync --enable-v2 "$@" </dev/null >"$folder/etcd.log" 2>&1 &
etcd=$!
run() {
    while [ ! -e "$folder/stop" ]; do
        if [ ! -e "$1/down" ]; then
            "$patroni" "$1/patroni.yml" </dev/null >>"$1/patroni.log" 2>&1 &
            echo $! >"$1/patroni.pid"
            wait $!
        fi
        sleep 0.05
    done
}
run "$folder/a" &
a=$!
run "$folder/b" &
b=$!
cat >/dev/null
touch "$folder/stop"
# Patroni stops its server before it ends.
for node in a b; do
    if [ -e "$folder/$node/down" ]; then continue; fi
    kill "$(cat "$folder/$node/patroni.pid")"
    kill -CONT "$(cat "$folder/$node/patroni.pid")" "$(head -n 1 "$folder/$node/data/postmaster.pid")"
done
waits=0
while [ $waits -lt 150 ] && { kill -0 $a || kill -0 $b; }; do
    sleep 0.1
    waits=$((waits + 1))
done
if [ $waits = 150 ]; then
    for node in a b; do
        if [ -e "$folder/$node/down" ]; then continue; fi
        kill -KILL "$(cat "$folder/$node/patroni.pid")"
        kill -QUIT "$(head -n 1 "$folder/$node/data/postmaster.pid")"
    done
fi
kill $etcd
wait
rm -rf "$folder"
"#;

/// The running servers, Patroni and etcd.
pub(crate) struct Cluster {
    /// URL of the primary, whichever node it is.
    pub(crate) url: String,
    nodes: [Node; 2],
    supervisor: Child,
    /// The ids of the processes that [`Cluster::freeze_primary`] has stopped.
    frozen: Mutex<Vec<String>>,
}

struct Node {
    name: &'static str,
    folder: PathBuf,
    /// The port of the server.
    port: u16,
    /// The port of Patroni's REST API.
    api: u16,
}

impl Cluster {
    /// Starts the servers. Returns when there is a primary with a synchronous standby.
    pub(crate) fn start() -> Cluster {
        for program in [PATRONI, ETCD] {
            assert!(
                Path::new(program).exists(),
                "{program} is missing: install Debian's packages `patroni` and `etcd-server`"
            );
        }
        let folder = std::env::temp_dir().join(format!("headcount-cluster-{}", std::process::id()));
        let [client, peer, port_a, port_b, api_a, api_b] = free_ports();
        let node = |name, port, api| Node { name, folder: folder.join(name), port, api };
        let nodes = [node("a", port_a, api_a), node("b", port_b, api_b)];
        let owner = unprivileged();
        let set_owner = |path: &Path| {
            if let Some((user, group)) = owner {
                std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
            }
        };
        std::fs::create_dir(&folder).unwrap();
        set_owner(&folder);
        for node in &nodes {
            std::fs::create_dir(&node.folder).unwrap();
            set_owner(&node.folder);
            std::fs::write(node.folder.join("patroni.yml"), settings(node, &folder, client).to_string()).unwrap();
        }
        let mut supervisor = Command::new("sh");
        supervisor.args(["-c", SUPERVISOR]).arg(&folder).args([PATRONI, ETCD]);
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        for name in ["listen-client-urls", "advertise-client-urls"] {
            supervisor.arg(format!("--{name}={client}"));
        }
        for name in ["listen-peer-urls", "initial-advertise-peer-urls"] {
            supervisor.arg(format!("--{name}={peer}"));
        }
        supervisor.arg(format!("--initial-cluster=headcount={peer}"));
        // In a process group of its own: Ctrl-C in a terminal would otherwise end the supervisor before it has stopped the servers.
        supervisor.process_group(0).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = owner {
            supervisor.uid(user).gid(group);
        }
        let supervisor = supervisor.stdin(Stdio::piped()).spawn().unwrap();
        let hosts = format!("127.0.0.1:{port_a},127.0.0.1:{port_b}");
        let url = format!("postgresql://headcount@{hosts}/postgres?target_session_attrs=read-write&connect_timeout=2");
        let cluster = Cluster { url, nodes, supervisor, frozen: Mutex::default() };
        let started = Instant::now();
        while !cluster.is_redundant() {
            assert!(started.elapsed() < Duration::from_secs(90), "the servers did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        cluster
    }

    /// Returns the name of the node that is the primary, or `None` while there is none.
    pub(crate) fn primary(&self) -> Option<&'static str> {
        let (primary, _) = self.roles();
        primary
    }

    /// Returns whether there is a primary with a synchronous standby, which can become the primary without a loss.
    pub(crate) fn is_redundant(&self) -> bool {
        let (primary, standby) = self.roles();
        primary.is_some() && standby.is_some()
    }

    /// Kills the primary and its Patroni (SIGKILL), as if its machine had failed. They are not started again before [`Cluster::revive`].
    pub(crate) fn kill_primary(&self) {
        let node = self.node(self.primary().expect("there is a primary"));
        std::fs::write(node.folder.join("down"), "").unwrap();
        signal("-KILL", &stop(node));
    }

    /// Stops the primary and its Patroni (SIGSTOP), as if its machine were paused, until [`Cluster::revive`]. Its connections stay open.
    pub(crate) fn freeze_primary(&self) {
        let node = self.node(self.primary().expect("there is a primary"));
        *self.frozen.lock().unwrap() = stop(node);
    }

    /// Starts the killed node again, or continues the frozen one. It becomes the standby.
    pub(crate) fn revive(&self) {
        let frozen = std::mem::take(&mut *self.frozen.lock().unwrap());
        if !frozen.is_empty() {
            signal("-CONT", &frozen);
        }
        for node in &self.nodes {
            let _ = std::fs::remove_file(node.folder.join("down"));
        }
    }

    /// Makes the standby the primary, and the primary the standby, as before maintenance.
    pub(crate) fn switch_over(&self) {
        let (Some(old), Some(new)) = self.roles() else { panic!("there is no primary or no standby") };
        let order = json!({ "leader": old, "candidate": new }).to_string();
        let started = Instant::now();
        while self.primary() != Some(new) {
            // Answers when it has switched over. It refuses the order while the standby is behind.
            let answer = request(self.node(old).api, "POST", "/switchover", &order, Duration::from_secs(30));
            assert!(started.elapsed() < Duration::from_secs(60), "Patroni did not switch over: {answer:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).expect("the node exists")
    }

    /// Returns the names of the primary and of the synchronous standby, if they run. Returns none while the nodes do not agree: a former primary that continues
    /// after a pause says that it still is the primary, until it learns of the failover.
    fn roles(&self) -> (Option<&'static str>, Option<&'static str>) {
        let answers =
            self.nodes.iter().filter_map(|node| request(node.api, "GET", "/cluster", "", Duration::from_secs(2)).ok());
        let clusters: Vec<Value> = answers.filter_map(|text| serde_json::from_str(&text).ok()).collect();
        let mut roles = clusters.iter().map(|cluster| {
            let with_role = |role: &str| {
                let members = cluster["members"].as_array()?;
                let member = members.iter().find(|member| member["role"] == role && member["state"] == "running")?;
                self.nodes.iter().map(|node| node.name).find(|name| member["name"] == *name)
            };
            (with_role("leader"), with_role("sync_standby"))
        });
        let first = roles.next().unwrap_or_default();
        if roles.all(|others| others == first) { first } else { (None, None) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in &self.nodes {
                let log = std::fs::read_to_string(node.folder.join("patroni.log")).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                println!("---- {}\n{}", node.name, lines[lines.len().saturating_sub(60)..].join("\n"));
            }
        }
        self.revive();
        // Closes the pipe, at which the supervisor stops everything and removes the folder. That takes some seconds, for which this does not wait.
        drop(self.supervisor.stdin.take());
    }
}

/// Returns the settings of a node's Patroni, in JSON, which is also YAML.
fn settings(node: &Node, folder: &Path, etcd: u16) -> Value {
    let Node { name, folder: own, port, api } = node;
    let (address, api) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{api}"));
    json!({
        "scope": "headcount",
        "name": name,
        "restapi": { "listen": api, "connect_address": api },
        // Version 2 of etcd's API. With version 3, Patroni 3.0 does not check that it still has the leader's key when it renews the key: after a pause, a former
        // primary takes the role back from the new primary, and what was committed there is lost.
        "etcd": { "host": format!("127.0.0.1:{etcd}") },
        "watchdog": { "mode": "off" },
        "bootstrap": {
            "dcs": {
                "ttl": TTL,
                "loop_wait": 1,
                "retry_timeout": 2,
                // Without a standby, the primary goes on alone (`synchronous_mode_strict` is off). Patroni then makes no other server the primary.
                "synchronous_mode": true,
                "postgresql": { "use_pg_rewind": true, "use_slots": false },
            },
            "initdb": ["no-sync", { "auth": "trust" }, { "encoding": "UTF8" }, { "locale": "C" }],
        },
        "postgresql": {
            "listen": address,
            "connect_address": address,
            "data_dir": own.join("data"),
            "bin_dir": binaries(),
            "pgpass": own.join("pgpass"),
            "authentication": { "superuser": { "username": "headcount" }, "replication": { "username": "headcount" } },
            "use_unix_socket": true,
            "parameters": {
                "unix_socket_directories": folder,
                // Not needed: the operating system keeps what a killed process has written to a file.
                "fsync": "off",
                // pg_rewind needs it.
                "wal_log_hints": "on",
                // How long a standby waits before it connects to the primary again. The default is five seconds.
                "wal_retrieve_retry_interval": "200ms",
            },
            "basebackup": ["no-sync", { "checkpoint": "fast" }],
            "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
        },
    })
}

/// Returns ports that no program uses at this moment. If enough are free, they are below those that the system gives to outgoing connections, so that no
/// connection takes the port of a server that is down for a while.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let end: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
    let start = u16::try_from(std::process::id() % u32::from(end / 2)).unwrap() + end / 4;
    let ports = (start..end).chain(2_000..start).chain(end..u16::MAX);
    let mut listeners = ports.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    // All are kept until the last one is found, so that they differ.
    let found: [TcpListener; COUNT] = std::array::from_fn(|_| listeners.next().expect("a free port"));
    found.map(|listener| listener.local_addr().unwrap().port())
}

/// Sends a request to a REST API of this machine. Returns the body of the answer, or an error if no answer comes within `limit`.
fn request(port: u16, method: &str, path: &str, body: &str, limit: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
}

/// Stops the Patroni of a node, its server, and all processes of the server (SIGSTOP). Returns their ids.
fn stop(node: &Node) -> Vec<String> {
    let first_line = |name: &str| {
        let text = std::fs::read_to_string(node.folder.join(name)).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let (patroni, server) = (first_line("patroni.pid"), first_line("data/postmaster.pid"));
    // While it is stopped, the server makes no more processes.
    signal("-STOP", &[patroni.clone(), server.clone()]);
    let mut pids = children_of(&server);
    signal("-STOP", &pids);
    pids.extend([patroni, server]);
    pids
}

/// Sends a signal to processes. Some of them may have ended.
fn signal(name: &str, pids: &[String]) {
    let _ = Command::new("kill").arg(name).args(pids).stderr(Stdio::null()).status().unwrap();
}

/// Returns the ids of the processes that a process has started.
fn children_of(pid: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let is_child = |id: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name of the program is in parentheses, and the parent is the second field after it.
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(pid)
    };
    ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())).filter(is_child).collect()
}
