//! Tests of writes on several connections at the same time, of lost connections, and of the creation of the schema.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_does_not_wait_for_another_organization_and_a_mark_waits_for_writes_of_its_organization() {
    let test = async {
        let store = Arc::new(create("marks").await);
        let other = Arc::new(open(&Server::shared().url, "marks").await.unwrap());
        // A write of org_1 that is kept open after it got its revision.
        let (entered, deciding) = mpsc::channel();
        let (resume, resumed) = mpsc::channel::<()>();
        let writer = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let slow = write("org_1", Keys::default(), move |set| {
                    let mut row = user("org_1", "diruser_1");
                    row.trail.revision = set.revision;
                    entered.send(set.revision).unwrap();
                    block_in_place(|| resumed.recv().unwrap());
                    with_user(row)
                });
                store.write(slow).await.unwrap();
            })
        };
        let slow_revision = receive(deciding).await;

        // A write of another organization ends meanwhile.
        let fast = write("org_2", Keys::default(), |_| with_user(user("org_2", "diruser_2")));
        other.write(fast).await.unwrap();
        assert_eq!(user_ids(&other).await, ["diruser_2"]);

        // Takes a mark of org_1 as the mirror does before a listing: the mark is one less than the revision of a write that changes nothing.
        let marking = {
            let other = Arc::clone(&other);
            tokio::spawn(async move {
                let mark = revision(&other, "org_1").await - 1;
                (mark, user_ids(&other).await)
            })
        };
        let other_revision = revision(&other, "org_3").await;
        assert!(other_revision > slow_revision, "a later write of another organization has a greater revision");
        resume.send(()).unwrap();
        writer.await.unwrap();
        let (mark, seen) = marking.await.unwrap();
        let later_revision = revision(&store, "org_1").await;

        assert!(slow_revision <= mark, "the write that the mark waited for is newer: {slow_revision} and {mark}");
        assert!(seen.contains(&"diruser_1".to_owned()), "the write that the mark waited for is not visible: {seen:?}");
        assert!(later_revision > mark, "a later write is not newer: {later_revision} and {mark}");
        assert_eq!(seqs(&store).await, [1, 2]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Ends the connection of the write whose decision calls this. It is the only connection to the schema that is idle inside a transaction, because the
/// server waits for the decision.
fn end_connection_in_transaction(name: &str) {
    let sql = format!(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%{}%'",
        schema(name)
    );
    assert_eq!(block_in_place(|| Server::shared().psql(&sql)), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_is_repeated_once_after_a_lost_connection_even_without_time_for_repetitions() {
    let test = async {
        drop(create("repeated_once").await);
        let store = open_that_repeats_once(&Server::shared().url, "repeated_once").await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let terminated = write("org_1", Keys::default(), move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                end_connection_in_transaction("repeated_once");
            }
            with_user(user("org_1", "diruser_1"))
        });

        store.write(terminated).await.unwrap();

        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_is_repeated_if_its_connection_ends_before_the_commit() {
    let test = async {
        let store = create("terminated").await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let terminated = write("org_1", Keys::default(), move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                end_connection_in_transaction("terminated");
            }
            with_user(user("org_1", "diruser_1"))
        });

        let committed = store.write(terminated).await.unwrap();

        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(committed.changes, 1);
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
        assert_eq!(seqs(&store).await, [1]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_whose_answer_to_the_commit_is_lost_is_done_once() {
    let test = async {
        let direct = create("lost_answer").await;
        let proxy = Proxy::start(Server::shared()).await;
        let store = open(&proxy.url, "lost_answer").await.unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        for (number, durability) in [Durability::Process, Durability::Power].into_iter().enumerate() {
            let counted = Arc::clone(&calls);
            let id = format!("diruser_{number}");
            let row = user("org_1", &id);
            let lost = write("org_1", Keys::default(), move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                with_user(row.clone())
            });
            proxy.lose_next_commit();

            let committed = store.write(Write { durability, ..lost }).await.unwrap();

            let row_number = direct.users(UserFilter::default(), 0, 10).await.unwrap().pop().unwrap().number;
            let expected = Committed { users: [(id, row_number)].into(), changes: 1, ..Committed::default() };
            assert_eq!(committed, expected);
            assert_eq!(proxy.happened(), number + 1, "the answer to one commit was lost");
        }

        assert_eq!(calls.load(Ordering::SeqCst), 2, "each decision was called once");
        assert_eq!(seqs(&direct).await, [1, 2]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_gets_no_answer_is_done_once_on_another_connection() {
    let test = async {
        let direct = create("stalled").await;
        let proxy = Proxy::start(Server::shared()).await;
        let mut options = PostgresOptions::default();
        options.schema = schema("stalled");
        // The store waits for an answer for the sum of these. The server ends an idle transaction after half of the first one.
        options.lock_timeout = Duration::from_secs(2);
        options.statement_timeout = Duration::from_secs(1);
        let store = PostgresStore::connect_with(&proxy.url, options).await.unwrap();
        for (fault, id) in [(Fault::StallBefore, "diruser_1"), (Fault::StallAfter, "diruser_2")] {
            let before = proxy.happened();
            proxy.arm(fault, 1);
            store.write(write("org_1", Keys::default(), move |_| with_user(user("org_1", id)))).await.unwrap();
            assert_eq!(proxy.happened(), before + 1, "{fault:?}");
        }
        assert_eq!(user_ids(&direct).await, ["diruser_1", "diruser_2"]);
        assert_eq!(seqs(&direct).await, [1, 2]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_whose_answer_is_lost_after_the_time_for_repeating_the_call_is_looked_up() {
    let test = async {
        let direct = create("late_loss").await;
        let proxy = Proxy::start(Server::shared()).await;
        let store = open_that_repeats_once(&proxy.url, "late_loss").await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        // After the first attempt, the time for repeating the call is over. The answer to the commit of the second one is lost.
        let losing = write("org_1", Keys::default(), move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                end_connection_in_transaction("late_loss");
            }
            with_user(user("org_1", "diruser_1"))
        });
        proxy.lose_next_commit();

        let committed = store.write(losing).await.unwrap();

        assert_eq!(committed.changes, 1);
        assert_eq!(proxy.happened(), 1, "the answer to one commit was lost");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(user_ids(&direct).await, ["diruser_1"]);
        assert_eq!(seqs(&direct).await, [1]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_error_of_a_call_says_if_it_is_not_known_whether_its_commit_was_done() {
    let test = async {
        let direct = create("unknown").await;
        let proxy = Proxy::start(Server::shared()).await;
        let store = open_that_repeats_once(&proxy.url, "unknown").await;
        let writing = write("org_1", Keys::default(), |_| Batch {
            events: vec![pending("evt_1")],
            ..with_user(user("org_1", "diruser_1"))
        });
        let registering = updating(|state| {
            let generation = state.generation + 1;
            let row = ConsumerRow { name: "app".to_owned(), generation, ..ConsumerRow::default() };
            Ok(ConsumerUpdate { row: Some(row), park: None })
        });
        let soon = Timestamp::UNIX_EPOCH + Duration::from_secs(1);
        let expiry = Expiry { organization_id: None, before: soon, limit: 10, forget: Timestamp::UNIX_EPOCH };
        let old = Retention {
            changes: soon,
            consumers: soon,
            tombstones: soon,
            events: soon,
            losses: soon,
            history: None,
            runs: soon,
            limit: 10,
        };
        let is_unknown = |call: &str, error: headcount::Error| {
            assert!(error.message().contains("it is not known whether the write was done"), "{call}: {error}");
            assert_eq!(error.status(), headcount::ErrorStatus::Temporary, "{call}: {error}");
            proxy.refuse(false);
        };

        proxy.lose_next_commit_and_refuse();
        is_unknown("write", store.write(writing).await.unwrap_err());
        proxy.lose_next_commit_and_refuse();
        let registered = store.update_consumer(registering).await;
        is_unknown("update_consumer", registered.unwrap_err());
        proxy.lose_next_commit_and_refuse();
        is_unknown("expire_events", store.expire_events(expiry).await.unwrap_err());
        proxy.lose_next_commit_and_refuse();
        is_unknown("trim", store.trim(old).await.unwrap_err());
        proxy.lose_next_commit_and_refuse();
        is_unknown("drop_consumer", store.drop_consumer("app".to_owned()).await.unwrap_err());

        assert_eq!(proxy.happened(), 5, "each call lost one answer");
        assert_eq!(user_ids(&direct).await, ["diruser_1"], "the write was committed");
        assert!(!direct.drop_consumer("app".to_owned()).await.unwrap(), "the last call has dropped the consumer");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Waits until statements that name a test's schema have waited for a lock in two transactions, one after the other, or until the task has ended.
async fn wait_for_second_lock_wait<T>(name: &str, task: &tokio::task::JoinHandle<T>) {
    let sql = format!(
        "SELECT xact_start FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}%' AND pid <> pg_backend_pid()",
        schema(name)
    );
    let mut first = String::new();
    while !task.is_finished() {
        let started = Server::shared().psql(&sql);
        if !started.is_empty() && first.is_empty() {
            first = started;
        } else if !started.is_empty() && started != first {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_committed_write_whose_flush_waits_for_longer_than_the_lock_timeout_succeeds() {
    let test = async {
        let direct = create("late_flush").await;
        let mut options = options("late_flush");
        options.lock_timeout = Duration::from_secs(1);
        let store = Arc::new(PostgresStore::connect_with(&Server::shared().url, options).await.unwrap());
        let mut blocker = connect(&Server::shared().url).await;
        let blocking = blocker.transaction().await.unwrap();
        blocking.batch_execute(&format!("SELECT FROM {}.durable FOR UPDATE", schema("late_flush"))).await.unwrap();

        let writer = Arc::clone(&store);
        let one = write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")));
        let writing = tokio::spawn(async move { writer.write(one).await });
        wait_for_second_lock_wait("late_flush", &writing).await;
        blocking.rollback().await.unwrap();

        assert_eq!(writing.await.unwrap().unwrap().changes, 1);
        assert_eq!(user_ids(&direct).await, ["diruser_1"]);
        assert_eq!(seqs(&direct).await, [1]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_was_not_committed_is_not_mistaken_for_a_later_one_with_the_same_revision() {
    let test = async {
        let direct = Arc::new(create("same_revision").await);
        let proxy = Proxy::start(Server::shared()).await;
        let store = open(&proxy.url, "same_revision").await.unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let (counted, other) = (Arc::clone(&calls), Arc::clone(&direct));
        let lost = write("org_1", Keys::default(), move |set| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                // Resets the sequence, as a crash does that undoes its last change. Another write then gets the same revision.
                let sql = format!("SELECT setval('{}.revision', {}, false)", schema("same_revision"), set.revision);
                block_in_place(|| {
                    Server::shared().psql(&sql);
                    let later = write("org_2", Keys::default(), move |later| {
                        assert_eq!(later.revision, set.revision);
                        with_user(user("org_2", "diruser_2"))
                    });
                    tokio::runtime::Handle::current().block_on(other.write(later)).unwrap();
                });
            }
            with_user(user("org_1", "diruser_1"))
        });
        proxy.arm(Fault::LoseCommit, 1);

        store.write(lost).await.unwrap();

        assert_eq!(proxy.happened(), 1, "one commit was lost");
        assert_eq!(calls.load(Ordering::SeqCst), 2, "the write was decided again");
        assert_eq!(user_ids(&direct).await, ["diruser_2", "diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_update_of_a_consumer_is_done_once_if_its_answer_is_lost_and_another_process_then_changes_the_consumer() {
    let test = async {
        drop(create("overtaken").await);
        let proxy = Proxy::start(Server::shared()).await;
        let store = open(&proxy.url, "overtaken").await.unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let registering = updating(move |state| {
            counted.fetch_add(1, Ordering::SeqCst);
            let generation = state.generation + 1;
            let row = ConsumerRow { name: "app".to_owned(), generation, ..ConsumerRow::default() };
            Ok(ConsumerUpdate { row: Some(row), park: None })
        });
        proxy.meanwhile(|| {
            drop(Server::shared().psql(&format!("UPDATE {}.consumer SET polled = 7", schema("overtaken"))))
        });
        proxy.lose_next_commit();

        store.update_consumer(registering).await.unwrap();

        assert_eq!(proxy.happened(), 1, "the answer to one commit was lost");
        assert_eq!(calls.load(Ordering::SeqCst), 1, "the decision was called once");
        let (consumers, _) = store.consumers().await.unwrap();
        assert_eq!(consumers[0].0.polled, 7);
        assert_eq!(consumers[0].0.generation, 1);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_works_after_its_idle_connections_were_ended() {
    let test = async {
        let store = create("idle").await;
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        Server::shared().psql(&format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE state = 'idle' AND pid <> pg_backend_pid()
                AND application_name = 'headcount' AND (query LIKE '%{}%' OR query LIKE '%COMMIT%')",
            schema("idle")
        ));
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_stores_create_one_schema_at_once() {
    let test = async {
        Server::shared().forget(&schema("new"));
        let opening: Vec<_> = (0..20)
            .map(|n| {
                tokio::spawn(async move {
                    let store = open(&Server::shared().url, "new").await.unwrap();
                    let organization = format!("org_{n}");
                    let row = user(&organization, &format!("diruser_{n}"));
                    store.write(write(&organization, Keys::default(), move |_| with_user(row.clone()))).await.unwrap();
                })
            })
            .collect();
        for one in opening {
            one.await.unwrap();
        }
        let store = open(&Server::shared().url, "new").await.unwrap();
        assert_eq!(user_ids(&store).await.len(), 20);
        assert_eq!(seqs(&store).await, (1..=20).collect::<Vec<_>>());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_schema_that_another_process_creates_meanwhile_is_used() {
    let test = async {
        let proxy = Proxy::start(Server::shared()).await;
        let names = ["schema_meanwhile", "tables_meanwhile"];
        for name in names {
            Server::shared().forget(&schema(name));
        }
        let create = |name: &str| format!("CREATE SCHEMA {}", schema(name));

        // Another process creates the schema after this one found that there is none.
        proxy.before("CREATE SCHEMA", move || drop(Server::shared().psql(&create("schema_meanwhile"))));
        let store = open(&proxy.url, "schema_meanwhile").await.unwrap();
        assert_eq!(user_ids(&store).await.len(), 0);

        // Another process creates all tables after this one found that there are none.
        Server::shared().psql(&create("tables_meanwhile"));
        let (opened, other) = mpsc::channel();
        proxy.before("CREATE TABLE", move || {
            let open = open(&Server::shared().url, "tables_meanwhile");
            opened.send(tokio::runtime::Handle::current().block_on(open).unwrap()).unwrap();
        });
        let store = open(&proxy.url, "tables_meanwhile").await.unwrap();
        let other = receive_one(&other).await;
        other.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    drop(create("newer").await);
    Server::shared().psql(&format!("UPDATE {}.version SET version = 99", schema("newer")));
    let error = open(&Server::shared().url, "newer").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("update headcount"), "{error}");
}

#[tokio::test]
async fn an_empty_schema_name_and_names_that_need_quotes_or_are_reserved_are_refused() {
    for name in ["", "Head", "head count", "1st", "pg_head", "a\"b", "a'b"] {
        let mut options = PostgresOptions::default();
        options.schema = name.to_owned();
        let error = PostgresStore::connect_with("postgresql://localhost", options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name}: {error}");
    }
}

#[tokio::test]
async fn text_with_nul_characters_is_stored_and_found() {
    let store = create("nul").await;
    let mut row = user("org_\0", "diruser_\0");
    row.user.email = "\0\u{ffff}0@example.com".to_owned();
    row.told_groups = vec!["dirgroup_\0".to_owned()];
    let expected = row.clone();
    let stored = write("org_\0", Keys::default(), move |_| {
        let mut batch = with_user(row.clone());
        batch.users[0].joined = row.told_groups.clone();
        batch
    });
    let committed = store.write(stored).await.unwrap();

    let filter = UserFilter {
        organization_id: Some("org_\0".to_owned()),
        email: Some(expected.user.email.clone()),
        group_id: Some("dirgroup_\0".to_owned()),
        ..UserFilter::default()
    };
    let found = store.users(filter, 0, 10).await.unwrap();
    assert_eq!(found, [UserRow { number: committed.users["diruser_\0"], ..expected }]);
    assert_eq!(store.changes(0, 1).await.unwrap()[0].organization_id, "org_\0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_who_moves_keeps_what_a_write_of_the_former_organization_changes_meanwhile() {
    let test = async {
        let store = Arc::new(create("moves").await);
        let other = Arc::new(open(&Server::shared().url, "moves").await.unwrap());
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        // A write of org_1 that is kept open after it has read the user.
        let (entered, deciding) = mpsc::channel();
        let (resume, resumed) = mpsc::channel::<()>();
        let renaming = write("org_1", keys_of("diruser_1"), move |set| {
            let mut row = set.users["diruser_1"].clone();
            row.user.given_name = "Ada".to_owned();
            entered.send(()).unwrap();
            block_in_place(|| resumed.recv().unwrap());
            with_user(row)
        });
        let renaming = tokio::spawn(async move { store.write(renaming).await.unwrap() });
        receive(deciding).await;

        // The user moves to org_2.
        let moving = write("org_2", keys_of("diruser_1"), |set| {
            let mut row = set.users["diruser_1"].clone();
            row.user.organization_id = "org_2".to_owned();
            with_user(row)
        });
        let mover = Arc::clone(&other);
        let moving = tokio::spawn(async move { mover.write(moving).await.unwrap() });
        wait_for_lock_waits("moves", 1).await;
        resume.send(()).unwrap();
        renaming.await.unwrap();
        moving.await.unwrap();

        let rows = other.users(UserFilter::default(), 0, 10).await.unwrap();
        let [row] = rows.as_slice() else { panic!("one user, got {}", rows.len()) };
        assert_eq!(row.user.organization_id, "org_2");
        assert_eq!(row.user.given_name, "Ada");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_who_are_swapped_between_organizations_at_once_are_all_moved() {
    let test = async {
        // Two stores, as in two processes: the writes of one store could be in one transaction.
        let (store, other) = (create("swaps").await, open(&Server::shared().url, "swaps").await.unwrap());
        let (store, other) = (Arc::new(store), Arc::new(other));
        for (organization, id) in [("org_1", "diruser_1"), ("org_2", "diruser_2")] {
            store.write(write(organization, Keys::default(), |_| with_user(user(organization, id)))).await.unwrap();
        }
        // Each of the two writes locks its own organization and then needs the lock of the other's: a deadlock, after which one write is repeated.
        let both = Arc::new(std::sync::Barrier::new(2));
        let moving =
            [(&store, "org_1", "diruser_2"), (&other, "org_2", "diruser_1")].map(|(store, organization, id)| {
                let (store, both) = (Arc::clone(store), Arc::clone(&both));
                let mut is_first = true;
                let moving = Write {
                    decide: Box::new(move |set: WorkingSet| {
                        let Some(row) = set.users.get(id) else {
                            if std::mem::take(&mut is_first) {
                                // Waits until both writes have locked their own organization.
                                block_in_place(|| both.wait());
                            }
                            return Ok(Decision::Load(Box::new(keys_of(id))));
                        };
                        let mut row = row.clone();
                        row.user.organization_id = organization.to_owned();
                        Ok(Decision::Commit(Box::new(with_user(row))))
                    }),
                    ..write(organization, Keys::default(), |_| Batch::default())
                };
                tokio::spawn(async move { store.write(moving).await })
            });
        for one in moving {
            one.await.unwrap().unwrap();
        }
        let rows = store.users(UserFilter::default(), 0, 10).await.unwrap();
        let places: Vec<_> = rows.iter().map(|row| (row.user.id.as_str(), row.user.organization_id.as_str())).collect();
        assert_eq!(places, [("diruser_1", "org_2"), ("diruser_2", "org_1")]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_of_everything_waits_only_for_writes_that_began_before_it() {
    let test = async {
        let store = Arc::new(create("fair").await);
        let (entered, deciding) = mpsc::channel();
        let (resume, resumed) = mpsc::channel::<()>();
        let first = write("org_first", Keys::default(), move |_| {
            entered.send(()).unwrap();
            block_in_place(|| resumed.recv().unwrap());
            with_user(user("org_first", "diruser_1"))
        });
        let spawn = |write: Write| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.write(write).await.unwrap() })
        };
        let first = spawn(first);
        receive(deciding).await;

        let everything = write("", Keys::default(), |_| with_user(user("org_everything", "diruser_2")));
        let everything = spawn(Write { scope: Scope::Everything, ..everything });
        wait_for_lock_waits("fair", 1).await;
        // This write waits for the write of everything, which began to wait earlier, although the first write holds no lock that this one needs.
        let last = spawn(write("org_last", Keys::default(), |_| with_user(user("org_last", "diruser_3"))));
        wait_for_lock_waits("fair", 2).await;
        resume.send(()).unwrap();
        for one in [first, everything, last] {
            one.await.unwrap();
        }

        let changes = store.changes(0, 10).await.unwrap();
        let order: Vec<&str> = changes.iter().map(|change| change.organization_id.as_str()).collect();
        assert_eq!(order, ["org_first", "org_everything", "org_last"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_whose_answer_to_the_commit_is_lost_return_what_they_did() {
    let test = async {
        let direct = create("lost_answers").await;
        let proxy = Proxy::start(Server::shared()).await;
        let store = open(&proxy.url, "lost_answers").await.unwrap();
        let events = write("org_1", Keys::default(), |_| Batch {
            events: vec![pending("evt_1"), pending("evt_2")],
            ..with_user(user("org_1", "diruser_1"))
        });
        direct.write(events).await.unwrap();
        let change = direct.changes(0, 1).await.unwrap().remove(0);
        let calls = Arc::new(AtomicUsize::new(0));

        proxy.lose_next_commit();
        let counted = Arc::clone(&calls);
        let parking = updating(move |state| {
            counted.fetch_add(1, Ordering::SeqCst);
            let row =
                ConsumerRow { name: "app".to_owned(), generation: state.generation + 1, ..ConsumerRow::default() };
            let park = Park { change: Box::new(change.clone()), reason: "bad".to_owned(), at: Timestamp::UNIX_EPOCH };
            Ok(ConsumerUpdate { row: Some(row), park: Some(park) })
        });
        store.update_consumer(parking).await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 1, "the decision was called once");

        proxy.lose_next_commit();
        assert!(store.drop_parked_change("app".to_owned(), 1).await.unwrap());
        proxy.lose_next_commit();
        assert!(store.drop_consumer("app".to_owned()).await.unwrap());
        proxy.lose_next_commit();
        let soon = Timestamp::UNIX_EPOCH + Duration::from_secs(1);
        let expiry = Expiry { organization_id: None, before: soon, limit: 10, forget: Timestamp::UNIX_EPOCH };
        assert_eq!(store.expire_events(expiry).await.unwrap(), [("org_1".to_owned(), 2)].into());
        proxy.lose_next_commit();
        let everything = Retention {
            changes: soon,
            consumers: soon,
            tombstones: soon,
            events: soon,
            losses: soon,
            history: None,
            runs: soon,
            limit: 10,
        };
        assert_eq!(store.trim(everything).await.unwrap(), 1, "only the change is removed");

        assert_eq!(proxy.happened(), 5, "each call lost one answer");
        assert!(!direct.drop_parked_change("app".to_owned(), 1).await.unwrap());
        assert!(!direct.drop_consumer("app".to_owned()).await.unwrap());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_that_two_organizations_store_at_once_is_stored_once() {
    let test = async {
        // Two stores, as in two processes: the writes of one store could be in one transaction.
        let (store, other) = (create("same_event").await, open(&Server::shared().url, "same_event").await.unwrap());
        let (store, other) = (Arc::new(store), Arc::new(other));
        let both = Arc::new(std::sync::Barrier::new(2));
        let decisions = Arc::new(AtomicUsize::new(0));
        let storing = [(&store, "org_1"), (&other, "org_2")].map(|(store, organization)| {
            let (store, both, decisions) = (Arc::clone(store), Arc::clone(&both), Arc::clone(&decisions));
            let keys = Keys { events: ["evt_1".to_owned()].into(), ..Keys::default() };
            let storing = write(organization, keys, move |set| {
                // Both writes have found no event, so both insert it. The later insertion fails, and that write is decided again.
                if decisions.fetch_add(1, Ordering::SeqCst) < 2 {
                    assert!(set.events.is_empty());
                    block_in_place(|| both.wait());
                }
                let is_new = set.events.is_empty();
                let row = EventRow { organization_id: organization.to_owned(), ..pending("evt_1") };
                Batch { events: is_new.then_some(row).into_iter().collect(), ..Batch::default() }
            });
            tokio::spawn(async move { store.write(storing).await })
        });
        for one in storing {
            one.await.unwrap().unwrap();
        }

        assert_eq!(decisions.load(Ordering::SeqCst), 3);
        let organizations = ["org_1".to_owned(), "org_2".to_owned()];
        let keys = Keys { organizations: organizations.clone().into(), ..Keys::default() };
        let counts = store.load(keys).await.unwrap().pending;
        let mut stored = 0;
        for organization in organizations {
            let events = store.events(organization.clone(), EventState::Pending, 0, 10).await.unwrap();
            assert_eq!(counts.get(&organization).map_or(0, |pending| pending.events), events.len() as u64);
            stored += events.len();
        }
        assert_eq!(stored, 1);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_directory_that_two_organizations_store_at_once_is_stored_once() {
    let test = async {
        // Two stores, as in two processes: the writes of one store could be in one transaction.
        let (store, other) =
            (create("same_directory").await, open(&Server::shared().url, "same_directory").await.unwrap());
        let (store, other) = (Arc::new(store), Arc::new(other));
        let both = Arc::new(std::sync::Barrier::new(2));
        let decisions = Arc::new(AtomicUsize::new(0));
        let storing = [(&store, "org_1"), (&other, "org_2")].map(|(store, organization)| {
            let (store, both, decisions) = (Arc::clone(store), Arc::clone(&both), Arc::clone(&decisions));
            let keys = Keys { directories: ["dir_1".to_owned()].into(), ..Keys::default() };
            let storing = write(organization, keys, move |set| {
                // Both writes have found no directory, so both insert it. The later insertion fails, and that write is decided again.
                if decisions.fetch_add(1, Ordering::SeqCst) < 2 {
                    assert!(set.directories.is_empty());
                    block_in_place(|| both.wait());
                }
                let is_new = set.directories.is_empty();
                let mut row = DirectoryRow::default();
                row.directory.id = "dir_1".to_owned();
                row.directory.organization_id = organization.to_owned();
                Batch { directories: is_new.then_some(row).into_iter().collect(), ..Batch::default() }
            });
            tokio::spawn(async move { store.write(storing).await })
        });
        for one in storing {
            one.await.unwrap().unwrap();
        }

        assert_eq!(decisions.load(Ordering::SeqCst), 3);
        assert_eq!(store.directories(None).await.unwrap().len(), 1);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test]
async fn a_directory_that_a_decision_has_not_loaded_is_loaded_and_replaced() {
    let store = create("replaced_directory").await;
    for name in ["first", "second"] {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let storing = write("org_1", Keys::default(), move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut row = DirectoryRow::default();
            row.directory.id = "dir_1".to_owned();
            row.directory.organization_id = "org_1".to_owned();
            row.directory.name = name.to_owned();
            Batch { directories: vec![row], ..Batch::default() }
        });
        store.write(storing).await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
    let stored = store.directories(None).await.unwrap();
    assert_eq!(stored.iter().map(|row| row.directory.name.as_str()).collect::<Vec<_>>(), ["second"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_environment_is_bound_by_one_of_two_organizations() {
    let test = async {
        // Two stores, as in two processes: the writes of one store could be in one transaction.
        let (store, other) = (create("environment").await, open(&Server::shared().url, "environment").await.unwrap());
        let (store, other) = (Arc::new(store), Arc::new(other));
        let both = Arc::new(std::sync::Barrier::new(2));
        let firsts = Arc::new(AtomicUsize::new(0));
        let binding = [(&store, "org_1"), (&other, "org_2")].map(|(store, organization)| {
            let (store, both, firsts) = (Arc::clone(store), Arc::clone(&both), Arc::clone(&firsts));
            let binding = write(organization, Keys::default(), move |set| {
                // Both writes have found no environment, so both bind it. Each then locks the environment and is decided again, and the later one
                // finds it bound.
                if firsts.fetch_add(1, Ordering::SeqCst) < 2 {
                    assert_eq!(set.environment.host, None);
                    block_in_place(|| both.wait());
                }
                let is_bound = set.environment.host.is_some();
                let row = EnvironmentRow { host: Some(organization.to_owned()), ..EnvironmentRow::default() };
                Batch { environment: (!is_bound).then_some(row), ..with_user(user(organization, organization)) }
            });
            tokio::spawn(async move { store.write(binding).await })
        });
        for one in binding {
            one.await.unwrap().unwrap();
        }

        let bound = store.load(Keys::default()).await.unwrap().environment.host.unwrap();
        let changes = store.changes(0, 10).await.unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].organization_id, bound, "the write that was committed first has bound it");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
