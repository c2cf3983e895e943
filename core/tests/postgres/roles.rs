//! Roles with few permissions: the scripts of the guide to PostgreSQL, and mirrors under the roles that they make.

use super::*;
use headcount::mirror::CopyOptions;
use headcount::store::SqliteStore;
use headcount::store::conformance::fill;
use headcount::{ErrorStatus, Mirror};
use std::sync::LazyLock;
use tokio::sync::{Mutex, MutexGuard};

/// Runs SQL as a role, and returns the value of its last statement or the error.
fn as_role(server: &Server, role: &str, sql: &str) -> std::result::Result<String, String> {
    server.psql_result(&format!("SET SESSION AUTHORIZATION {role}; {sql}"))
}

/// Returns the URL of a server's database for a role.
fn url(server: &Server, role: &str) -> String {
    server.url.replace("user=headcount", &format!("user={role}"))
}

/// Returns a server that has the roles of the guide, a login for each of them, and in the schema `headcount` a mirror with two organizations. The names
/// of the roles and of the schema are fixed in the scripts, so they do not run on the shared server, and tests use this one in turn.
async fn server_with_roles() -> (&'static Server, MutexGuard<'static, ()>) {
    static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(Start::default()));
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let server = &*SERVER;
    server.psql("DROP SCHEMA IF EXISTS headcount CASCADE");
    // Before and after the first opening, as the script's comment says.
    server.psql_file("postgresql-roles.sql", &[]).unwrap();
    if server.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'app'") == "0" {
        server.psql(
            "CREATE ROLE app_migrate LOGIN IN ROLE headcount_migrate; ALTER ROLE app_migrate SET role = headcount_migrate;
            CREATE ROLE app LOGIN IN ROLE headcount_write; CREATE ROLE report LOGIN IN ROLE headcount_read;
            CREATE ROLE acme LOGIN; CREATE ROLE other LOGIN",
        );
    }
    let error = PostgresStore::connect(&url(server, "app")).await.unwrap_err();
    assert!(error.message().contains("no permission to create or change the schema headcount"), "{error}");
    drop(PostgresStore::connect(&url(server, "app_migrate")).await.unwrap());
    server.psql_file("postgresql-roles.sql", &[]).unwrap();
    let store = PostgresStore::connect(&url(server, "app")).await.unwrap();
    for (organization, id) in [("org_1", "diruser_1"), ("org_2", "diruser_2")] {
        let directory = |organization: &str| {
            let mut row = DirectoryRow::default();
            row.directory.id = format!("dir of {organization}");
            row.directory.organization_id = organization.to_owned();
            row
        };
        let batch = move || {
            let mut row = user(organization, id);
            row.user.directory_id = format!("dir of {organization}");
            Batch { directories: vec![directory(organization)], ..with_user(row) }
        };
        store.write(write(organization, Keys::default(), move |_| batch())).await.unwrap();
    }
    (server, turn)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_the_application_can_do_what_a_mirror_does_and_cannot_migrate() {
    let test = async {
        let (server, _turn) = server_with_roles().await;
        let store = PostgresStore::connect(&url(server, "app")).await.unwrap();
        let everything = write("", Keys::default(), |_| with_user(user("org_2", "diruser_3")));
        store.write(Write { scope: Scope::Everything, ..everything }).await.unwrap();
        let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap();
        assert!(lease.is_some());
        let soon = Timestamp::UNIX_EPOCH + Duration::from_secs(1);
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
        store.trim(old).await.unwrap();
        assert!(!store.is_read_only());
        let mirror = Mirror::builder().guard_users(7).open(url(server, "app")).await.unwrap();
        mirror.set_role_map([("Crew", "sailor")]).await.unwrap();
        mirror.start_from_snapshot("app").await.unwrap();
        assert!(!mirror.poll("app", 10).await.unwrap().is_empty());
        for sql in [
            "CREATE TABLE headcount.other (id bigint)",
            "DROP TABLE headcount.users",
            "ALTER TABLE headcount.users ADD COLUMN other bigint",
            "UPDATE headcount.version SET version = version + 1",
            "SELECT setval('headcount.revision', 1)",
        ] {
            let error = as_role(server, "app", sql).unwrap_err();
            assert!(error.contains("permission denied") || error.contains("must be owner"), "{sql}: {error}");
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_of_the_role_that_reads_can_be_read_and_not_written() {
    let test = async {
        let (server, _turn) = server_with_roles().await;
        Mirror::builder().open(url(server, "app")).await.unwrap().set_role_map([("Crew", "sailor")]).await.unwrap();
        // A setting that this role would have to store is ignored.
        let mirror = Mirror::builder().guard_users(7).open(url(server, "report")).await.unwrap();
        assert_eq!(mirror.user("diruser_1").await.unwrap().unwrap().organization_id, "org_1");
        assert_eq!(mirror.status().await.unwrap().len(), 2);
        assert_eq!(mirror.role_map().await.unwrap().len(), 1);
        assert_ne!(mirror.settings().await.unwrap().guard.users, 7);
        assert_eq!(mirror.holds("org_1", None).await.unwrap().len(), 0);
        for error in [
            mirror.set_role_map([("Crew", "captain")]).await.unwrap_err(),
            mirror.poll("app", 1).await.unwrap_err(),
            mirror.link("diruser_1", Some("1")).await.unwrap_err(),
        ] {
            assert!(error.message().contains("the role has no permission"), "{error}");
            assert_eq!(error.status(), ErrorStatus::Permanent);
        }
        for sql in [
            "DELETE FROM headcount.users",
            "SELECT nextval('headcount.revision')",
            "INSERT INTO headcount.scope VALUES (1, 'x', 1)",
        ] {
            assert!(as_role(server, "report", sql).unwrap_err().contains("permission denied"), "{sql}");
        }
        // A reader can copy the mirror to another store.
        let copy: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
        mirror.copy_to_store(Arc::clone(&copy)).await.unwrap();
        assert_eq!(copy.users(UserFilter::default(), 0, 10).await.unwrap().len(), 2);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_that_migrates_can_copy_a_mirror_into_the_database_and_the_role_of_the_application_cannot() {
    let test = async {
        let (server, _turn) = server_with_roles().await;
        server.psql("DROP SCHEMA headcount CASCADE");
        server.psql_file("postgresql-roles.sql", &[]).unwrap();
        drop(PostgresStore::connect(&url(server, "app_migrate")).await.unwrap());
        let source: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
        let mirror = Mirror::builder().open_in(Arc::clone(&source)).await.unwrap();
        fill(&source, 1).await;
        let error = mirror.copy_to(url(server, "app"), CopyOptions::default()).await.unwrap_err();
        assert!(error.message().contains("the role has no permission"), "{error}");
        mirror.copy_to(url(server, "app_migrate"), CopyOptions::default()).await.unwrap();
        // The application's role uses the copy.
        let store = PostgresStore::connect(&url(server, "app")).await.unwrap();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_new")))).await.unwrap();
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_level_security_confines_a_role_to_one_organization() {
    const SCRIPT: &str = "postgresql-row-security.sql";
    let test = async {
        let (server, _turn) = server_with_roles().await;
        // The second run for `acme` replaces its organization.
        for (role, organization) in [("acme", "org_2"), ("acme", "org_1"), ("other", "org_2")] {
            let role = format!("confined={role}");
            server.psql_file(SCRIPT, &[&role, &format!("organization={organization}")]).unwrap();
        }
        let mirror = Mirror::builder().open(url(server, "acme")).await.unwrap();
        assert_eq!(mirror.user("diruser_1").await.unwrap().unwrap().organization_id, "org_1");
        assert!(mirror.user("diruser_2").await.unwrap().is_none());
        let status = mirror.status().await.unwrap();
        assert_eq!(status.len(), 1);
        assert_eq!(status[0].directory.organization_id, "org_1");
        for (role, organization) in [("acme", "org_1"), ("other", "org_2")] {
            for table in ["users", "change", "directory"] {
                let sql = format!("SELECT string_agg(DISTINCT organization_id, ' ') FROM headcount.{table}");
                assert_eq!(as_role(server, role, &sql).unwrap(), organization, "{table}");
            }
            for sql in [
                "UPDATE headcount.users SET body = ''",
                "SELECT * FROM headcount.lease",
                "SELECT * FROM headcount.consumer",
                "SET row_security = off; SELECT * FROM headcount.users",
                "SET ROLE headcount_read; SELECT * FROM headcount.users",
            ] {
                assert!(as_role(server, role, sql).is_err(), "{sql}");
            }
            let role_maps = "SELECT count(*) FROM headcount.setting WHERE name = 'role_map'";
            assert_eq!(as_role(server, role, role_maps).unwrap(), "0");
        }
        assert!(as_role(server, "acme", "SELECT * FROM headcount.scope").is_err());

        // The roles of the mirror read and write all rows.
        let store = PostgresStore::connect(&url(server, "app")).await.unwrap();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_4")))).await.unwrap();
        assert_eq!(user_ids(&store).await.len(), 3);
        let report = Mirror::builder().open(url(server, "report")).await.unwrap();
        assert_eq!(report.status().await.unwrap().len(), 2);
        drop(PostgresStore::connect(&url(server, "app_migrate")).await.unwrap());

        let error = server.psql_file(SCRIPT, &["confined=report", "organization=org_1"]).unwrap_err();
        assert!(error.contains("expected a role that is not a superuser"), "{error}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
