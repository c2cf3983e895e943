//! Tests of leases: they expire by the server's clock, and a process that was stopped (SIGSTOP) for longer than its lease changes nothing.

use super::*;
use headcount::ErrorStatus;
use headcount::store::{Fence, Lease};
use headcount::system::{Clock, SystemClock};
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const HOUR: Duration = Duration::from_secs(3_600);

/// Makes a write of a user with the fence of a lease.
fn fenced(fence: &Fence, now: Timestamp, user_id: &'static str) -> Write {
    Write { fence: Some(fence.clone()), now, ..write("org_1", Keys::default(), |_| with_user(user("org_1", user_id))) }
}

/// Takes a lease as soon as it is free.
async fn take(store: &PostgresStore, name: &str, duration: Duration) -> Box<dyn Lease> {
    loop {
        match store.lease(name.to_owned(), SystemClock.now(), duration).await.unwrap() {
            Some(lease) => return lease,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn assert_lost(result: Result<Committed>) {
    let error = result.unwrap_err();
    assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
    assert!(error.message().contains("the lease was lost"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_clock_is_wrong_by_an_hour_neither_loses_nor_takes_a_lease() {
    let test = async {
        let store = create("clocks").await;
        let other = open(&Server::shared().url, "clocks").await.unwrap();
        let now = SystemClock.now();

        let lease = store.lease("sync".to_owned(), now - HOUR, Duration::from_secs(60)).await.unwrap().unwrap();
        let taken = other.lease("sync".to_owned(), now + HOUR, Duration::from_secs(60)).await.unwrap();

        assert!(taken.is_none(), "a client whose clock is fast took the lease");
        store.write(fenced(lease.fence(), now + HOUR, "diruser_1")).await.unwrap();
        store.write(fenced(lease.fence(), now - HOUR, "diruser_2")).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1", "diruser_2"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_extended_and_expires_by_the_servers_clock() {
    let test = async {
        let store = create("expiry").await;
        // The holder always passes the same time, which the store must not use.
        let now = SystemClock.now();
        let lease = store.lease("sync".to_owned(), now, HOUR).await.unwrap().unwrap();
        let table = format!("{}.lease", schema("expiry"));
        let set_seconds_left = |left: &str| {
            let sql =
                format!("UPDATE {table} SET expires_at = (extract(epoch FROM clock_timestamp()) + {left}) * 1000000");
            Server::shared().psql(&sql);
        };
        let left = || -> f64 {
            let sql = format!("SELECT expires_at / 1000000.0 - extract(epoch FROM clock_timestamp()) FROM {table}");
            Server::shared().psql(&sql).parse().unwrap()
        };

        set_seconds_left("1900");
        store.write(fenced(lease.fence(), now, "diruser_1")).await.unwrap();
        assert!(left() <= 1900.0, "more than half was left, so it was not extended");
        set_seconds_left("1700");
        store.write(fenced(lease.fence(), now, "diruser_2")).await.unwrap();
        assert!(left() > 1900.0, "less than half was left, so it was extended");

        set_seconds_left("0");
        assert_lost(store.write(fenced(lease.fence(), now, "diruser_3")).await);
        let next = store.lease("sync".to_owned(), now, HOUR).await.unwrap().unwrap();
        assert_eq!(next.fence().token, lease.fence().token + 1);
        assert_lost(store.write(fenced(lease.fence(), now, "diruser_4")).await);
        store.write(fenced(next.fence(), now, "diruser_5")).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1", "diruser_2", "diruser_5"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_returns_the_lease_that_it_took_although_the_answer_to_the_commit_was_lost() {
    let test = async {
        let direct = create("lost_lease").await;
        let proxy = Proxy::start(Server::shared()).await;
        let store = open(&proxy.url, "lost_lease").await.unwrap();
        proxy.lose_next_commit();

        let lease = store.lease("sync".to_owned(), SystemClock.now(), HOUR).await.unwrap().unwrap();

        assert_eq!(proxy.happened(), 1);
        assert_eq!(lease.fence().token, 1, "the second attempt gets the lease that the first one has taken");
        assert!(direct.lease("sync".to_owned(), SystemClock.now(), HOUR).await.unwrap().is_none());
        store.write(fenced(lease.fence(), SystemClock.now(), "diruser_1")).await.unwrap();
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Starts a write at 40 seconds. Its fence is that of a lease which was taken at 0 seconds for a minute, so the write extends the lease. The decision waits
/// until the returned sender is used, and fails if `false` is sent. Returns once the write has locked the lease.
async fn extending(store: &Arc<PostgresStore>, fence: &Fence) -> (mpsc::Sender<bool>, tokio::task::JoinHandle<bool>) {
    let (entered, deciding) = mpsc::channel();
    let (resume, resumed) = mpsc::channel();
    let waiting = Write {
        fence: Some(fence.clone()),
        now: seconds(40),
        decide: Box::new(move |_| {
            entered.send(()).unwrap();
            match block_in_place(|| resumed.recv().unwrap()) {
                true => Ok(Decision::Commit(Box::default())),
                false => Err(headcount::Error::invalid_argument("no")),
            }
        }),
        ..write("org_1", Keys::default(), |_| Batch::default())
    };
    let store = Arc::clone(store);
    let writing = tokio::spawn(async move { store.write(waiting).await.is_ok() });
    receive(deciding).await;
    (resume, writing)
}

/// Returns the time that is this many seconds after the start of a test that chooses the time.
fn seconds(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + HOUR + Duration::from_secs(seconds)
}

/// Opens a store in which leases use the caller's time.
async fn open_with_callers_time(name: &str) -> Arc<PostgresStore> {
    let options = options(name).with_callers_time();
    Arc::new(PostgresStore::connect_with(&Server::shared().url, options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_that_is_being_extended_is_listed_after_its_former_expiry() {
    let test = async {
        drop(create("listed_renewal").await);
        let (store, other) =
            (open_with_callers_time("listed_renewal").await, open_with_callers_time("listed_renewal").await);
        let lease = store.lease("a/1".to_owned(), seconds(0), Duration::from_secs(60)).await.unwrap().unwrap();
        let expired = store.lease("a/2".to_owned(), seconds(0), Duration::from_secs(60)).await.unwrap().unwrap();
        let (resume, writing) = extending(&store, lease.fence()).await;

        let during = other.leases("a/".to_owned(), seconds(61)).await.unwrap();
        resume.send(true).unwrap();
        assert!(writing.await.unwrap());
        let after = other.leases("a/".to_owned(), seconds(99)).await.unwrap();

        assert_eq!(during, [lease.fence().clone()]);
        assert_eq!(after, during);
        assert!(other.leases("a/".to_owned(), seconds(100)).await.unwrap().is_empty());
        drop(expired);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_whose_extension_was_rolled_back_is_not_listed_after_its_expiry() {
    let test = async {
        drop(create("listed_failure").await);
        let (store, other) =
            (open_with_callers_time("listed_failure").await, open_with_callers_time("listed_failure").await);
        let lease = store.lease("a/1".to_owned(), seconds(0), Duration::from_secs(60)).await.unwrap().unwrap();
        let (resume, writing) = extending(&store, lease.fence()).await;
        resume.send(false).unwrap();
        assert!(!writing.await.unwrap());

        let listed = other.leases("a/".to_owned(), seconds(61)).await.unwrap();

        assert!(listed.is_empty());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_that_ends_after_its_check_is_not_extended() {
    let test = async {
        let store = create("ended_after_check").await;
        let seconds_left = || -> f64 {
            let table = format!("{}.lease", schema("ended_after_check"));
            let sql = format!("SELECT expires_at / 1000000.0 - extract(epoch FROM clock_timestamp()) FROM {table}");
            Server::shared().psql(&sql).parse().unwrap()
        };
        // A lease of one second. The write begins when half of it is left, so that the write has to extend it, and the decision waits until the lease has
        // ended. On a slow machine, the lease may end before the check, which refuses the write: then this is tried again.
        loop {
            let lease = take(&store, "sync", Duration::from_secs(1)).await;
            let waits = write("org_1", Keys::default(), move |_| {
                block_in_place(|| {
                    while seconds_left() > 0.0 {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                });
                with_user(user("org_1", "diruser_1"))
            });
            while seconds_left() > 0.5 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if store.write(Write { fence: Some(lease.fence().clone()), ..waits }).await.is_ok() {
                break;
            }
        }

        assert!(seconds_left() <= 0.0, "it was extended");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_is_dropped_while_the_server_gives_it_a_lease_releases_the_lease() {
    let test = async {
        let store = Arc::new(create("dropped_lease").await);
        let mut blocker = connect(&Server::shared().url).await;
        let blocking = blocker.transaction().await.unwrap();
        let lock = format!("LOCK TABLE {}.lease IN EXCLUSIVE MODE", schema("dropped_lease"));
        blocking.batch_execute(&lock).await.unwrap();
        let taker = Arc::clone(&store);
        let taking = tokio::spawn(async move {
            let lease = taker.lease("sync".to_owned(), SystemClock.now(), HOUR).await;
            drop(lease.unwrap());
        });
        // The store sends the statement and the commit together, so the server has received both.
        wait_for_lock_waits("dropped_lease", 1).await;
        taking.abort();
        assert!(taking.await.unwrap_err().is_cancelled());
        blocking.rollback().await.unwrap();

        let next = store.lease("sync".to_owned(), SystemClock.now(), HOUR).await.unwrap();

        assert_eq!(next.expect("the lease is free").fence().token, 2, "the dropped call had taken it");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_released_before_the_server_was_killed_is_free() {
    let test = async {
        // Without this setting, the server flushes on its own five times a second.
        let arguments = vec!["-c".to_owned(), "wal_writer_delay=10s".to_owned()];
        let server = Server::of_a_test(Start { arguments, ..Start::default() });
        let store = open(&server.url, "released").await.unwrap();
        drop(store.lease("sync".to_owned(), SystemClock.now(), HOUR).await.unwrap().unwrap());
        store.released().await.unwrap();

        server.kill();

        let next = store.lease("sync".to_owned(), SystemClock.now(), HOUR).await.unwrap();
        assert_eq!(next.expect("the lease is free").fence().token, 2);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Environment variable of the process that is stopped: the server's URL, a space, and the name that [`schema`] gets.
const STOPPED: &str = "HEADCOUNT_STOPPED_IN";

/// The process that is stopped, started by the tests below. Does nothing without the environment variable that they set. It takes a lease, prints `held`,
/// waits for a line of its standard input, and begins a write. The decision prints `deciding` and waits for another line. At last, the process prints
/// `written` or the error.
#[test]
fn stopped_process() {
    let Ok(url) = std::env::var(STOPPED) else { return };
    let (url, name) = url.split_once(' ').unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = PostgresOptions::default();
        options.schema = schema(name);
        // The server ends a transaction that is idle for half of this time.
        options.lock_timeout = Duration::from_secs(2);
        let store = PostgresStore::connect_with(url, options).await.unwrap();
        let lease = take(&store, "sync", Duration::from_secs(2)).await;
        report("held");
        wait_for_line();
        let deciding = write("org_1", Keys::default(), |_| {
            report("deciding");
            block_in_place(wait_for_line);
            with_user(user("org_1", "diruser_of_the_stopped"))
        });
        match store.write(Write { fence: Some(lease.fence().clone()), ..deciding }).await {
            Ok(_) => report("written"),
            Err(error) => report(error.message()),
        }
    });
}

fn report(text: &str) {
    println!("stopped process: {text}");
}

fn wait_for_line() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// A running [`stopped_process`].
struct Stopped {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Stopped {
    fn start(name: &str) -> Stopped {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leases::stopped_process", "--nocapture"])
            .env(STOPPED, format!("{} {name}", Server::shared().url))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        Stopped { child, input, output }
    }

    /// Returns the next message that the process prints.
    fn next_message(&mut self) -> String {
        loop {
            let line = self.output.next().expect("the process has ended without a further message").unwrap();
            if let Some((_, text)) = line.split_once("stopped process: ") {
                return text.to_owned();
            }
        }
    }

    fn send_line(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stops a process for longer than its lease, and takes the lease meanwhile. Then continues the process, and returns what it prints about its write.
/// The process is stopped while its write is being decided if `in_a_transaction` is set, and otherwise before the write.
async fn stop_for_longer_than_its_lease(name: &'static str, in_a_transaction: bool) -> String {
    let store = create(name).await;
    let mut process = Stopped::start(name);
    assert_eq!(process.next_message(), "held");
    if in_a_transaction {
        process.send_line();
        assert_eq!(process.next_message(), "deciding");
    }
    process.signal("-STOP");
    let next = take(&store, "sync", HOUR).await;
    store.write(fenced(next.fence(), SystemClock.now(), "diruser_of_the_next")).await.unwrap();
    process.signal("-CONT");
    process.send_line();
    let message = process.next_message();
    assert_eq!(user_ids(&store).await, ["diruser_of_the_next"]);
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_for_longer_than_its_lease_changes_nothing() {
    let test = stop_for_longer_than_its_lease("stopped", false);
    let message = tokio::time::timeout(LIMIT, test).await.unwrap();
    assert!(message.contains("the lease was lost"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_inside_a_transaction_loses_its_locks_and_its_lease() {
    let test = stop_for_longer_than_its_lease("stopped_inside", true);
    let message = tokio::time::timeout(LIMIT, test).await.unwrap();
    assert!(message.contains("the lease was lost"), "{message}");
}

/// The executor has one thread, so that no release runs in the background while the test reads the table.
#[tokio::test(flavor = "current_thread")]
async fn a_sync_and_a_retirement_release_their_leases_before_they_return() {
    let test = async {
        drop(create("ended").await);
        let sandbox = headcount_sandbox::Sandbox::builder().users(3).groups(1).start().unwrap();
        let (organization, directory) = (sandbox.organization_id(), sandbox.directory_id());
        let client = sandbox.client().build().unwrap();
        let builder = headcount::Mirror::builder().client(client.clone()).schema(schema("ended"));
        let mirror = builder.open(&Server::shared().url).await.unwrap();
        let leases = |condition: &str| {
            Server::shared().psql(&format!("SELECT count(*) FROM {}.lease WHERE {condition}", schema("ended")))
        };

        mirror.sync(organization).await.unwrap();
        assert_eq!(leases("expires_at > 0"), "0");
        assert_eq!(leases("token = 1"), "1", "the sync had a lease");

        client.directories().disable(organization, directory).await.unwrap();
        let _ = mirror.sync(organization).await;
        let before = leases("token > 1");
        assert_eq!(mirror.retire(directory, "ops@example.com", "no longer used").await.unwrap(), 3);
        assert_eq!(leases("expires_at > 0"), "0");
        assert_eq!(leases("token > 1"), "1", "the retirement had a lease; before it: {before}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
