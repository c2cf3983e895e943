//! Tests with a server that is killed, with calls that wait too long, and with connections that are all in use.

use super::*;
use headcount::system::{Clock, SystemClock};
use headcount::{ErrorStatus, Event, Mirror};
use headcount_sandbox::Sandbox;
use std::collections::BTreeSet;
use std::sync::LazyLock;

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

    /// Checks that the feed has no gaps, that it creates each user once, and that the mirror has these users. Returns their ids.
    async fn users(&self) -> BTreeSet<String> {
        let mut created = BTreeSet::new();
        let mut seq = 0;
        loop {
            let page = self.mirror.poll_after("check", Some(seq), 100).await.unwrap();
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
        let mut users = self.mirror.users(self.sandbox.organization_id());
        while let Some(user) = users.next().await.unwrap() {
            stored.insert(user.id);
        }
        assert_eq!(stored, created, "the feed and the mirror differ");
        stored
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

    /// An event that creates a user.
    fn event(&self, number: usize) -> Event {
        let body = serde_json::json!({
            "id": format!("evt_{number}"),
            "type": "organization.directory.user_created",
            "occurred_at": SystemClock.now().to_string(),
            "organization_id": self.sandbox.organization_id(),
            "data": { "id": format!("diruser_of_event_{number}"), "email": format!("{number}@example.com") },
        });
        Event::from_verified_body(body.to_string().as_bytes()).unwrap()
    }
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
                fixture.mirror.apply(&fixture.event(number)).await.unwrap();
            })
            .await;

        assert!(kills >= 3, "the server was killed {kills} times");
        let users = fixture.users().await;
        for number in 0..applied.load(Ordering::SeqCst) {
            assert!(users.contains(&format!("diruser_of_event_{number}")), "event {number} of {applied:?} is lost");
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

/// Begins a write of `org_1` that does not end before the returned sender sends or is dropped. Its decision may be called again.
async fn begin_slow_write(store: &Arc<PostgresStore>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (entered, deciding) = mpsc::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let slow = write("org_1", Keys::default(), move |_| {
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
        let (resume, running) = begin_slow_write(&slow_store).await;
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
