//! Tests of groups: writes of one process that wait at the same time and are run in one transaction.

use super::*;
use headcount::mirror::Outcome;
use headcount::store::OrganizationRow;
use headcount::{Event, Mirror};
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

type Call<T> = Pin<Box<dyn Future<Output = T>>>;

/// Opens a store in which one group runs at a time: a queued write waits for the running group, however long that takes.
async fn open_for_groups(url: &str, name: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::connect_with(url, options(name).with_queue_wait(LIMIT)).await.unwrap())
}

/// Creates a schema, and stores a user in each organization: `diruser_1` in `org_1`, `diruser_2` in `org_2`, and so on.
async fn create_with_users(name: &str, organizations: usize) -> PostgresStore {
    let store = create(name).await;
    for number in 1..=organizations {
        store.write(of_user(number)).await.unwrap();
    }
    store
}

/// Makes a write as [`renaming`] does. It stores the user with this number in the organization with the same number.
fn of_user(number: usize) -> Write {
    renaming(&format!("org_{number}"), &format!("diruser_{number}"), || ())
}

/// Makes a write that stores a user, and sets the given name to the number of such writes of the user so far. Each decision calls `step`.
fn renaming(organization_id: &str, id: &str, mut step: impl FnMut() + Send + 'static) -> Write {
    let (organization, id) = (organization_id.to_owned(), id.to_owned());
    write(organization_id, keys_of(&id.clone()), move |set| {
        step();
        let mut row = set.users.get(&id).cloned().unwrap_or_else(|| user(&organization, &id));
        row.user.given_name = (row.user.given_name.parse().unwrap_or(0) + 1).to_string();
        row.trail.revision = set.revision;
        with_user(row)
    })
}

/// Returns the id of each user, and the given name, which is the number of writes of this user by [`renaming`].
async fn counts(store: &PostgresStore) -> Vec<(String, String)> {
    let rows = store.users(UserFilter::default(), 0, 1_000).await.unwrap();
    rows.into_iter().map(|row| (row.user.id, row.user.given_name)).collect()
}

/// Returns the count of the user with this number.
fn count_of(counts: &[(String, String)], number: usize) -> &str {
    let id = format!("diruser_{number}");
    &counts.iter().find(|(known, _)| *known == id).unwrap().1
}

/// Returns the number of transactions that have written rows.
fn transactions(name: &str) -> usize {
    Server::shared().psql(&format!("SELECT count(*) FROM {}.commit_log", schema(name))).parse().unwrap()
}

/// Returns a function that a decision calls to wait; a receiver, which gets a message when the wait begins; and a sender, whose message ends the wait.
fn pause() -> (impl FnMut() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (entered, running) = mpsc::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let pause = move || {
        entered.send(()).unwrap();
        block_in_place(|| resumed.recv().unwrap());
    };
    (pause, running, resume)
}

/// Makes a store of [`open_for_groups`] run the writes of these calls in one group: they are queued while another write, which changes nothing, is
/// running.
async fn start_together<T>(store: &Arc<PostgresStore>, calls: &mut [Call<T>]) {
    let (mut pause, running, resume) = pause();
    let blocking = write("org_first", Keys::default(), move |_| {
        pause();
        Batch::default()
    });
    let first = Arc::clone(store);
    let first = tokio::spawn(async move { first.write(blocking).await });
    receive(running).await;
    // The first poll of each call queues its write.
    std::future::poll_fn(|context| {
        for call in &mut *calls {
            assert!(call.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    resume.send(()).unwrap();
    first.await.unwrap().unwrap();
}

/// Returns the calls of these writes.
fn calls(store: &Arc<PostgresStore>, writes: impl IntoIterator<Item = Write>) -> Vec<Call<Result<Committed>>> {
    let call = |write: Write| {
        let store = Arc::clone(store);
        Box::pin(async move { store.write(write).await }) as Call<Result<Committed>>
    };
    writes.into_iter().map(call).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_of_several_organizations_that_wait_at_the_same_time_are_one_transaction() {
    let test = async {
        let direct = create_with_users("together", 8).await;
        let store = open_for_groups(&Server::shared().url, "together").await;
        let before = transactions("together");
        let mut calls = calls(&store, (1..=8).map(of_user));

        start_together(&store, &mut calls).await;

        let rows = direct.users(UserFilter::default(), 0, 10).await.unwrap();
        for (index, call) in calls.into_iter().enumerate() {
            let id = format!("diruser_{}", index + 1);
            let number = rows.iter().find(|row| row.user.id == id).unwrap().number;
            let expected = Committed { users: [(id, number)].into(), changes: 1, ..Committed::default() };
            assert_eq!(call.await.unwrap(), expected);
        }
        assert_eq!(transactions("together") - before, 1);
        assert!(counts(&direct).await.iter().all(|(_, count)| count == "2"));
        assert_eq!(seqs(&direct).await, (1..=16).collect::<Vec<i64>>());
        let durable = format!("SELECT max(change) FROM {}.durable", schema("together"));
        assert_eq!(Server::shared().psql(&durable), "16");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn webhooks_of_one_organization_that_wait_at_the_same_time_are_one_transaction() {
    let test = async {
        let direct = create("webhooks").await;
        direct.write(speed::with_directory("1")).await.unwrap();
        let store = open_for_groups(&Server::shared().url, "webhooks").await;
        let mirror = Mirror::builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
        // Applied before, because the mirror removes old rows in further transactions after its first event.
        mirror.apply(&speed::renaming("1", 8)).await.unwrap();
        let before = transactions("webhooks");
        let events: Vec<Event> = (0..8).map(|number| speed::renaming("1", number)).collect();
        let calls = events.iter().chain(&events[..1]).map(|event| {
            let (mirror, event) = (mirror.clone(), event.clone());
            Box::pin(async move { mirror.apply(&event).await.unwrap() }) as Call<Outcome>
        });
        let mut calls: Vec<_> = calls.collect();

        start_together(&store, &mut calls).await;

        let repeated = calls.pop().unwrap();
        for call in calls {
            assert_eq!(call.await, Outcome::Applied);
        }
        assert_eq!(repeated.await, Outcome::Duplicate);
        assert_eq!(transactions("webhooks") - before, 1);
        assert_eq!(user_ids(&direct).await.len(), 9);
        assert_eq!(seqs(&direct).await, (1..=9).collect::<Vec<i64>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_of_a_group_gets_the_rows_that_an_earlier_one_has_changed() {
    let test = async {
        let direct = create_with_users("dependent", 2).await;
        let store = open_for_groups(&Server::shared().url, "dependent").await;
        let before = transactions("dependent");
        let mut calls = calls(&store, [1, 2, 1, 1].map(of_user));

        start_together(&store, &mut calls).await;

        for call in calls {
            assert_eq!(call.await.unwrap().changes, 1);
        }
        assert_eq!(transactions("dependent") - before, 1);
        let counts = counts(&direct).await;
        assert_eq!(count_of(&counts, 1), "4");
        assert_eq!(count_of(&counts, 2), "2");
        assert_eq!(seqs(&direct).await, (1..=6).collect::<Vec<i64>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_write_of_a_group_has_a_revision_of_its_own_which_ascends_within_an_organization() {
    let test = async {
        drop(create_with_users("revisions", 2).await);
        let store = open_for_groups(&Server::shared().url, "revisions").await;
        let (sender, revisions) = mpsc::channel();
        // The third write is decided in a second round, and the last one in a third, because each loads a user whom an earlier one of the round changes.
        let writes = ["diruser_1", "diruser_3", "diruser_1", "diruser_1"].map(|id| {
            let (sender, id) = (sender.clone(), id.to_owned());
            write("org_1", keys_of(&id.clone()), move |set| {
                sender.send(set.revision).unwrap();
                with_user(set.users.get(&id).cloned().unwrap_or_else(|| user("org_1", &id)))
            })
        });
        let mut calls = calls(&store, writes);

        start_together(&store, &mut calls).await;

        for call in calls {
            call.await.unwrap();
        }
        drop(sender);
        let revisions: Vec<i64> = revisions.iter().collect();
        assert_eq!(revisions.len(), 4);
        assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
        assert!(store.load(Keys::default()).await.unwrap().revision >= revisions[3]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_fails_in_a_group_fails_alone() {
    let test = async {
        let direct = create_with_users("failing", 4).await;
        let store = open_for_groups(&Server::shared().url, "failing").await;
        let panicking = write("org_5", Keys::default(), |_| panic!("the decision of this test fails"));
        // The server refuses a statement that writes a row twice.
        let organization = OrganizationRow { id: "org_4".to_owned(), ..OrganizationRow::default() };
        let twice = write("org_4", Keys::default(), move |_| Batch {
            organizations: vec![organization.clone(), organization.clone()],
            ..with_user(user("org_4", "diruser_never"))
        });
        direct.write(write("org_5", Keys::default(), |_| with_user(user("org_5", "diruser_5")))).await.unwrap();
        let mut calls = calls(&store, [of_user(1), panicking, of_user(2), twice, of_user(3)]);

        start_together(&store, &mut calls).await;

        let mut results = Vec::new();
        for call in calls {
            results.push(call.await);
        }
        for index in [0, 2, 4] {
            assert_eq!(results[index].as_ref().unwrap().changes, 1);
        }
        assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Internal);
        assert_eq!(results[3].as_ref().unwrap_err().kind(), ErrorKind::Store);
        let counts = counts(&direct).await;
        for number in 1..=3 {
            assert_eq!(count_of(&counts, number), "2");
        }
        assert_eq!(count_of(&counts, 4), "1");
        assert_eq!(counts.len(), 5, "the user of the failed write is not stored");
        assert_eq!(seqs(&direct).await, (1..=8).collect::<Vec<i64>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_organizations_that_store_one_user_in_a_group_both_succeed() {
    let test = async {
        let direct = create_with_users("one_user", 2).await;
        let store = open_for_groups(&Server::shared().url, "one_user").await;
        let writes = ["org_1", "org_2"].map(|organization| renaming(organization, "diruser_shared", || ()));
        // A user who is stored in another organization than that of the write.
        let moving = renaming("org_1", "diruser_2", || ());
        let mut calls = calls(&store, writes.into_iter().chain([moving, of_user(2)]));

        start_together(&store, &mut calls).await;

        for call in calls {
            assert_eq!(call.await.unwrap().changes, 1);
        }
        let counts = counts(&direct).await;
        assert_eq!(counts.iter().find(|(id, _)| id == "diruser_shared").unwrap().1, "2");
        assert_eq!(count_of(&counts, 2), "3");
        assert_eq!(seqs(&direct).await, (1..=6).collect::<Vec<i64>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_whose_commit_or_its_answer_is_lost_is_done_once() {
    let test = async {
        // Commit 1 is that of the write that runs before the group, commit 2 that of the group, and commit 3 that of the transaction that flushes it.
        for (fault, commit, decisions) in
            [(Fault::LoseAnswer, 2, 3), (Fault::LoseAnswer, 3, 3), (Fault::LoseCommit, 2, 6), (Fault::LoseCommit, 3, 3)]
        {
            let name = format!("lost_group_{fault:?}_{commit}");
            let direct = create_with_users(&name, 3).await;
            let proxy = Proxy::start(Server::shared()).await;
            let store = open_for_groups(&proxy.url, &name).await;
            let decided = Arc::new(AtomicUsize::new(0));
            let writes = (1..=3).map(|number| {
                let decided = Arc::clone(&decided);
                let count = move || {
                    decided.fetch_add(1, Ordering::SeqCst);
                };
                renaming(&format!("org_{number}"), &format!("diruser_{number}"), count)
            });
            let mut calls = calls(&store, writes);
            proxy.arm(fault, commit);

            start_together(&store, &mut calls).await;

            let rows = direct.users(UserFilter::default(), 0, 10).await.unwrap();
            for (call, row) in calls.into_iter().zip(rows) {
                let expected =
                    Committed { users: [(row.user.id, row.number)].into(), changes: 1, ..Committed::default() };
                assert_eq!(call.await.unwrap(), expected, "{fault:?} at commit {commit}");
            }
            assert_eq!(proxy.happened(), 1, "{fault:?} at commit {commit}");
            assert_eq!(decided.load(Ordering::SeqCst), decisions, "{fault:?} at commit {commit}");
            assert!(counts(&direct).await.iter().all(|(_, count)| count == "2"), "{fault:?} at commit {commit}");
            assert_eq!(seqs(&direct).await, (1..=6).collect::<Vec<i64>>(), "{fault:?} at commit {commit}");
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_does_not_wait_for_an_organization_that_another_process_has_locked() {
    let test = async {
        let other = Arc::new(create_with_users("locked", 3).await);
        let store = open_for_groups(&Server::shared().url, "locked").await;
        let (pause, deciding, resume) = pause();
        let slow = renaming("org_1", "diruser_1", pause);
        let writer = Arc::clone(&other);
        let slow = tokio::spawn(async move { writer.write(slow).await.unwrap() });
        receive(deciding).await;
        let mut calls = calls(&store, (1..=3).map(of_user));

        start_together(&store, &mut calls).await;
        for call in calls.drain(1..) {
            assert_eq!(call.await.unwrap().changes, 1);
        }
        let meanwhile = counts(&other).await;
        resume.send(()).unwrap();
        slow.await.unwrap();
        assert_eq!(calls.remove(0).await.unwrap().changes, 1);

        assert_eq!(count_of(&meanwhile, 1), "1", "the slow write was running until then");
        assert_eq!(count_of(&counts(&other).await, 1), "3");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_does_not_wait_for_a_slow_one_of_another_organization_in_the_same_process() {
    let test = async {
        let store = Arc::new(create_with_users("slow", 3).await);
        let (pause, deciding, resume) = pause();
        let slow = renaming("org_1", "diruser_1", pause);
        let writer = Arc::clone(&store);
        let slow = tokio::spawn(async move { writer.write(slow).await.unwrap() });
        receive(deciding).await;

        store.write(of_user(2)).await.unwrap();
        store.write(of_user(3)).await.unwrap();
        let meanwhile = counts(&store).await;
        resume.send(()).unwrap();
        slow.await.unwrap();

        assert_eq!(count_of(&meanwhile, 1), "1", "the slow write was running until then");
        assert_eq!(count_of(&meanwhile, 2), "2");
        assert_eq!(count_of(&meanwhile, 3), "2");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_is_completed_although_one_of_its_calls_is_dropped() {
    let test = async {
        let direct = create_with_users("dropped", 4).await;
        let store = open_for_groups(&Server::shared().url, "dropped").await;
        let (pause, running, resume) = pause();
        let blocking = renaming("org_1", "diruser_1", pause);
        let mut calls = calls(&store, [blocking, of_user(2), of_user(3), of_user(4)]);
        // The blocking write is the first of the group, so its decision runs before the others.
        start_together(&store, &mut calls).await;
        receive(running).await;
        drop(calls.remove(1));
        resume.send(()).unwrap();
        for call in calls {
            assert_eq!(call.await.unwrap().changes, 1);
        }

        assert!(counts(&direct).await.iter().all(|(_, count)| count == "2"), "the dropped write is part of the group");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_waits_for_a_group_whose_calls_were_dropped() {
    let test = async {
        let direct = create_with_users("closing_group", 2).await;
        let store = open_for_groups(&Server::shared().url, "closing_group").await;
        let (pause, running, resume) = pause();
        let blocking = renaming("org_1", "diruser_1", pause);
        let mut calls = calls(&store, [blocking, of_user(2)]);
        start_together(&store, &mut calls).await;
        receive(running).await;
        drop(calls);
        let closed = Arc::clone(&store);
        let closing = tokio::spawn(async move { closed.close().await });

        resume.send(()).unwrap();
        closing.await.unwrap().unwrap();

        assert!(
            counts(&direct).await.iter().all(|(_, count)| count == "2"),
            "the group is done before the store is closed"
        );
        assert_eq!(store.write(of_user(1)).await.unwrap_err().kind(), ErrorKind::Store);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_of_two_processes_to_the_same_organizations_are_all_done() {
    let test = async {
        let direct = create_with_users("contended", 4).await;
        let mut running = Vec::new();
        for process in 0..2 {
            let store = Arc::new(open(&Server::shared().url, "contended").await.unwrap());
            for receiver in 0..8 {
                let store = Arc::clone(&store);
                running.push(tokio::spawn(async move {
                    for round in 0..10 {
                        store.write(of_user((process + receiver + round) % 4 + 1)).await.unwrap();
                    }
                }));
            }
        }
        for one in running {
            one.await.unwrap();
        }

        // 160 writes, 40 of each user, and one of each before.
        assert!(counts(&direct).await.iter().all(|(_, count)| count == "41"), "{:?}", counts(&direct).await);
        assert_eq!(seqs(&direct).await, (1..=164).collect::<Vec<i64>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_of_everything_and_groups_wait_for_each_other() {
    let test = async {
        let direct = create_with_users("everything", 4).await;
        let store = Arc::new(open(&Server::shared().url, "everything").await.unwrap());
        let mut running = Vec::new();
        for receiver in 0..8 {
            let store = Arc::clone(&store);
            running.push(tokio::spawn(async move {
                for _ in 0..10 {
                    store.write(of_user(receiver % 4 + 1)).await.unwrap();
                }
            }));
        }
        for _ in 0..10 {
            let everything = Write { scope: Scope::Everything, ..of_user(1) };
            direct.write(everything).await.unwrap();
        }
        for one in running {
            one.await.unwrap();
        }

        let counts = counts(&direct).await;
        assert_eq!(count_of(&counts, 1), "31");
        for number in 2..=4 {
            assert_eq!(count_of(&counts, number), "21");
        }
        assert_eq!(seqs(&direct).await, (1..=94).collect::<Vec<i64>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
