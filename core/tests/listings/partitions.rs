//! Consumers with partitions: how workers share and hand over the partitions, which acknowledgements take effect, and what the consumer's cursor is.
//!
//! In most tests, each worker has a mirror of its own on the same store, like workers in separate processes.

use crate::api::{FakeApi, USER_UPDATED, apply_event, full_sync, numbered_user};
use futures_util::{FutureExt, StreamExt};
use headcount::mirror::{Changes, Consumer, Worker};
use headcount::store::conformance::Flaky;
use headcount::store::{SqliteStore, Store};
use headcount::system::Clock;
use headcount::{Change, ChangeKind, Error, ErrorKind, ErrorStatus, Mirror, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(120);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const PARTITIONS: u32 = 8;

/// A database that several mirrors open, and the API that they read.
struct Place {
    api: FakeApi,
    name: &'static str,
    /// The file, or `None` for the schema `partitions_{name}` in PostgreSQL.
    file: Option<PathBuf>,
}

impl Place {
    /// A new database: a file, or with `HEADCOUNT_LISTINGS_IN=postgres` a schema.
    fn new(api: FakeApi, name: &'static str) -> Place {
        if std::env::var("HEADCOUNT_LISTINGS_IN").is_ok_and(|store| store == "postgres") {
            #[cfg(feature = "postgres")]
            crate::server::Server::shared().forget(&format!("partitions_{name}"));
            return Place { api, name, file: None };
        }
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("partitions").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Place { api, name, file: Some(folder.join("mirror.db")) }
    }

    /// A new database after a sync of `count` users, and a mirror in it.
    async fn with_users(count: usize, name: &'static str) -> (Place, Mirror) {
        let place = Place::new(FakeApi::with_users(count), name);
        let mirror = place.open().await;
        full_sync(&mirror).await.unwrap();
        (place, mirror)
    }

    async fn open(&self) -> Mirror {
        self.api.mirror_builder().open_in(self.store().await).await.unwrap()
    }

    /// Opens a mirror whose store calls `then` whenever it has listed leases.
    async fn open_with(&self, then: impl Fn() + Send + Sync + 'static) -> Mirror {
        let store = Flaky::after_listings(self.store().await, then);
        self.api.mirror_builder().open_in(Arc::new(store)).await.unwrap()
    }

    async fn store(&self) -> Arc<dyn Store> {
        match &self.file {
            Some(file) => open_store(file.to_str().unwrap()).await,
            #[cfg(feature = "postgres")]
            None => open_store(&format!("{} partitions_{}", crate::server::Server::shared().url, self.name)).await,
            #[cfg(not(feature = "postgres"))]
            None => unreachable!("{} is in PostgreSQL", self.name),
        }
    }

    /// A worker with a mirror of its own. Its `next` does not wait.
    async fn worker(&self) -> Worker {
        worker_of(&self.open().await)
    }

    /// Moves the clock of all mirrors forward.
    fn pass(&self, span: Duration) {
        self.api.with(|state| state.now += span);
    }
}

/// Opens a store. `place` is the path of a file, or the URL of a PostgreSQL server, a space and the schema's name.
async fn open_store(place: &str) -> Arc<dyn Store> {
    #[cfg(feature = "postgres")]
    if let Some((url, schema)) = place.split_once(" partitions_") {
        let mut options = headcount::store::PostgresOptions::default().with_callers_time();
        options.schema = format!("partitions_{schema}");
        return Arc::new(headcount::store::PostgresStore::connect_with(url, options).await.unwrap());
    }
    Arc::new(SqliteStore::open_off_executor(place).await.unwrap())
}

/// A worker of the consumer `app`. Its `next` does not wait.
fn worker_of(mirror: &Mirror) -> Worker {
    mirror.consumer("app").partitions(PARTITIONS).timeout(Duration::ZERO).start().unwrap()
}

/// Returns the changes that the worker returns without waiting. Acknowledges none.
async fn take(worker: &Worker) -> Vec<Change> {
    let mut changes = Vec::new();
    while let Some(change) = worker.next().await.unwrap() {
        changes.push(change);
    }
    changes
}

/// As [`take`], and acknowledges each change.
async fn handle(worker: &Worker) -> Vec<Change> {
    let changes = take(worker).await;
    for change in &changes {
        worker.ack(change.seq).await.unwrap();
    }
    changes
}

/// Calls `next` of one worker after another until they share the partitions evenly. Fails if one of them returns a change.
async fn rebalance(workers: &[&Worker]) {
    loop {
        for worker in workers {
            assert!(worker.next().await.unwrap().is_none(), "a change is left");
        }
        let counts: Vec<usize> = workers.iter().map(|worker| worker.partitions().len()).collect();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        if counts.iter().sum::<usize>() == PARTITIONS as usize && most - least <= 1 {
            return;
        }
    }
}

/// The first consumer in the order of their names, which is `app`.
async fn consumer(mirror: &Mirror) -> Consumer {
    mirror.consumers().await.unwrap().remove(0)
}

fn seqs(changes: &[Change]) -> Vec<i64> {
    changes.iter().map(|change| change.seq).collect()
}

fn user_ids(changes: &[Change]) -> BTreeSet<String> {
    changes.iter().filter_map(|change| change.user.as_ref()).map(|user| user.id.clone()).collect()
}

/// Renames the first `count` users by events at the clock's time, and moves the clock forward by a second.
async fn rename(mirror: &Mirror, place: &Place, count: usize, round: usize) {
    let now = place.api.with(|state| state.now);
    for number in 0..count {
        let id = numbered_user(number);
        let data = json!({ "id": id, "email": format!("{number}@example.com"), "given_name": format!("Name {round}") });
        apply_event(mirror, &format!("evt_{round}_{number}"), USER_UPDATED, &now.to_string(), data).await;
    }
    place.pass(Duration::from_secs(1));
}

fn assert_lost(result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
    assert!(error.message().contains("the lease of partition"), "{error}");
    assert!(error.message().contains("was lost"), "{error}");
}

/// Runs a test, which fails if it takes longer than [`LIMIT`].
async fn limited<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, test).await.unwrap()
}

// ---- sharing ----

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_gets_every_change_once_and_in_order() {
    limited(async {
        let (place, mirror) = Place::with_users(30, "one_worker").await;
        let worker = place.worker().await;

        let changes = handle(&worker).await;

        assert_eq!(seqs(&changes), seqs(&mirror.poll("other", 100).await.unwrap()));
        assert_eq!(worker.partitions(), (0..PARTITIONS).collect::<Vec<_>>());
        assert!(worker.next().await.unwrap().is_none());
        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_and_three_workers_share_the_partitions_evenly_as_they_join_and_close() {
    limited(async {
        let (place, mirror) = Place::with_users(60, "sharing").await;
        let one = place.worker().await;
        assert_eq!(handle(&one).await.len(), 61);

        let two = place.worker().await;
        rebalance(&[&one, &two]).await;
        assert_eq!([one.partitions().len(), two.partitions().len()], [4, 4]);
        let three = place.worker().await;
        rebalance(&[&one, &two, &three]).await;

        rename(&mirror, &place, 60, 1).await;
        let (of_one, of_two, of_three) = (handle(&one).await, handle(&two).await, handle(&three).await);
        let ids = [user_ids(&of_one), user_ids(&of_two), user_ids(&of_three)];
        assert!(ids.iter().all(|ids| !ids.is_empty()), "each worker got users");
        assert_eq!(ids.iter().map(BTreeSet::len).sum::<usize>(), 60, "each user went to one worker");
        assert_eq!(of_one.len() + of_two.len() + of_three.len(), 60);

        two.close().await.unwrap();
        rebalance(&[&one, &three]).await;
        assert!(two.partitions().is_empty());
        assert!(two.next().await.unwrap().is_none(), "a closed worker does not join again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_of_one_mirror_share_the_partitions() {
    limited(async {
        let (_place, mirror) = Place::with_users(20, "one_mirror").await;
        let (one, two) = (worker_of(&mirror), worker_of(&mirror));
        handle(&one).await;
        rebalance(&[&one, &two]).await;
        assert_eq!([one.partitions().len(), two.partitions().len()], [4, 4]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_beyond_the_number_of_partitions_waits_until_one_is_free() {
    limited(async {
        let (place, mirror) = Place::with_users(3, "standby").await;
        let start = |mirror: &Mirror| mirror.consumer("app").partitions(1).timeout(Duration::ZERO).start().unwrap();
        let (one, two) = (start(&mirror), start(&place.open().await));
        let first = one.next().await.unwrap().unwrap();
        assert!(take(&two).await.is_empty());
        assert!(two.partitions().is_empty());

        one.ack(first.seq).await.unwrap();
        one.close().await.unwrap();

        assert_eq!(handle(&two).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_handed_over_only_after_the_changes_that_were_returned_are_acknowledged() {
    limited(async {
        let (place, _mirror) = Place::with_users(40, "handed_over").await;
        let (one, two) = (place.worker().await, place.worker().await);
        let returned = take(&one).await;
        assert!(take(&two).await.is_empty());
        // This worker reads that the other has joined.
        assert!(take(&one).await.is_empty());
        assert!(take(&two).await.is_empty());
        assert_eq!(one.partitions().len(), PARTITIONS as usize, "none of its changes is acknowledged");

        for change in &returned {
            one.ack(change.seq).await.unwrap();
        }
        rebalance(&[&one, &two]).await;

        assert_eq!(two.partitions().len(), 4);
        assert!(take(&two).await.is_empty(), "all changes were acknowledged");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_were_read_and_not_returned_go_to_the_worker_that_takes_the_partition() {
    limited(async {
        let (place, mirror) = Place::with_users(40, "not_returned").await;
        let (one, two) = (place.worker().await, place.worker().await);
        let first = one.next().await.unwrap().unwrap();
        one.ack(first.seq).await.unwrap();
        assert!(two.next().await.unwrap().is_none());
        let mut all = vec![first];
        while all.len() < 41 {
            for worker in [&one, &two] {
                if let Some(change) = worker.next().await.unwrap() {
                    worker.ack(change.seq).await.unwrap();
                    all.push(change);
                }
            }
        }

        let numbers: BTreeSet<i64> = all.iter().map(|change| change.seq).collect();
        assert_eq!(numbers.len(), 41, "each change was returned once");
        assert!(take(&one).await.is_empty());
        assert!(take(&two).await.is_empty());
        rebalance(&[&one, &two]).await;
        one.close().await.unwrap();
        two.close().await.unwrap();
        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

// ---- workers that end or stop ----

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_worker_releases_its_partitions_at_once_and_its_changes_are_returned_again() {
    limited(async {
        let (place, _mirror) = Place::with_users(20, "closed").await;
        let (one, two) = (place.worker().await, place.worker().await);
        let returned = take(&one).await;
        let last = returned.last().unwrap();
        one.close().await.unwrap();
        one.close().await.unwrap();

        assert_eq!(seqs(&handle(&two).await), seqs(&returned));
        assert_lost(one.ack(last.seq).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_worker_releases_its_partitions() {
    limited(async {
        let (place, mirror) = Place::with_users(20, "dropped").await;
        let one = worker_of(&mirror);
        let two = place.worker().await;
        let returned = take(&one).await;
        let clone = one.clone();
        drop(one);
        assert!(take(&two).await.is_empty(), "a clone has the partitions");
        drop(clone);

        let mut again = Vec::new();
        while again.len() < returned.len() {
            again.extend(handle(&two).await);
        }
        assert_eq!(seqs(&again), seqs(&returned));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_workers_take_over_the_partitions_of_a_worker_whose_lease_expired() {
    limited(async {
        let (place, mirror) = Place::with_users(30, "expired").await;
        let (stopped, other) = (place.worker().await, place.worker().await);
        handle(&stopped).await;
        rebalance(&[&stopped, &other]).await;
        rename(&mirror, &place, 30, 1).await;
        let of_stopped = take(&stopped).await;
        let (first, last) = (of_stopped.first().unwrap(), of_stopped.last().unwrap());
        stopped.ack(first.seq).await.unwrap();

        place.pass(MINUTE * 2 / 3);
        let of_other = handle(&other).await;
        assert_eq!(of_other.len() + of_stopped.len(), 30);
        place.pass(MINUTE / 3);
        let taken_over = handle(&other).await;

        assert!(!seqs(&taken_over).contains(&first.seq), "it was acknowledged");
        assert_eq!(taken_over.len(), of_stopped.len() - 1, "all others are returned again");
        assert_lost(stopped.ack(last.seq).await);
        assert!(stopped.partitions().is_empty());
        rebalance(&[&stopped, &other]).await;
        assert_lost(stopped.ack(last.seq).await);
        other.close().await.unwrap();
        stopped.close().await.unwrap();
        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_after_the_lease_expired_is_refused_even_if_no_other_worker_took_over() {
    limited(async {
        let (place, mirror) = Place::with_users(10, "late_ack").await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        place.pass(MINUTE);

        assert_lost(worker.ack(returned[3].seq).await);

        assert_eq!(consumer(&mirror).await.cursor, 0);
        assert!(worker.partitions().is_empty());
        assert_eq!(seqs(&handle(&worker).await), seqs(&returned), "the worker joins again and gets them again");
        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_used_keeps_its_lease() {
    limited(async {
        let (place, _mirror) = Place::with_users(30, "kept").await;
        let worker = place.worker().await;
        for expected in 1..=31 {
            let change = worker.next().await.unwrap().unwrap();
            place.pass(MINUTE * 2 / 5);
            worker.ack(change.seq).await.unwrap();
            assert_eq!(change.seq, expected, "no change is returned again");
        }
    })
    .await;
}

/// A clock that counts how often it is read.
struct CountedClock {
    api: FakeApi,
    reads: Arc<AtomicU64>,
}

impl Clock for CountedClock {
    fn now(&self) -> Timestamp {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.api.now()
    }
}

/// No method of the worker is called while the clock is moved, so only the task that the worker has started can renew the lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_in_the_background_while_a_change_is_handled() {
    const HALF: Duration = Duration::from_millis(600);
    limited(async {
        let (place, _mirror) = Place::with_users(10, "background").await;
        let store = place.store().await;
        let reads = Arc::new(AtomicU64::new(0));
        let clock = CountedClock { api: place.api.clone(), reads: Arc::clone(&reads) };
        let mirror =
            Mirror::builder().source(place.api.clone()).clock(clock).open_in(place.store().await).await.unwrap();
        let worker = mirror.consumer("app").lease(Duration::from_secs(1)).start().unwrap();
        let change = worker.next().await.unwrap().unwrap();
        for _ in 0..3 {
            place.pass(HALF);
            let later = place.api.with(|state| state.now) + HALF;
            // A lease that is not renewed has ended by then.
            while store.leases("consumer/app/".to_owned(), later).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            // After the write, the task reads the clock for the time of the renewal. Moved before that, the clock would have it wait for longer than the lease lasts. The second
            // read is that of the next attempt.
            let seen = reads.load(Ordering::SeqCst);
            while reads.load(Ordering::SeqCst) < seen + 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }

        worker.ack(change.seq).await.unwrap();
    })
    .await;
}

/// The clock is moved between the look at the leases and the write that follows, as if the process had been stopped there for two hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_stopped_after_it_had_listed_the_leases_does_not_go_on_with_its_partitions() {
    limited(async {
        let (place, _mirror) = Place::with_users(10, "stopped_look").await;
        let (api, stops) = (place.api.clone(), Arc::new(AtomicBool::new(false)));
        let stopping = Arc::clone(&stops);
        let mirror = place
            .open_with(move || {
                if stopping.swap(false, Ordering::Relaxed) {
                    api.with(|state| state.now += MINUTE * 120);
                }
            })
            .await;
        let worker = worker_of(&mirror);
        let returned = take(&worker).await;
        stops.store(true, Ordering::Relaxed);

        let again = worker.next().await.unwrap().unwrap();

        assert_eq!(again.seq, returned[0].seq, "the worker has joined again");
        assert_lost(worker.ack(returned[5].seq).await);
    })
    .await;
}

// ---- processes ----

/// Environment variables of the process: the place of its store, as [`open_store`] takes it, and the time of its clock.
const PLACE: &str = "HEADCOUNT_WORKER_IN";
const TIME: &str = "HEADCOUNT_WORKER_TIME";

/// A process with a worker, started by the tests below. Does nothing without the environment variables that they set. Its standard input has one of
/// these commands in each line: `partitions`, which prints how many the worker holds; `next`, which prints the number of a change, or `none`; and `ack`
/// with a number, which prints `acknowledged` or the error.
#[test]
fn worker_process() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let api = FakeApi::default();
    api.with(|state| state.now = std::env::var(TIME).unwrap().parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let worker = worker_of(&api.mirror_builder().open_in(open_store(&place).await).await.unwrap());
        for line in std::io::stdin().lines() {
            let line = line.unwrap();
            let answer = match line.split_once(' ') {
                None if line == "partitions" => worker.partitions().len().to_string(),
                None => worker.next().await.unwrap().map_or_else(|| "none".to_owned(), |change| change.seq.to_string()),
                Some((_, seq)) => match worker.ack(seq.parse().unwrap()).await {
                    Ok(()) => "acknowledged".to_owned(),
                    Err(error) => error.message().to_owned(),
                },
            };
            println!("worker process: {answer}");
        }
    });
}

/// A running [`worker_process`].
struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(place: &Place) -> Process {
        let store = match &place.file {
            Some(file) => file.to_str().unwrap().to_owned(),
            #[cfg(feature = "postgres")]
            None => format!("{} partitions_{}", crate::server::Server::shared().url, place.name),
            #[cfg(not(feature = "postgres"))]
            None => unreachable!("{} is in PostgreSQL", place.name),
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "partitions::worker_process", "--nocapture"])
            .env(PLACE, store)
            .env(TIME, place.api.with(|state| state.now).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        Process { child, input, output }
    }

    /// Sends a command, and returns the answer.
    fn ask(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        loop {
            let Some(line) = self.output.next() else { panic!("the process has ended without an answer") };
            if let Some((_, answer)) = line.unwrap().split_once("worker process: ") {
                return answer.to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Makes the worker return all changes, and acknowledges them. Returns their numbers.
    fn handle(&mut self) -> Vec<i64> {
        let mut numbers = Vec::new();
        while let Ok(seq) = self.ask("next").parse() {
            assert_eq!(self.ask(&format!("ack {seq}")), "acknowledged");
            numbers.push(seq);
        }
        numbers
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workers_of_three_processes_share_the_changes() {
    limited(async {
        let (place, mirror) = Place::with_users(60, "processes").await;
        let mut processes = [Process::start(&place), Process::start(&place)];
        let worker = worker_of(&mirror);
        assert_eq!(handle(&worker).await.len(), 61);
        loop {
            let mut counts: Vec<usize> = processes
                .iter_mut()
                .map(|process| {
                    assert_eq!(process.ask("next"), "none");
                    process.ask("partitions").parse().unwrap()
                })
                .collect();
            assert!(worker.next().await.unwrap().is_none());
            counts.push(worker.partitions().len());
            counts.sort_unstable();
            if counts == [2, 3, 3] {
                break;
            }
        }
        rename(&mirror, &place, 60, 1).await;

        let mut numbers = seqs(&handle(&worker).await);
        for process in &mut processes {
            let of_process = process.handle();
            assert!(!of_process.is_empty());
            numbers.extend(of_process);
        }

        numbers.sort_unstable();
        assert_eq!(numbers, (62..=121).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_changes_of_a_process_that_is_killed_are_returned_to_another() {
    limited(async {
        let (place, mirror) = Place::with_users(20, "killed").await;
        let mut process = Process::start(&place);
        let first: i64 = process.ask("next").parse().unwrap();
        let second: i64 = process.ask("next").parse().unwrap();
        assert_eq!(process.ask(&format!("ack {first}")), "acknowledged");
        let worker = worker_of(&mirror);
        assert!(worker.next().await.unwrap().is_none(), "the process has all partitions");

        process.child.kill().unwrap();
        process.child.wait().unwrap();
        if place.file.is_none() {
            assert!(worker.next().await.unwrap().is_none(), "the lease has not expired");
            place.pass(MINUTE * 2 / 3);
            assert!(worker.next().await.unwrap().is_none());
            place.pass(MINUTE / 3);
        }

        // In SQLite, the lease has ended with the process.
        let changes = seqs(&handle(&worker).await);
        assert_eq!(changes, (second..=21).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_for_longer_than_its_lease_acknowledges_nothing() {
    limited(async {
        let (place, mirror) = Place::with_users(20, "stopped").await;
        let mut process = Process::start(&place);
        let first: i64 = process.ask("next").parse().unwrap();
        process.signal("-STOP");
        place.pass(MINUTE);

        let worker = worker_of(&mirror);
        let taken_over = take(&worker).await;
        process.signal("-CONT");
        let answer = process.ask(&format!("ack {first}"));

        assert_eq!(taken_over[0].seq, first);
        assert!(answer.contains("the lease of partition"), "{answer}");
        assert!(answer.contains("was lost"), "{answer}");
        assert_eq!(consumer(&mirror).await.cursor, 0);
        worker.ack(first).await.unwrap();
    })
    .await;
}

// ---- acknowledgements and positions ----

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_includes_the_earlier_changes_of_its_partition_only() {
    limited(async {
        let (place, mirror) = Place::with_users(20, "cumulative").await;
        rename(&mirror, &place, 20, 1).await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        let last = returned.last().unwrap();
        worker.ack(last.seq).await.unwrap();
        worker.ack(last.seq).await.unwrap();
        worker.close().await.unwrap();

        let again = take(&place.worker().await).await;

        let id = |change: &Change| change.user.as_ref().map(|user| user.id.clone());
        assert!(again.iter().all(|change| id(change) != id(last)), "both changes of the user are acknowledged");
        let acknowledged = returned.len() - again.len();
        assert!((2..=returned.len() / 2).contains(&acknowledged), "{acknowledged} of {}", returned.len());
        assert_eq!(consumer(&mirror).await.cursor, 0, "the lowest cursor is that of another partition");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_returned_changes_can_be_acknowledged_at_once() {
    limited(async {
        let (place, mirror) = Place::with_users(20, "ack_all").await;
        let worker = place.worker().await;
        worker.ack_all().await.unwrap();
        let mut returned = vec![worker.next().await.unwrap().unwrap(), worker.next().await.unwrap().unwrap()];
        worker.ack_all().await.unwrap();
        worker.close().await.unwrap();

        let worker = place.worker().await;
        returned.extend(take(&worker).await);
        worker.ack_all().await.unwrap();
        worker.ack_all().await.unwrap();

        assert_eq!(seqs(&returned), (1..=21).collect::<Vec<_>>(), "each was returned once");
        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_of_all_returned_changes_reports_that_some_were_lost() {
    limited(async {
        let (place, mirror) = Place::with_users(10, "ack_all_lost").await;
        let (worker, other) = (place.worker().await, place.worker().await);
        let returned = take(&worker).await;
        place.pass(MINUTE);

        assert_lost(worker.ack_all().await);
        assert_eq!(consumer(&mirror).await.cursor, 0);
        assert_lost(worker.ack_all().await);
        worker.ack_all().await.unwrap();

        assert_eq!(seqs(&handle(&other).await), seqs(&returned));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_greater_than_all_that_the_worker_returned_cannot_be_acknowledged() {
    limited(async {
        let (place, _mirror) = Place::with_users(10, "unreturned").await;
        let worker = place.worker().await;
        let first = worker.next().await.unwrap().unwrap();

        let error = worker.ack(first.seq + 1).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        worker.ack(first.seq).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_without_changes_does_not_delay_the_cursor_of_the_consumer() {
    limited(async {
        // One user: all other partitions have no change, except for that of the directory.
        let (place, mirror) = Place::with_users(1, "idle_partitions").await;
        let worker = place.worker().await;
        for round in 1..4 {
            rename(&mirror, &place, 1, round).await;
            handle(&worker).await;
            let consumer = consumer(&mirror).await;
            assert_eq!(consumer.lag, 0, "round {round}");
        }
        place.pass(31 * DAY);
        rename(&mirror, &place, 1, 9).await;
        handle(&worker).await;
        mirror.trim().await.unwrap();
        let error = mirror.poll("new", 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HistoryTrimmed, "the old changes were trimmed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_changes_of_its_own_stores_that_it_has_read_those_of_others() {
    limited(async {
        let (place, mirror) = Place::with_users(1, "skipping").await;
        let (one, two) = (place.worker().await, place.worker().await);
        handle(&one).await;
        rebalance(&[&one, &two]).await;
        rename(&mirror, &place, 1, 1).await;
        handle(&one).await;
        handle(&two).await;

        place.pass(Duration::from_secs(6));
        assert!(one.next().await.unwrap().is_none());
        assert!(two.next().await.unwrap().is_none());

        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_are_not_acknowledged_in_one_partition_are_not_trimmed() {
    limited(async {
        let (place, mirror) = Place::with_users(20, "trimmed").await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        for change in &returned[..5] {
            worker.ack(change.seq).await.unwrap();
        }
        // Stores the cursors of partitions without changes, which have been read to the end.
        worker.close().await.unwrap();
        place.pass(31 * DAY);

        // Without a call of `next`, the consumer would expire.
        let worker = place.worker().await;
        assert_eq!(worker.next().await.unwrap().unwrap().seq, returned[5].seq);

        mirror.trim().await.unwrap();

        worker.close().await.unwrap();
        assert_eq!(seqs(&handle(&place.worker().await).await), seqs(&returned[5..]));
        assert_eq!(consumer(&mirror).await.lag, 0);
        assert_eq!(mirror.poll("new", 10).await.unwrap_err().kind(), ErrorKind::HistoryTrimmed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_first_change_was_trimmed_a_new_consumer_has_to_start_from_a_snapshot() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "history").await;
        place.pass(31 * DAY);
        mirror.trim().await.unwrap();
        let worker = place.worker().await;

        let error = worker.next().await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::HistoryTrimmed, "{error}");
        mirror.start_from_snapshot("app").await.unwrap();
        assert_eq!(handle(&worker).await.len(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_share_a_snapshot_and_the_changes_after_it() {
    limited(async {
        let (place, mirror) = Place::with_users(250, "snapshot").await;
        let (one, two) = (place.worker().await, place.worker().await);
        handle(&one).await;
        rebalance(&[&one, &two]).await;
        rename(&mirror, &place, 3, 1).await;
        let earlier = take(&one).await;
        mirror.start_from_snapshot("app").await.unwrap();
        rename(&mirror, &place, 3, 2).await;

        let (of_one, of_two) = (handle(&one).await, handle(&two).await);

        let created = |changes: &[Change]| {
            let created = changes.iter().filter(|change| change.cause == "snapshot");
            created.map(|change| change.user.as_ref().unwrap().id.clone()).collect::<BTreeSet<_>>()
        };
        assert_eq!(created(&of_one).len() + created(&of_two).len(), 250);
        assert!(created(&of_one).is_disjoint(&created(&of_two)));
        assert_eq!(of_one.len() + of_two.len(), 253);
        for change in earlier {
            one.ack(change.seq).await.unwrap();
        }
        one.close().await.unwrap();
        two.close().await.unwrap();
        let last = place.worker().await;
        assert!(take(&last).await.is_empty(), "all was acknowledged");
        assert_eq!(consumer(&mirror).await.lag, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_change_is_acknowledged_in_its_partition() {
    limited(async {
        let (place, mirror) = Place::with_users(10, "parked").await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        for change in &returned[..9] {
            worker.ack(change.seq).await.unwrap();
        }
        for change in &returned[9..] {
            worker.park(change, "no such account").await.unwrap();
        }
        worker.park(&returned[0], "late").await.unwrap();

        assert_eq!(consumer(&mirror).await.lag, 0);
        let parked = mirror.parked_changes("app").await.unwrap();
        assert_eq!(parked.len(), returned.len() - 8);
        assert_eq!(parked[0].change, returned[0]);
        assert_eq!(parked[1].reason, "no such account");
        assert_eq!(consumer(&mirror).await.parked, parked.len() as u64);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_lost_its_lease_parks_nothing() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "parked_late").await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        place.pass(MINUTE);

        assert_lost(worker.park(&returned[0], "no such account").await);

        assert!(mirror.parked_changes("app").await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_partition_that_another_worker_took_over_is_not_parked_although_it_was_acknowledged() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "parked_again").await;
        let (worker, other) = (place.worker().await, place.worker().await);
        let handled = handle(&worker).await;
        place.pass(MINUTE);
        assert!(handle(&other).await.is_empty());
        assert_eq!(other.partitions().len(), PARTITIONS as usize);

        assert_lost(worker.park(&handled[0], "no such account").await);

        assert!(mirror.parked_changes("app").await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_waits_for_an_acknowledgement_when_a_thousand_changes_are_not_acknowledged() {
    limited(async {
        let (place, _mirror) = Place::with_users(1_100, "in_flight").await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        assert_eq!(returned.len(), 1_000);

        assert!(worker.next().await.unwrap().is_none());
        worker.ack(returned[0].seq).await.unwrap();

        assert_eq!(worker.next().await.unwrap().unwrap().seq, returned[999].seq + 1);
    })
    .await;
}

// ---- settings ----

#[tokio::test]
async fn a_number_of_partitions_and_a_lease_out_of_range_are_refused() {
    let mirror = Mirror::builder().open(":memory:").await.unwrap();
    let refusals = [
        mirror.consumer("app").partitions(0).start(),
        mirror.consumer("app").partitions(257).start(),
        mirror.consumer("app").lease(Duration::from_millis(999)).start(),
        mirror.consumer("").start(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poll_ack_park_and_changes_refuse_a_consumer_with_partitions() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "one_cursor").await;
        let returned = mirror.poll("app", 3).await.unwrap();
        mirror.ack("app", returned[1].seq).await.unwrap();
        let worker = place.worker().await;
        assert_eq!(take(&worker).await[0].seq, returned[2].seq, "the partitions begin at the consumer's cursor");

        let changes = mirror.changes("app", Some(Duration::ZERO));
        let errors = [
            mirror.poll("app", 3).await.unwrap_err(),
            mirror.ack("app", returned[2].seq).await.unwrap_err(),
            mirror.park("app", returned[2].seq, "reason").await.unwrap_err(),
            changes.next().await.unwrap_err(),
            changes.park(&returned[2], "reason").await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.message().contains("has 8 partitions"), "{error}");
        }
        assert!(mirror.parked_changes("app").await.unwrap().is_empty());
        assert!(mirror.drop_consumer("app").await.unwrap());
        assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 6, "the name is free again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_partitions_changes_once_no_worker_holds_one() {
    limited(async {
        let (place, mirror) = Place::with_users(40, "changed").await;
        let start = |mirror: &Mirror, partitions| {
            mirror.consumer("app").partitions(partitions).timeout(Duration::ZERO).start().unwrap()
        };
        let old = start(&mirror, 4);
        let returned = take(&old).await;
        for change in &returned[..30] {
            old.ack(change.seq).await.unwrap();
        }
        let new = start(&place.open().await, 6);
        let error = new.next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().contains("has 4 partitions"), "{error}");
        assert!(take(&old).await.is_empty());
        assert_eq!(old.partitions().len(), 4, "the refused worker gets no share");

        old.close().await.unwrap();
        let again = handle(&new).await;

        let rest: BTreeSet<i64> = returned[30..].iter().map(|change| change.seq).collect();
        assert!(rest.is_subset(&seqs(&again).into_iter().collect()), "nothing is skipped");
        assert_eq!(new.partitions().len(), 6);
        let error = start(&mirror, 4).next().await.unwrap_err();
        assert!(error.message().contains("has 6 partitions"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_partitions_changes_after_the_leases_of_the_old_ones_expired() {
    limited(async {
        let (place, mirror) = Place::with_users(10, "changed_later").await;
        let start = |mirror: &Mirror, partitions| {
            mirror.consumer("app").partitions(partitions).timeout(Duration::ZERO).start().unwrap()
        };
        let (old, new) = (start(&mirror, 4), start(&place.open().await, 8));
        let returned = take(&old).await;
        assert_eq!(new.next().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
        place.pass(MINUTE);

        assert_eq!(handle(&new).await.len(), 11);
        assert_lost(old.ack(returned[5].seq).await);
        assert_eq!(old.next().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_dropped_starts_again_with_the_first_change() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "dropped_consumer").await;
        let worker = place.worker().await;
        let returned = take(&worker).await;
        assert!(mirror.drop_consumer("app").await.unwrap());

        let error = worker.ack(returned[0].seq).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");

        assert_eq!(seqs(&handle(&worker).await), seqs(&returned));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_workers_only_wait_does_not_expire() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "seen").await;
        let worker = place.worker().await;
        handle(&worker).await;
        for _ in 0..3 {
            place.pass(61 * MINUTE);
            assert!(worker.next().await.unwrap().is_none());
            assert_eq!(consumer(&mirror).await.seen_at, place.api.with(|state| state.now));
        }
    })
    .await;
}

// ---- waits ----

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_worker_returns_a_change_that_another_handle_appends() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "waiting").await;
        let worker = place.open().await.consumer("app").partitions(PARTITIONS).start().unwrap();
        for _ in 0..6 {
            let change = worker.next().await.unwrap().unwrap();
            worker.ack(change.seq).await.unwrap();
        }
        let (next, ()) = tokio::join!(worker.next(), rename(&mirror, &place, 1, 1));
        assert_eq!(next.unwrap().unwrap().kind, ChangeKind::UserUpdated);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_worker_or_the_mirror_ends_a_wait() {
    limited(async {
        // An empty feed: no call of `next` returns a change.
        let place = Place::new(FakeApi::default(), "ended");
        for closes_mirror in [false, true] {
            let mirror = place.open().await;
            let worker = mirror.consumer("app").partitions(PARTITIONS).start().unwrap();
            let waiting = tokio::spawn({
                let worker = worker.clone();
                async move { worker.next().await }
            });
            while worker.partitions().is_empty() {
                tokio::task::yield_now().await;
            }
            if closes_mirror {
                mirror.close().await.unwrap();
            } else {
                worker.close().await.unwrap();
            }
            assert!(waiting.await.unwrap().unwrap().is_none());
            assert!(worker.next().await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_of_next_loses_no_change() {
    limited(async {
        let (place, _mirror) = Place::with_users(20, "dropped_call").await;
        let worker = place.worker().await;
        let mut changes = Vec::new();
        while changes.len() < 21 {
            // The call is dropped after its first poll, unless that returned.
            if let Some(next) = worker.next().now_or_never() {
                changes.extend(next.unwrap());
            }
            tokio::task::yield_now().await;
            if let Some(change) = worker.next().await.unwrap() {
                changes.push(change);
            }
        }
        let numbers = seqs(&changes);
        assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_changes_of_a_worker_are_a_stream() {
    limited(async {
        let (place, _mirror) = Place::with_users(5, "stream").await;
        let worker = place.worker().await;
        let changes: Vec<_> = worker.stream().map(Result::unwrap).collect().await;
        assert_eq!(changes.len(), 6);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_wakes_a_waiting_worker_is_no_reason_to_list_the_leases() {
    const ROUNDS: usize = 60;
    limited(async {
        let (place, _mirror) = Place::with_users(1, "woken").await;
        let listings = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&listings);
        let mirror = place.open_with(move || _ = counting.fetch_add(1, Ordering::Relaxed)).await;
        let worker = mirror.consumer("app").partitions(PARTITIONS).start().unwrap();
        for _ in 0..2 {
            worker.next().await.unwrap().unwrap();
            worker.ack_all().await.unwrap();
        }
        let (before, started) = (listings.load(Ordering::Relaxed), tokio::time::Instant::now());
        for round in 0..ROUNDS {
            let (change, ()) = tokio::join!(worker.next(), rename(&mirror, &place, 1, round));
            worker.ack(change.unwrap().unwrap().seq).await.unwrap();
        }

        // The worker lists the leases every half second, and when its lease is due for renewal: at most twice in the 60 seconds by which `rename` moves the
        // clock.
        let most = started.elapsed().as_millis() / 500 + 4;
        let count = listings.load(Ordering::Relaxed) - before;
        assert!(u128::from(count) <= most, "{count} listings, at most {most} were expected");
    })
    .await;
}

// ---- `changes`: an exclusive consumer ----

fn assert_consumer_lost(result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
    assert!(error.message().contains("the lease of the consumer was lost"), "{error}");
}

/// An iterator that does not wait.
fn changes_of(mirror: &Mirror) -> Changes {
    mirror.changes("app", Some(Duration::ZERO))
}

/// Calls `next` until it returns a change. A lease that was dropped is released in the background.
async fn next_in_turn(changes: &Changes) -> Change {
    loop {
        if let Some(change) = changes.next().await.unwrap() {
            return change;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_mirror_waits_until_the_iterator_of_the_first_is_dropped() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "exclusive").await;
        let (one, two) = (changes_of(&mirror), changes_of(&place.open().await));
        let first = one.next().await.unwrap().unwrap();
        assert!(two.next().await.unwrap().is_none());
        one.ack(first.seq).await.unwrap();
        assert!(two.next().await.unwrap().is_none());

        drop(one);

        assert_eq!(next_in_turn(&two).await.seq, first.seq + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_iteration_that_has_ended_keeps_the_consumer_until_its_changes_are_acknowledged() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "ended_iteration").await;
        let (one, two) = (changes_of(&mirror), changes_of(&place.open().await));
        let mut returned = Vec::new();
        while let Some(change) = one.next().await.unwrap() {
            returned.push(change);
        }
        assert_eq!(returned.len(), 6);
        assert!(two.next().await.unwrap().is_none(), "none is acknowledged");

        for change in &returned {
            one.ack(change.seq).await.unwrap();
        }
        rename(&mirror, &place, 1, 1).await;

        assert_eq!(next_in_turn(&two).await.seq, 7);
        assert!(one.next().await.unwrap().is_none(), "the first iterator waits for its turn");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iterators_of_one_mirror_do_not_wait_for_each_other() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "one_handle").await;
        let (one, two) = (changes_of(&mirror), changes_of(&mirror.clone()));
        assert_eq!(one.next().await.unwrap().unwrap().seq, 1);
        assert_eq!(two.next().await.unwrap().unwrap().seq, 1);
        drop(one);
        assert!(changes_of(&place.open().await).next().await.unwrap().is_none(), "the other iterator has the consumer");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_iterator_whose_lease_expired_acknowledges_and_parks_nothing_and_waits_for_its_turn() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "stopped_iterator").await;
        let (stopped, other) = (changes_of(&mirror), changes_of(&place.open().await));
        let first = stopped.next().await.unwrap().unwrap();
        place.pass(MINUTE);
        assert_eq!(other.next().await.unwrap().unwrap().seq, first.seq);

        assert_consumer_lost(stopped.ack(first.seq).await);
        assert_consumer_lost(stopped.park(&first, "no such account").await);

        assert!(mirror.parked_changes("app").await.unwrap().is_empty());
        assert_eq!(consumer(&mirror).await.cursor, 0);
        assert!(stopped.next().await.unwrap().is_none());
        other.ack(first.seq).await.unwrap();
        drop(other);
        assert_eq!(next_in_turn(&stopped).await.seq, first.seq + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_iterator_whose_clock_does_not_show_that_its_lease_was_lost_acknowledges_and_parks_nothing() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "suspended_iterator").await;
        let (suspended, other) = (changes_of(&mirror), changes_of(&place.open().await));
        let first = suspended.next().await.unwrap().unwrap();
        let second = suspended.next().await.unwrap().unwrap();
        let before = place.api.with(|state| state.now);
        place.pass(MINUTE);
        assert_eq!(other.next().await.unwrap().unwrap().seq, first.seq);
        // As on a virtual machine that was suspended, and whose clock has not been set yet.
        place.api.with(|state| state.now = before);

        assert_consumer_lost(suspended.park(&second, "no such account").await);
        assert_consumer_lost(suspended.ack(first.seq).await);

        assert!(mirror.parked_changes("app").await.unwrap().is_empty());
        assert_eq!(consumer(&mirror).await.cursor, 0);
        other.ack(first.seq).await.unwrap();
        assert_eq!(consumer(&mirror).await.cursor, first.seq);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_iterator_that_lost_its_lease_starts_again_when_it_has_the_consumer_again() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "iterator_again").await;
        let (suspended, other) = (changes_of(&mirror), changes_of(&place.open().await));
        let first = suspended.next().await.unwrap().unwrap();
        let before = place.api.with(|state| state.now);
        place.pass(MINUTE);
        assert!(other.next().await.unwrap().is_some());
        place.api.with(|state| state.now = before);
        assert_consumer_lost(suspended.ack(first.seq).await);
        drop(other);

        assert_eq!(next_in_turn(&suspended).await.seq, first.seq);
        suspended.ack(first.seq).await.unwrap();

        assert_eq!(consumer(&mirror).await.cursor, first.seq);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_clock_does_not_show_that_its_lease_was_lost_acknowledges_and_parks_nothing() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "suspended_worker").await;
        let (suspended, other) = (worker_of(&mirror), place.worker().await);
        let returned = take(&suspended).await;
        let before = place.api.with(|state| state.now);
        place.pass(MINUTE);
        assert_eq!(seqs(&take(&other).await), seqs(&returned));
        place.api.with(|state| state.now = before);

        assert_lost(suspended.park(&returned[0], "no such account").await);
        assert_lost(suspended.ack(returned[0].seq).await);

        assert!(mirror.parked_changes("app").await.unwrap().is_empty());
        assert_eq!(consumer(&mirror).await.cursor, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_mirror_lets_the_next_one_iterate_although_the_iterator_exists() {
    limited(async {
        let (place, mirror) = Place::with_users(5, "closed_iterator").await;
        let (one, two) = (changes_of(&mirror), changes_of(&place.open().await));
        let first = one.next().await.unwrap().unwrap();
        mirror.close().await.unwrap();
        assert_eq!(next_in_turn(&two).await.seq, first.seq);
        drop(one);
    })
    .await;
}

// ---- random sequences ----

/// Workers join, handle changes, stop for longer than their leases, and are closed or dropped, while users change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_or_out_of_order_while_workers_join_and_end() {
    const USERS: usize = 12;
    limited(async {
        let (place, mirror) = Place::with_users(USERS, "coming_and_going").await;
        let mut random = 1_u64;
        let mut below = move |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        // The greatest number that was acknowledged, for each user. A change may be returned again, but not after a later one was acknowledged.
        let mut acknowledged = BTreeMap::<String, i64>::new();
        let mut handled = BTreeSet::new();
        // Each worker, with the changes that it has returned and for which `ack` was not called.
        let mut workers: Vec<(Worker, Vec<Change>)> = Vec::new();
        for round in 0..150 {
            match below(12) {
                0 | 1 if workers.len() < 4 => workers.push((worker_of(&place.open().await), Vec::new())),
                2 if workers.len() > 1 => drop(workers.remove(below(workers.len() as u64) as usize)),
                3 if workers.len() > 1 => {
                    let (worker, _) = workers.remove(below(workers.len() as u64) as usize);
                    worker.close().await.unwrap();
                }
                4 => place.pass(MINUTE * 2 / 3),
                5 | 6 => rename(&mirror, &place, USERS, round).await,
                _ => {}
            }
            for (worker, returned) in &mut workers {
                for _ in 0..below(6) {
                    let Some(change) = worker.next().await.unwrap() else { break };
                    if let Some(user) = &change.user {
                        let last = acknowledged.get(&user.id).copied().unwrap_or(0);
                        assert!(change.seq > last, "change {} of {} after {last}", change.seq, user.id);
                    }
                    returned.push(change);
                }
                if below(2) == 0 {
                    for change in returned.drain(..) {
                        if worker.ack(change.seq).await.is_ok() {
                            handled.insert(change.seq);
                            let id = change.user.map_or_else(String::new, |user| user.id);
                            let last = acknowledged.entry(id).or_default();
                            *last = change.seq.max(*last);
                        }
                    }
                }
            }
        }
        drop(workers);
        place.pass(MINUTE);
        let rest = handle(&place.worker().await).await;
        handled.extend(seqs(&rest));
        let all: BTreeSet<i64> = seqs(&mirror.poll("other", 10_000).await.unwrap()).into_iter().collect();
        assert_eq!(handled, all);
    })
    .await;
}
