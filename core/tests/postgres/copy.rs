//! Copies of mirrors between SQLite and PostgreSQL.

use super::*;
use headcount::mirror::{CopyOptions, SyncMode};
use headcount::store::SqliteStore;
use headcount::store::conformance::{digest_of, fill};
use headcount::store::copy::{NUMBERS, TABLES};
use headcount::{ErrorStatus, Mirror};
use headcount_sandbox::{NewUser, Sandbox};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The path of a file that does not exist.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("copy");
    std::fs::create_dir_all(&folder).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}.db{suffix}")));
    }
    folder.join(format!("{name}.db"))
}

/// The options of a copy into a schema of its own that does not exist yet.
fn into_schema(name: &str) -> CopyOptions {
    Server::shared().forget(&schema(name));
    let mut options = CopyOptions::default();
    options.schema = Some(schema(name));
    options
}

/// Opens a mirror without a client in a store.
async fn mirror_in(store: &Arc<dyn Store>) -> Mirror {
    Mirror::builder().open_in(Arc::clone(store)).await.unwrap()
}

async fn sqlite(path: &std::path::Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_off_executor(path).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_was_copied_to_postgresql_and_back_has_the_same_rows() {
    let test = async {
        for seed in 0..6 {
            let (name, path) = (format!("copy_{seed}"), file(&format!("there_{seed}")));
            let first = sqlite(&path).await;
            let source = mirror_in(&first).await;
            fill(&first, seed).await;
            let report = source.copy_to(&Server::shared().url, into_schema(&name)).await.unwrap();

            let second: Arc<dyn Store> = Arc::new(open(&Server::shared().url, &name).await.unwrap());
            let (expected, copied) = (digest_of(&first).await, digest_of(&second).await);
            assert_eq!(copied.difference(&expected), None, "seed {seed}");
            assert_eq!(report.checksum, copied.checksum());
            assert_eq!(report.tables.len(), TABLES.len() - 1, "{:?}", report.tables);

            // Opening a mirror would complete the chores of the copy, so it is opened in an empty schema, which then gets the copy back.
            let third = sqlite(&file(&format!("back_{seed}"))).await;
            let between: Arc<dyn Store> = Arc::new(create(&format!("{name}_between")).await);
            let mirror = mirror_in(&between).await;
            source.copy_to_store(Arc::clone(&between)).await.unwrap();
            mirror.copy_to_store(Arc::clone(&third)).await.unwrap();
            let back = digest_of(&third).await;
            assert_eq!(back.difference(&expected), None, "seed {seed}");
            assert_eq!(back.checksum(), expected.checksum());
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_and_syncs_continue_at_the_copy_where_they_were() {
    let test = async {
        let sandbox = Sandbox::builder().users(12).groups(3).start().unwrap();
        let organization = sandbox.organization_id();
        let source = Mirror::builder()
            .client(sandbox.client().build().unwrap())
            .guard_users(9)
            .open(file("continue"))
            .await
            .unwrap();
        source.set_role_map([("*", "member")]).await.unwrap();
        source.sync(organization).await.unwrap();
        let first = source.poll("app", 5).await.unwrap();
        source.ack("app", first[3].seq).await.unwrap();
        source.park("app", first[4].seq, "later").await.unwrap();
        source.start_from_snapshot("new").await.unwrap();
        let of_snapshot = source.poll("new", 4).await.unwrap();
        source.ack("new", of_snapshot[1].seq).await.unwrap();
        let user = first.iter().find_map(|change| change.user.clone()).unwrap();
        source.link(&user.id, Some("account 1")).await.unwrap();

        let report = source.copy_to(&Server::shared().url, into_schema("continue")).await.unwrap();
        assert_eq!(report.tables.iter().find(|table| table.name == "users").unwrap().rows, 12);

        let open = Mirror::builder().client(sandbox.client().build().unwrap()).schema(schema("continue"));
        let copy = open.open(&Server::shared().url).await.unwrap();
        for consumer in ["app", "new"] {
            assert_eq!(copy.poll(consumer, 1_000).await.unwrap(), source.poll(consumer, 1_000).await.unwrap());
            assert_eq!(copy.parked_changes(consumer).await.unwrap(), source.parked_changes(consumer).await.unwrap());
        }
        assert_eq!(copy.user(&user.id).await.unwrap().unwrap().linked_id.as_deref(), Some("account 1"));
        assert_eq!(copy.status().await.unwrap(), source.status().await.unwrap());
        assert_eq!(copy.settings().await.unwrap().guard.users, 9);
        assert_eq!(copy.role_map().await.unwrap(), source.role_map().await.unwrap());

        let ada = sandbox.create_user(NewUser { email: "ada@example.com".to_owned(), ..NewUser::default() }).unwrap();
        copy.sync(organization).mode(SyncMode::Full).await.unwrap();
        let created = copy.poll("app", 1_000).await.unwrap();
        let created = created.iter().find(|change| change.user.as_ref().is_some_and(|user| user.id == ada.id)).unwrap();
        assert_eq!(created.seq, report.last_change + 1);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_commit_is_not_answered_is_found_and_one_whose_commit_is_lost_can_be_repeated() {
    let test = async {
        let proxy = Proxy::start(Server::shared()).await;
        let first = sqlite(&file("lost")).await;
        let source = mirror_in(&first).await;
        fill(&first, 1).await;
        Server::shared().forget(&schema("copy_lost"));
        let target: Arc<dyn Store> = Arc::new(open(&proxy.url, "copy_lost").await.unwrap());
        let empty = digest_of(&target).await;

        proxy.arm(Fault::LoseCommit, 1);
        let error = source.copy_to_store(Arc::clone(&target)).await.unwrap_err();
        assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
        assert_eq!(digest_of(&target).await, empty);

        proxy.arm(Fault::LoseAnswer, 1);
        source.copy_to_store(Arc::clone(&target)).await.unwrap();
        assert_eq!(proxy.happened(), 2);
        assert_eq!(digest_of(&target).await, digest_of(&first).await);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_through_pgbouncer_works() {
    let test = async {
        let first = sqlite(&file("bouncer")).await;
        let source = mirror_in(&first).await;
        fill(&first, 2).await;
        source.copy_to(Server::shared().bouncer(), into_schema("copy_bouncer")).await.unwrap();
        let copy: Arc<dyn Store> = Arc::new(open(&Server::shared().url, "copy_bouncer").await.unwrap());
        assert_eq!(digest_of(&copy).await, digest_of(&first).await);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_not_empty_and_one_of_a_newer_version_are_refused() {
    let test = async {
        let source: Arc<dyn Store> = Arc::new(create("copy_source").await);
        fill(&source, 1).await;
        let mirror = Mirror::builder().open_in(Arc::new(create("copy_other").await)).await.unwrap();
        for name in ["copy_source", "copy_other"] {
            let mut options = CopyOptions::default();
            options.schema = Some(schema(name));
            mirror.set_role_map([("Crew", "sailor")]).await.unwrap();
            let error = mirror.copy_to(&Server::shared().url, options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.message().contains("expected an empty store"), "{error}");
        }
        drop(create("copy_newer").await);
        Server::shared().psql(&format!("UPDATE {}.version SET version = 99", schema("copy_newer")));
        let mut options = CopyOptions::default();
        options.schema = Some(schema("copy_newer"));
        let error = mirror.copy_to(&Server::shared().url, options).await.unwrap_err();
        assert!(error.message().contains("update headcount"), "{error}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_a_copy_do_not_have_the_password_of_its_target() {
    let mirror = Mirror::builder().open(":memory:").await.unwrap();
    for url in [
        "postgresql://app:Zq7secret@127.0.0.1:9/mirror?sslmode=disable&connect_timeout=1",
        "postgres://app:Zq7secret@localhost/mirror?sslmode=unknown",
        "postgresql:/app:Zq7secret@localhost/mirror",
        "mysql://app:Zq7secret@localhost/mirror",
    ] {
        let error = mirror.copy_to(url, CopyOptions::default()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Zq7secret"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_of_the_schema_is_copied() {
    drop(create("copy_columns").await);
    let sql = format!(
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = '{}'",
        schema("copy_columns")
    );
    let found: BTreeSet<String> = Server::shared().psql(&sql).lines().map(str::to_owned).collect();
    let copied =
        TABLES.iter().flat_map(|table| table.columns.iter().map(move |(name, _)| format!("{}.{name}", table.name)));
    // Leases, what the store keeps for its own operation, and the numbers, which are a table of their own.
    let own = ["lease", "scope", "commit_log", "version", "counter", "durable", "mark"];
    let is_own = |column: &String| own.contains(&column.split('.').next().unwrap_or_default());
    let expected: BTreeSet<String> = copied.filter(|name| !name.starts_with(NUMBERS.name)).collect();
    let found: BTreeSet<String> = found.into_iter().filter(|column| !is_own(column)).collect();
    assert_eq!(found, expected, "add new columns to headcount::store::copy::TABLES");
}
