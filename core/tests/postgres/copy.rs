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
use std::process::{Command, Stdio};

/// Environment variables of [`copying_process`]: the places from which and to which it copies. A place is the path of a file, or the argument for
/// [`schema`].
const FROM: &str = "HEADCOUNT_COPY_FROM";
const TO: &str = "HEADCOUNT_COPY_TO";

/// Removes a file of an earlier run. Returns its path.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("copy");
    std::fs::create_dir_all(&folder).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}.db{suffix}")));
    }
    folder.join(format!("{name}.db"))
}

/// Returns the options of a copy into a schema of its own, which does not exist yet.
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
async fn a_mirror_that_is_copied_to_postgresql_or_from_there_has_the_same_rows() {
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

            // The other direction, from a mirror in PostgreSQL that was opened before it was filled: opening it later would complete its chores.
            let third: Arc<dyn Store> = Arc::new(create(&format!("{name}_filled")).await);
            let mirror = mirror_in(&third).await;
            fill(&third, seed).await;
            let fourth = sqlite(&file(&format!("back_{seed}"))).await;
            mirror.copy_to_store(Arc::clone(&fourth)).await.unwrap();
            let (expected, copied) = (digest_of(&third).await, digest_of(&fourth).await);
            assert_eq!(copied.difference(&expected), None, "seed {seed}");
            assert_eq!(copied.checksum(), expected.checksum());
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

/// Returns the path or URL of a place, and the schema if it is in PostgreSQL.
fn place(name: &str) -> (String, Option<String>) {
    match name.contains('/') {
        true => (name.to_owned(), None),
        false => (Server::shared().url.clone(), Some(schema(name))),
    }
}

/// Copies a mirror from one place to another.
async fn copy(from: &str, to: &str) {
    let (path, from_schema) = place(from);
    let builder = match from_schema {
        Some(schema) => Mirror::builder().schema(schema),
        None => Mirror::builder(),
    };
    let mirror = builder.open(path).await.unwrap();
    let mut options = CopyOptions::default();
    let (path, to_schema) = place(to);
    options.schema = to_schema;
    mirror.copy_to(&path, options).await.unwrap();
}

/// The process that copies. The tests below start this function with the environment variables; without them, the function does nothing. Prints the
/// process's peak memory in KiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copying_process() {
    let (Ok(from), Ok(to)) = (std::env::var(FROM), std::env::var(TO)) else { return };
    copy(&from, &to).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    println!("peak {}", peak.unwrap_or("0"));
}

/// Returns the command that starts [`copying_process`].
fn copying(from: &str, to: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "copy::copying_process", "--nocapture"])
        .env(FROM, from)
        .env(TO, to)
        // The process uses the server of this one.
        .env("HEADCOUNT_TEST_POSTGRES", &Server::shared().url)
        .env("HEADCOUNT_TEST_PGBOUNCER", Server::shared().bouncer())
        .stderr(Stdio::null());
    command
}

/// Opens the store of a place.
async fn store_of(place: &str) -> Arc<dyn Store> {
    match place.contains('/') {
        true => sqlite(std::path::Path::new(place)).await,
        false => Arc::new(open(&Server::shared().url, place).await.unwrap()),
    }
}

/// Fills the store of a mirror with users, their changes, and a consumer that has parked one.
async fn fill_mirror(store: &Arc<dyn Store>) {
    for number in 0..20 {
        let row = user("org_1", &format!("diruser_{number}"));
        store.write(write("org_1", Keys::default(), move |_| with_user(row.clone()))).await.unwrap();
    }
    let mirror = mirror_in(store).await;
    let polled = mirror.poll("app", 5).await.unwrap();
    mirror.park("app", polled[2].seq, "later").await.unwrap();
}

/// Starts a copy in another process, and kills it (SIGKILL) while one of its statements, which must contain `statement`, waits for the lock of `table`.
/// `name` is the place in PostgreSQL: either `from` or `to`. Checks that the target is then empty, and that the copy can be repeated.
async fn kill_in_the_middle(from: &str, to: &str, name: &str, table: &str, statement: &str) {
    // The copy reads the tables of its target before it begins to fill them.
    let mode = if name == to { "EXCLUSIVE" } else { "ACCESS EXCLUSIVE" };
    let mut connection = connect(&Server::shared().url).await;
    let lock = connection.transaction().await.unwrap();
    lock.batch_execute(&format!("LOCK TABLE {}.{table} IN {mode} MODE", schema(name))).await.unwrap();
    let mut process = copying(from, to).stdout(Stdio::null()).spawn().unwrap();
    let waiting = format!(
        "SELECT query FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE NOT granted AND relation = '{}.{table}'::regclass",
        schema(name)
    );
    let query = loop {
        match Server::shared().psql(&waiting) {
            none if none.is_empty() => tokio::time::sleep(Duration::from_millis(5)).await,
            query => break query,
        }
    };
    assert!(query.contains(statement), "another statement waits: {query}");

    process.kill().unwrap();
    process.wait().unwrap();
    lock.rollback().await.unwrap();

    let target = store_of(to).await;
    let empty: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
    assert_eq!(digest_of(&target).await.difference(&digest_of(&empty).await), None, "the target is not empty");
    target.close().await.unwrap();
    copy(from, to).await;
    let (source, target) = (store_of(from).await, store_of(to).await);
    assert_eq!(digest_of(&target).await.difference(&digest_of(&source).await), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_to_postgresql_whose_process_is_killed_leaves_the_target_empty_and_can_be_repeated() {
    let test = async {
        for (number, table) in ["users", "change", "parked_change"].into_iter().enumerate() {
            let (path, name) = (file(&format!("killed_to_{number}")), format!("copy_killed_to_{number}"));
            let from = path.to_str().unwrap();
            fill_mirror(&sqlite(&path).await).await;
            drop(create(&name).await);
            kill_in_the_middle(from, &name, &name, table, &format!("INSERT INTO \"{}\".{table}", schema(&name))).await;
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_from_postgresql_whose_process_is_killed_leaves_the_target_empty_and_can_be_repeated() {
    let test = async {
        for (number, table) in ["users", "change", "parked_change"].into_iter().enumerate() {
            let (path, name) = (file(&format!("killed_from_{number}")), format!("copy_killed_from_{number}"));
            let to = path.to_str().unwrap();
            let source: Arc<dyn Store> = Arc::new(create(&name).await);
            fill_mirror(&source).await;
            kill_in_the_middle(&name, to, &name, table, "octet_length").await;
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Copies a mirror of this many users in a file to PostgreSQL and from there to another file, each in a process of its own. Returns the peak memory of each
/// process in KiB.
#[cfg(target_os = "linux")]
async fn peaks_of_copies(users: usize) -> [u64; 2] {
    let (first, last) = (file(&format!("memory_from_{users}")), file(&format!("memory_to_{users}")));
    let between = format!("copy_memory_{users}");
    drop(create(&between).await);
    let store = sqlite(&first).await;
    for start in (0..users).step_by(500) {
        let mut batch = Batch::default();
        for number in start..(start + 500).min(users) {
            let mut row = user("org_1", &format!("diruser_{number}"));
            row.user.given_name = "x".repeat(1_000);
            batch.extend(with_user(row));
        }
        store.write(write("org_1", Keys::default(), move |_| batch.clone())).await.unwrap();
    }
    store.close().await.unwrap();
    [(first.to_str().unwrap(), between.as_str()), (&between, last.to_str().unwrap())].map(|(from, to)| {
        let ended = copying(from, to).output().unwrap();
        let output = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{output}");
        output.lines().find_map(|line| line.split_once("peak ")).unwrap().1.trim().parse().unwrap()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn the_memory_of_a_copy_does_not_grow_with_the_number_of_users() {
    let small = peaks_of_copies(500).await;
    let large = peaks_of_copies(50_000).await;
    for (direction, small, large) in [("to", small[0], large[0]), ("from", small[1], large[1])] {
        // The rows have about 110 MB, with their changes. The page cache of a connection to a file may take 16 MiB. The rest is for pages of the copy
        // and for the allocator's fragmentation.
        assert!(
            large < small + 48 * 1024,
            "{large} KiB for 50,000 users {direction} PostgreSQL, expected less than 48 MiB more than the {small} KiB for 500"
        );
    }
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
