//! Tests with a server whose disk is full: calls fail with an error that says so, nothing that was acknowledged is lost, and all calls succeed again
//! when there is space.

use super::faults::{checked_users, event, user_of_event};
use super::server::SmallDisk;
use super::*;
use headcount::{Error, ErrorStatus, Mirror};
use headcount_sandbox::{NewUser, Sandbox};

/// How often each call is made at most until it fails: the server can still write rows into the free space of the pages that it has.
const MOST: usize = 2_000;

/// A mirror on a server with a small disk, what it has received, and what a consumer has acknowledged.
struct Fixture {
    sandbox: Sandbox,
    mirror: Mirror,
    /// The numbers of the events that were received without an error. There may be others that were not.
    received: Vec<usize>,
    next_event: usize,
    acknowledged: i64,
}

/// The name of the consumer that acknowledges.
const CONSUMER: &str = "consumer";

impl Fixture {
    /// Opens a mirror, and fills it with the users of a directory and of events. A consumer has got all changes.
    async fn new(server: &Server, name: &str) -> Fixture {
        let sandbox = Sandbox::builder().users(30).groups(3).start().unwrap();
        let options = options(name).with_give_up_after(Duration::from_millis(500));
        let store = Arc::new(PostgresStore::connect_with(&server.url, options).await.unwrap());
        let mirror = Mirror::builder().client(sandbox.client().build().unwrap()).open_in(store).await.unwrap();
        let mut fixture = Fixture { sandbox, mirror, received: Vec::new(), next_event: 0, acknowledged: 0 };
        fixture.sync().await.unwrap();
        for _ in 0..400 {
            fixture.receive().await.unwrap();
        }
        fixture.mirror.poll(CONSUMER, 1_000).await.unwrap();
        fixture
    }

    async fn sync(&self) -> Result<()> {
        let reports = self.mirror.sync(self.sandbox.organization_id()).await?;
        reports.into_iter().find_map(|report| report.error).map_or(Ok(()), Err)
    }

    /// Receives a new event.
    async fn receive(&mut self) -> Result<()> {
        let number = self.next_event;
        self.next_event += 1;
        self.mirror.apply(&event(&self.sandbox, number)).await?;
        self.received.push(number);
        Ok(())
    }

    /// Acknowledges one more change.
    async fn ack(&mut self) -> Result<()> {
        self.mirror.ack(CONSUMER, self.acknowledged + 1).await?;
        self.acknowledged += 1;
        Ok(())
    }

    /// Polls as a new consumer.
    async fn poll(&self, number: usize) -> Result<()> {
        self.mirror.poll(&format!("new_{number}"), 1).await.map(drop)
    }

    /// Creates users in the directory, which the next sync has to write.
    fn create_users(&self, count: usize) {
        for number in 0..count {
            let email = format!("new.{number}@example.com");
            self.sandbox.create_user(NewUser { email, ..NewUser::default() }).unwrap();
        }
    }

    /// Makes each call until it fails. Returns the errors.
    async fn fail(&mut self) -> [Error; 4] {
        self.create_users(300);
        let mut errors = [None, None, None, None];
        for number in 0..MOST {
            let [receive, ack, poll, sync] = &mut errors;
            if receive.is_none() {
                *receive = self.receive().await.err();
            }
            if ack.is_none() {
                *ack = self.ack().await.err();
            }
            if poll.is_none() {
                *poll = self.poll(number).await.err();
            }
            if sync.is_none() {
                *sync = self.sync().await.err();
            }
            if let [Some(_), Some(_), Some(_), Some(_)] = &errors {
                break;
            }
        }
        errors.map(|error| error.expect("every call fails while the disk is full"))
    }

    /// Checks that all calls succeed, and that nothing is lost of what was acknowledged.
    async fn check(mut self) {
        self.sync().await.unwrap();
        self.receive().await.unwrap();
        self.poll(MOST).await.unwrap();
        let next = self.mirror.poll(CONSUMER, 1).await.unwrap();
        assert_eq!(next[0].seq, self.acknowledged + 1, "an acknowledgement is lost");
        self.ack().await.unwrap();
        let users = checked_users(&self.mirror, &self.sandbox).await;
        for number in &self.received {
            assert!(users.contains(&user_of_event(*number)), "event {number} is lost");
        }
        let of_directory = users.iter().filter(|id| !id.starts_with("diruser_of_event_")).count();
        assert_eq!(of_directory, 330, "the sync has written all users of the directory");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_while_the_disk_of_the_tables_is_full_and_succeed_when_it_has_space() {
    let test = async {
        let small_disk = Some(SmallDisk { folder: "small", megabytes: 32 });
        let server = Server::of_a_test(Start { small_disk, ..Start::default() });
        server.psql(&format!("CREATE TABLESPACE small LOCATION '{}/small'", server.folder().display()));
        server.psql("ALTER ROLE headcount SET default_tablespace = small");
        let mut fixture = Fixture::new(server, "full_tables").await;

        server.fill_disk();
        for error in fixture.fail().await {
            assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
            assert!(error.message().contains("the server's disk is full: make room on it"), "{error}");
        }
        server.free_disk();

        fixture.check().await;
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_while_a_full_disk_stops_the_server_and_succeed_when_it_has_space() {
    let test = async {
        let small_disk = Some(SmallDisk { folder: "data", megabytes: 200 });
        // The smallest values: the server keeps as few old files of its log as possible. On a full disk, it could still write to them.
        let arguments = ["min_wal_size=32MB", "max_wal_size=32MB"].map(|setting| ["-c".to_owned(), setting.to_owned()]);
        let server = Server::of_a_test(Start { small_disk, arguments: arguments.concat(), ..Start::default() });
        let mut fixture = Fixture::new(server, "full_log").await;

        server.fill_disk();
        // The next write needs another file for the log, which cannot be created: the server stops.
        let _ = server.psql_result("SELECT pg_switch_wal()");
        for error in fixture.fail().await {
            assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
        }
        assert!(server.log().contains("PANIC"), "the server has not stopped: {}", server.log());
        server.free_disk();

        while fixture.receive().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        fixture.check().await;
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
