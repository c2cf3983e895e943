//! Tests with a server that is killed, with calls that wait too long, with connections that are all in use, and with clocks that are wrong.
//!
//! `HEADCOUNT_KILLS` sets how often the server is killed at random moments, 50 if it is not set.

use super::*;
use futures_util::TryStreamExt;
use headcount::system::{Clock, OsRandom, Random, SystemClock};
use headcount::{ErrorStatus, Event, Mirror};
use headcount_sandbox::{NewUser, Sandbox};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

/// How long a test with many restarts of the server may take.
const LONG: Duration = Duration::from_secs(110);

/// The server that tests kill. It runs without `fsync`: the operating system keeps what a killed process has written to a file.
fn killed_server() -> &'static Server {
    static KILLED: LazyLock<Server> = LazyLock::new(|| Server::start(Start::default()));
    &KILLED
}

/// Locked by each test that uses [`killed_server`], so that no other test uses it at the same time.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The faults that kill the server.
const KILLS: [Fault; 3] = [Fault::KillBefore, Fault::KillDuring, Fault::KillAfter];

/// A sandbox, a proxy in front of the server that is killed, and a mirror in a schema of its own.
struct Fixture {
    sandbox: Sandbox,
    proxy: Proxy,
    mirror: Mirror,
}

impl Fixture {
    async fn new(name: &str) -> Fixture {
        let sandbox = Sandbox::builder().users(30).groups(3).start().unwrap();
        let proxy = Proxy::start(killed_server()).await;
        let store = Arc::new(open(&proxy.url, name).await.unwrap());
        let mirror = Mirror::builder().client(sandbox.client().build().unwrap()).open_in(store).await.unwrap();
        Fixture { sandbox, proxy, mirror }
    }

    /// Calls [`checked_users`] for this mirror.
    async fn users(&self) -> BTreeSet<String> {
        checked_users(&self.mirror, &self.sandbox).await
    }

    /// Calls `call` once for each fault and each commit of the call, with that fault at that commit. Calls it once more for each fault, without a fault, since
    /// the number of commits is not known. Returns how many faults there were.
    async fn with_each_fault(&self, mut call: impl AsyncFnMut()) -> usize {
        let mut count = 0;
        for fault in KILLS {
            for commit in 1.. {
                let before = self.proxy.happened();
                self.proxy.arm(fault, commit);
                call().await;
                if self.proxy.happened() == before {
                    // The call has fewer commits than this, so the fault did not happen.
                    break;
                }
                count += 1;
            }
        }
        count
    }
}

/// Checks that the feed has no gaps, that it creates each user once, and that its users are those of the mirror. Returns their ids.
pub(crate) async fn checked_users(mirror: &Mirror, sandbox: &Sandbox) -> BTreeSet<String> {
    let mut created = BTreeSet::new();
    let mut seq = 0;
    loop {
        let page = mirror.poll_after("check", Some(seq), 100).await.unwrap();
        if page.is_empty() {
            break;
        }
        for change in page {
            seq += 1;
            assert_eq!(change.seq, seq, "the feed has a gap");
            if change.kind == ChangeKind::UserCreated {
                let id = change.user.unwrap().id;
                assert!(created.insert(id.clone()), "{id} was created twice");
            }
        }
    }
    let mut stored = BTreeSet::new();
    let mut users = mirror.users(sandbox.organization_id());
    while let Some(user) = users.next().await.unwrap() {
        stored.insert(user.id);
    }
    assert_eq!(stored, created, "the feed and the mirror differ");
    stored
}

/// Makes an event that creates the user with the id that [`user_of_event`] returns for this number.
pub(crate) fn event(sandbox: &Sandbox, number: usize) -> Event {
    let body = serde_json::json!({
        "id": format!("evt_{number}"),
        "type": "organization.directory.user_created",
        "occurred_at": SystemClock.now().to_string(),
        "organization_id": sandbox.organization_id(),
        "data": { "id": user_of_event(number), "email": format!("{number}@example.com") },
    });
    Event::from_verified_body(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn user_of_event(number: usize) -> String {
    format!("diruser_of_event_{number}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_applied_once_if_the_server_is_killed_at_a_commit() {
    let test = async {
        let _alone = ONE_AT_A_TIME.lock().await;
        let fixture = Fixture::new("killed_receive").await;
        fixture.mirror.sync(fixture.sandbox.organization_id()).await.unwrap();
        let before = fixture.users().await;
        let applied = AtomicUsize::new(0);

        let kills = fixture
            .with_each_fault(async || {
                let number = applied.fetch_add(1, Ordering::SeqCst);
                fixture.mirror.apply(&event(&fixture.sandbox, number)).await.unwrap();
            })
            .await;

        assert!(kills >= 3, "the server was killed {kills} times");
        let users = fixture.users().await;
        for number in 0..applied.load(Ordering::SeqCst) {
            assert!(users.contains(&user_of_event(number)), "event {number} of {applied:?} is lost");
        }
        assert_eq!(users.len(), before.len() + applied.load(Ordering::SeqCst));
    };
    tokio::time::timeout(LONG, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_and_acknowledgements_succeed_and_are_kept_if_the_server_is_killed_at_a_commit() {
    let test = async {
        let _alone = ONE_AT_A_TIME.lock().await;
        let fixture = Fixture::new("killed_consumer").await;
        fixture.mirror.sync(fixture.sandbox.organization_id()).await.unwrap();

        // A poll of a new consumer, and the acknowledgement of its first change.
        let consumers = AtomicUsize::new(0);
        let kills = fixture
            .with_each_fault(async || {
                let name = format!("consumer_{}", consumers.fetch_add(1, Ordering::SeqCst));
                let polled = fixture.mirror.poll(&name, 2).await.unwrap();
                assert_eq!(polled.iter().map(|change| change.seq).collect::<Vec<_>>(), [1, 2]);
                fixture.mirror.ack(&name, 1).await.unwrap();
                let polled = fixture.mirror.poll(&name, 2).await.unwrap();
                assert_eq!(
                    polled.iter().map(|change| change.seq).collect::<Vec<_>>(),
                    [2, 3],
                    "the acknowledgement is lost"
                );
            })
            .await;

        assert!(kills >= 6, "the server was killed {kills} times");
    };
    tokio::time::timeout(LONG, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_completes_if_the_server_is_killed_at_a_commit() {
    let test = async {
        let _alone = ONE_AT_A_TIME.lock().await;
        for (number, commit) in [1, 3, 6, 9, 12, 15].into_iter().enumerate() {
            let fault = KILLS[number % KILLS.len()];
            let fixture = Fixture::new(&format!("killed_sync_{number}")).await;
            fixture.proxy.arm(fault, commit);
            let report = fixture.mirror.sync(fixture.sandbox.organization_id()).await.unwrap();
            assert_eq!(fixture.proxy.happened(), 1, "a sync has at least {commit} commits");
            assert!(report.iter().all(|report| report.error.is_none()), "{report:?}");
            assert_eq!(fixture.users().await.len(), 30);
        }
    };
    tokio::time::timeout(LONG, test).await.unwrap();
}

/// Repeats a call in a task until `ended` is set, and counts in `completed` how often.
fn repeat<F: Future<Output = ()> + Send>(
    ended: &Arc<AtomicBool>,
    completed: &Arc<AtomicUsize>,
    mut call: impl FnMut() -> F + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    let (ended, completed) = (Arc::clone(ended), Arc::clone(completed));
    tokio::spawn(async move {
        while !ended.load(Ordering::SeqCst) {
            call().await;
            completed.fetch_add(1, Ordering::SeqCst);
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_succeed_while_the_server_is_killed_at_random_moments() {
    let kills = number_of("HEADCOUNT_KILLS").unwrap_or(50);
    let test = async {
        let _alone = ONE_AT_A_TIME.lock().await;
        let sandbox = Arc::new(Sandbox::builder().users(30).groups(3).start().unwrap());
        let store = Arc::new(open(&killed_server().url, "killed_at_random").await.unwrap());
        let mirror = Mirror::builder().client(sandbox.client().build().unwrap()).open_in(store).await.unwrap();
        mirror.sync(sandbox.organization_id()).await.unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let completed: [Arc<AtomicUsize>; 3] = Default::default();
        let [events, acknowledgements, syncs] = &completed;
        let receiving = repeat(&ended, events, {
            let (mirror, sandbox, next) = (mirror.clone(), Arc::clone(&sandbox), Arc::new(AtomicUsize::new(0)));
            move || {
                let (mirror, event) = (mirror.clone(), event(&sandbox, next.fetch_add(1, Ordering::SeqCst)));
                async move {
                    mirror.apply(&event).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
        let position = Arc::new(AtomicUsize::new(0));
        let consuming = repeat(&ended, acknowledgements, {
            let (mirror, position) = (mirror.clone(), Arc::clone(&position));
            move || {
                let (mirror, position) = (mirror.clone(), Arc::clone(&position));
                async move {
                    let changes = mirror.wait("consumer", 5, Some(Duration::from_secs(30))).await.unwrap();
                    for change in changes {
                        let expected = position.fetch_add(1, Ordering::SeqCst) as i64 + 1;
                        assert_eq!(change.seq, expected, "an acknowledgement is lost, or a change is missing");
                    }
                    mirror.ack("consumer", position.load(Ordering::SeqCst) as i64).await.unwrap();
                }
            }
        });
        let syncing = repeat(&ended, syncs, {
            let (mirror, sandbox) = (mirror.clone(), Arc::clone(&sandbox));
            move || {
                let (mirror, organization_id) = (mirror.clone(), sandbox.organization_id().to_owned());
                async move {
                    let reports = mirror.sync(&organization_id).await.unwrap();
                    assert!(reports.iter().all(|report| report.error.is_none()), "{reports:?}");
                }
            }
        });

        for _ in 0..kills {
            tokio::time::sleep(Duration::from_millis(OsRandom.bits() % 100)).await;
            killed_server().kill();
            // The answer to one call of each kind may have been sent before. The second one is from the server that was started after the kill.
            let before = completed.each_ref().map(|count| count.load(Ordering::SeqCst));
            while completed.iter().zip(before).any(|(count, before)| count.load(Ordering::SeqCst) < before + 2) {
                let failed = [&receiving, &consuming, &syncing].iter().any(|task| task.is_finished());
                assert!(!failed, "a call has failed");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        ended.store(true, Ordering::SeqCst);
        for task in [receiving, consuming, syncing] {
            task.await.unwrap();
        }

        let users = checked_users(&mirror, &sandbox).await;
        assert_eq!(users.len(), 30 + events.load(Ordering::SeqCst), "an event is lost");
    };
    tokio::time::timeout(LONG + Duration::from_secs(2 * kills), test).await.unwrap();
}

/// A clock that differs from the system's by this many seconds.
struct WrongClock(i64);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        let difference = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { SystemClock.now() - difference } else { SystemClock.now() + difference }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_whose_clocks_are_two_hours_apart_have_the_users_of_the_directory() {
    let test = async {
        let sandbox = Sandbox::builder().users(20).groups(3).start().unwrap();
        let (organization, directory) = (sandbox.organization_id(), sandbox.directory_id());
        // No server listens there. The sandbox records what it would deliver.
        sandbox.register_endpoint("http://127.0.0.1:9/").unwrap();
        let client = sandbox.client().build().unwrap();
        let open = async |clock: WrongClock| {
            let store = Arc::new(open(&Server::shared().url, "wrong_clocks").await.unwrap());
            Mirror::builder().client(client.clone()).clock(clock).open_in(store).await.unwrap()
        };
        drop(create("wrong_clocks").await);
        let (slow, fast) = (open(WrongClock(-3_600)).await, open(WrongClock(3_600)).await);
        slow.sync(organization).await.unwrap();
        fast.sync(organization).await.unwrap();
        assert_eq!(checked_users(&slow, &sandbox).await.len(), 20, "no user is created twice or removed");

        let new_user = || sandbox.create_user(NewUser { email: "a@example.com".to_owned(), ..NewUser::default() });
        let deleted = new_user().unwrap().id;
        let kept = new_user().unwrap().id;
        sandbox.delete_user(&deleted).unwrap();
        for (number, delivery) in sandbox.deliveries().iter().enumerate() {
            let mirror = if number % 2 == 0 { &fast } else { &slow };
            mirror.apply(&Event::from_verified_body(delivery.body.as_bytes()).unwrap()).await.unwrap();
        }
        fast.sync(organization).await.unwrap();
        slow.sync(organization).await.unwrap();

        let listed: Vec<_> = client.directories().users(organization, directory).stream().try_collect().await.unwrap();
        let listed: BTreeSet<String> = listed.into_iter().map(|user| user.id).collect();
        let mut stored = BTreeSet::new();
        let mut users = fast.users(organization);
        while let Some(user) = users.next().await.unwrap() {
            stored.insert(user.id);
        }
        assert_eq!(stored, listed);
        assert!(stored.contains(&kept) && !stored.contains(&deleted));
        let seqs: Vec<i64> = slow.poll("app", 1_000).await.unwrap().iter().map(|change| change.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_is_not_given_again_after_the_server_was_killed() {
    let test = async {
        // Without this setting, the server flushes by itself five times a second.
        let arguments = vec!["-c".to_owned(), "wal_writer_delay=10s".to_owned()];
        let server = Server::of_a_test(Start { arguments, ..Start::default() });
        let store = open(&server.url, "killed_marks").await.unwrap();
        let last = revision(&store, "org_1").await;

        server.kill();

        let next = revision(&store, "org_1").await;
        assert!(next > last, "{next} after {last}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[test]
fn a_text_that_is_split_between_two_reads_is_found_once() {
    let mut search = Search::default();
    assert!(search.ends(b"; COMMIT", b"SET LOCAL synchronous_commit = on; COM").is_empty());
    assert_eq!(search.ends(b"; COMMIT", b"MIT"), [3]);
    assert!(search.ends(b"; COMMIT", b"MIT; COM").is_empty());
    assert_eq!(search.ends(b"; COMMIT", b"MIT; COMMIT; COM"), [3, 11]);
    assert!(search.ends(b"; COMMIT", b"MET").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timeouts_that_are_too_long_for_the_server_are_accepted() {
    let test = async {
        let mut options = options("longest");
        options.lock_timeout = Duration::MAX;
        options.statement_timeout = Duration::MAX;
        Server::shared().forget(&options.schema);
        let store = PostgresStore::connect_with(&Server::shared().url, options).await.unwrap();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_is_opened_by_the_url_of_a_database() {
    let test = async {
        // The test uses the default schema `headcount`, so it does not run on the server of HEADCOUNT_TEST_POSTGRES, where that schema may be in use.
        let _alone = ONE_AT_A_TIME.lock().await;
        let url = &killed_server().url;
        let mirror = Mirror::builder().open(url).await.unwrap();
        mirror.set_role_map([("Engineering", "developer")]).await.unwrap();
        drop(mirror);

        let mirror = Mirror::builder().open(url.replace("postgresql://", "postgres://")).await.unwrap();
        assert_eq!(mirror.role_map_entries().await.unwrap().len(), 1);
        let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = 'headcount'";
        assert_eq!(killed_server().psql(sql), "1");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Begins a write of an organization that does not end before the returned sender sends or is dropped. Its decision may be called again.
pub(crate) async fn begin_slow_write(
    store: &Arc<PostgresStore>,
    organization_id: &str,
) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (entered, deciding) = mpsc::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let slow = write(organization_id, Keys::default(), move |_| {
        let _ = entered.send(());
        let _ = block_in_place(|| resumed.recv());
        Batch::default()
    });
    let store = Arc::clone(store);
    let running = tokio::spawn(async move { drop(store.write(slow).await.unwrap()) });
    receive(deciding).await;
    (resume, running)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_the_synchronous_standby_does_not_confirm_is_not_a_success() {
    let test = async {
        let server = Server::of_a_test(Start::default());
        let mut options = options("unconfirmed");
        options.lock_timeout = Duration::from_millis(500);
        options.statement_timeout = Duration::from_millis(500);
        let store = Arc::new(PostgresStore::connect_with(&server.url, options).await.unwrap());
        let require = |standby: &str| {
            server.psql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'"));
            server.psql("SELECT pg_reload_conf()");
        };
        block_in_place(|| require("missing"));
        while block_in_place(|| server.psql("SHOW synchronous_standby_names")) != "missing" {}

        let writing = Arc::clone(&store);
        let write = write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")));
        let writing = tokio::spawn(async move { writing.write(write).await });
        // After the timeouts, the store looks on another connection whether the commit was done. It waits there for the lock of the first one.
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while block_in_place(|| server.psql(waiting)) == "0" {
            assert!(!writing.is_finished(), "the write succeeded without the standby");
        }
        block_in_place(|| require(""));
        writing.await.unwrap().unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_waits_too_long_fails_and_its_error_says_what_it_waited_for() {
    let test = async {
        let slow_store = Arc::new(create("timeouts").await);
        let open = async |lock: u64, statement: u64, connections: usize| {
            let mut options = PostgresOptions::default();
            options.schema = schema("timeouts");
            options.lock_timeout = Duration::from_millis(lock);
            options.statement_timeout = Duration::from_millis(statement);
            options.connections = connections;
            Arc::new(PostgresStore::connect_with(&Server::shared().url, options).await.unwrap())
        };
        let (resume, running) = begin_slow_write(&slow_store, "org_1").await;
        for (lock, statement, id, expected) in
            [(100, 60_000, "diruser_1", "the lock timeout"), (60_000, 100, "diruser_2", "the statement timeout")]
        {
            let store = open(lock, statement, 1).await;
            let error = store.write(write("org_1", Keys::default(), |_| Batch::default())).await.unwrap_err();
            assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
            assert!(error.message().contains(expected), "{error}");
            // The connection can be used again.
            store.write(write("org_2", Keys::default(), |_| with_user(user("org_2", id)))).await.unwrap();
        }
        // A call that waits for the only connection fails after the lock timeout as well.
        let busy = open(1_000, 60_000, 1).await;
        let (entered, deciding) = mpsc::channel();
        let (resume_busy, resumed) = mpsc::channel::<()>();
        let long = write("org_3", Keys::default(), move |_| {
            let _ = entered.send(());
            let _ = block_in_place(|| resumed.recv());
            Batch::default()
        });
        let other = Arc::clone(&busy);
        let long = tokio::spawn(async move { drop(other.write(long).await) });
        receive_one(&deciding).await;
        let error = busy.load(Keys::default()).await.unwrap_err();
        assert!(error.message().contains("all connections to PostgreSQL are in use"), "{error}");
        assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
        drop(resume_busy);
        long.await.unwrap();
        busy.load(Keys::default()).await.unwrap();
        drop(resume);
        running.await.unwrap();
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_calls_share_one_connection() {
    let test = async {
        let mut options = PostgresOptions::default();
        options.schema = schema("one_connection");
        options.connections = 1;
        Server::shared().forget(&options.schema);
        let store = Arc::new(PostgresStore::connect_with(&Server::shared().url, options).await.unwrap());
        let running: Vec<_> = (0..40)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let (organization, id) = (format!("org_{}", number % 4), format!("diruser_{number}"));
                    let row = user(&organization, &id);
                    store.write(write(&organization, Keys::default(), move |_| with_user(row.clone()))).await.unwrap();
                })
            })
            .collect();
        for one in running {
            one.await.unwrap();
        }
        assert_eq!(user_ids(&store).await.len(), 40);
        assert_eq!(seqs(&store).await, (1..=40).collect::<Vec<_>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
