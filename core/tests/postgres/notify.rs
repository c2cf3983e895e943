//! Tests of the option `notify`: which changes wake a process that waits, how many notifications are sent, and connections that are lost.

use super::*;
use futures_util::future::{join_all, poll_fn};
use headcount::Mirror;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::AsyncMessage;

const HOUR: Duration = Duration::from_secs(3_600);

/// Returns the settings of a store in a test's schema, with notifications.
fn notifying(name: &str) -> PostgresOptions {
    let mut options = options(name);
    options.notify = true;
    options
}

/// Opens a store with notifications, whose connections have the name of the test as `application_name`.
async fn open_notifying(name: &str) -> PostgresStore {
    let url = format!("{}&application_name={name}", Server::shared().url);
    PostgresStore::connect_with(&url, notifying(name)).await.unwrap()
}

/// Makes a durable write that appends one change.
fn appending(id: &str) -> Write {
    let id = id.to_owned();
    write("org_1", Keys::default(), move |_| with_user(user("org_1", &id)))
}

/// Listens on the channel of a test's schema. Returns the client, which must be kept, and the receiver of the notifications' payloads.
async fn notifications(name: &str) -> (tokio_postgres::Client, UnboundedReceiver<String>) {
    let (client, mut connection) = tokio_postgres::connect(&Server::shared().url, tokio_postgres::NoTls).await.unwrap();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification.payload().to_owned());
            }
        }
    });
    client.batch_execute(&format!("LISTEN headcount_{}", schema(name))).await.unwrap();
    (client, receiver)
}

/// Returns how many notifications came before one that this function sends.
async fn count(name: &str, notifications: &mut UnboundedReceiver<String>) -> usize {
    Server::shared().psql(&format!("SELECT pg_notify('headcount_{}', 'end')", schema(name)));
    let mut count = 0;
    while notifications.recv().await.unwrap() != "end" {
        count += 1;
    }
    count
}

/// Returns how many connections of a test's stores have a last statement that begins with `query`.
fn connections(name: &str, query: &str) -> usize {
    let sql =
        format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND query LIKE '{query}%'");
    Server::shared().psql(&sql).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_is_told_of_the_changes_that_another_store_appends() {
    let test = async {
        drop(create("told").await);
        let (writer, listener) = (open_notifying("told").await, open_notifying("told").await);
        let mut appended = listener.appended().unwrap();
        appended.changed().await.unwrap();

        for id in ["diruser_1", "diruser_2"] {
            writer.write(appending(id)).await.unwrap();
            appended.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_without_changes_and_stores_without_the_option_send_no_notifications() {
    let test = async {
        let store = create("silent").await;
        let (_client, mut received) = notifications("silent").await;
        assert!(store.appended().is_none());

        store.write(appending("diruser_1")).await.unwrap();
        let notifying = open_notifying("silent").await;
        let event = write("org_1", Keys::default(), |_| Batch { events: vec![pending("evt_1")], ..Batch::default() });
        notifying.write(event).await.unwrap();
        notifying.close().await.unwrap();

        assert_eq!(count("silent", &mut received).await, 0);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_commits_send_few_notifications_and_the_last_one_before_the_store_is_closed() {
    const WRITES: usize = 300;
    let test = async {
        drop(create("coalesced").await);
        let store = open_notifying("coalesced").await;
        let (_client, mut received) = notifications("coalesced").await;

        let ids: Vec<String> = (0..WRITES).map(|n| format!("diruser_{n}")).collect();
        for written in join_all(ids.iter().map(|id| store.write(appending(id)))).await {
            written.unwrap();
        }
        store.close().await.unwrap();

        let count = count("coalesced", &mut received).await;
        assert!((1..WRITES).contains(&count), "{count} notifications");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_listening_connection_that_the_server_terminates_is_made_again() {
    let test = async {
        drop(create("relisten").await);
        let (writer, listener) = (open_notifying("relisten").await, open_notifying("relisten").await);
        let mut appended = listener.appended().unwrap();
        appended.changed().await.unwrap();
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE application_name = 'relisten' AND query LIKE 'LISTEN%'";

        for id in ["diruser_1", "diruser_2"] {
            assert_eq!(Server::shared().psql(sql), "1");
            // The new connection: changes may have been appended before it was made.
            appended.changed().await.unwrap();
            writer.write(appending(id)).await.unwrap();
            appended.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn consumers_that_look_once_an_hour_get_the_changes_of_another_store_at_once() {
    let test = async {
        drop(create("woken").await);
        let writer = open_notifying("woken").await;
        let store = Arc::new(open_notifying("woken").await);
        let mirror = Mirror::builder().look_every(HOUR).open_in(store).await.unwrap();
        let worker = mirror.consumer("worker").start().unwrap();
        let changes = mirror.changes("iterator", None);

        for seq in 1..=10 {
            let waiting = tokio::spawn({
                let (mirror, worker, changes) = (mirror.clone(), worker.clone(), changes.clone());
                async move {
                    let polled = async { mirror.wait("app", 10, None).await.unwrap() };
                    let (polled, worked, iterated) = tokio::join!(polled, worker.next(), changes.next());
                    (polled[0].seq, worked.unwrap().unwrap().seq, iterated.unwrap().unwrap().seq)
                }
            });
            while seq == 1 && connections("woken", "LISTEN") == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            writer.write(appending(&format!("diruser_{seq}"))).await.unwrap();

            assert_eq!(waiting.await.unwrap(), (seq, seq, seq));
            mirror.ack("app", seq).await.unwrap();
        }
        assert_eq!(connections("woken", "LISTEN"), 1, "all waits of a store share one connection");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_only_writes_or_does_not_wait_makes_no_connection_to_listen() {
    let test = async {
        drop(create("unheard").await);
        let store = Arc::new(open_notifying("unheard").await);
        let mirror = Mirror::builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();

        store.write(appending("diruser_1")).await.unwrap();
        assert_eq!(mirror.poll("app", 10).await.unwrap().len(), 1);
        let changes = mirror.changes("iterator", Some(Duration::ZERO));
        assert!(changes.next().await.unwrap().is_some());
        assert!(changes.next().await.unwrap().is_none());

        assert_eq!(connections("unheard", "LISTEN"), 0);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_behind_pgbouncer_sends_notifications_and_finds_changes_by_looking_for_them() {
    let test = async {
        drop(create("behind_pooler").await);
        let pooled = |name: &'static str| PostgresStore::connect_with(Server::shared().bouncer(), notifying(name));
        let (writer, waiting) = (pooled("behind_pooler").await.unwrap(), pooled("behind_pooler").await.unwrap());
        let direct = open_notifying("behind_pooler").await;
        let mut appended = direct.appended().unwrap();
        appended.changed().await.unwrap();
        let mirror = Mirror::builder().open_in(Arc::new(waiting)).await.unwrap();
        let wait = tokio::spawn(async move { mirror.wait("app", 10, None).await.unwrap() });

        writer.write(appending("diruser_1")).await.unwrap();

        appended.changed().await.unwrap();
        assert_eq!(wait.await.unwrap().len(), 1);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_url_enables_notifications_and_takes_precedence_over_the_option() {
    let test = async {
        drop(create("notify_url").await);
        let url = &Server::shared().url;
        let enabled = open(&format!("{url}&notify=true"), "notify_url").await.unwrap();
        let disabled = format!("{url}&notify=false");
        let disabled = PostgresStore::connect_with(&disabled, notifying("notify_url")).await.unwrap();

        assert!(enabled.appended().is_some());
        assert!(disabled.appended().is_none());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_a_store_closes_the_connection_that_listens() {
    let test = async {
        drop(create("unlisten").await);
        let store = open_notifying("unlisten").await;
        let mut appended = store.appended().unwrap();
        appended.changed().await.unwrap();
        assert_eq!(connections("unlisten", "LISTEN"), 1);

        store.close().await.unwrap();

        while connections("unlisten", "") > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(appended.changed().await.is_err(), "no notification can come any more");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
