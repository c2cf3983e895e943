//! Tests of connecting: which server a URL selects, TLS, passwords, permissions, and the errors for servers that cannot be used.

use super::faults::begin_slow_write;
use super::*;
use futures_util::FutureExt;
use headcount::ErrorStatus;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::sync::LazyLock;
use std::time::Instant;

/// The password of the role `with_password`.
const PASSWORD: &str = "correct horse";

/// Makes a certificate authority.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a file for a test. Returns its path.
fn file(name: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Returns a server that uses TLS and asks the role `with_password` for a password, and the path of its certificate authority's file. Its certificate is
/// for `localhost`.
fn secured() -> &'static (Server, String) {
    static SECURED: LazyLock<(Server, String)> = LazyLock::new(|| {
        let (authority, key) = (authority(), KeyPair::generate().unwrap());
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let settings = ["ssl=on", "ssl_cert_file={folder}/server.crt", "ssl_key_file={folder}/server.key"];
        let server = Server::start(Start {
            tcp: true,
            arguments: settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect(),
            hba: "local all with_password scram-sha-256\nhostssl all with_password 127.0.0.1/32 scram-sha-256\n",
            files: vec![("server.crt", certificate.pem()), ("server.key", key.serialize_pem())],
            ..Start::default()
        });
        server.psql(&format!("CREATE ROLE with_password SUPERUSER LOGIN PASSWORD '{PASSWORD}'"));
        (server, file("pg-authority.pem", &authority.pem()))
    });
    &SECURED
}

/// Returns a standby without TLS.
fn standby() -> &'static Server {
    static STANDBY: LazyLock<Server> =
        LazyLock::new(|| Server::start(Start { tcp: true, standby: true, ..Start::default() }));
    &STANDBY
}

/// Opens a store, which must fail. Checks that the error contains no part of a password, and returns its text.
async fn refusal(url: &str) -> String {
    let error = open(url, "refused").await.unwrap_err();
    let text = format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(!text.contains("horse"), "{text}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_and_sslrootcert_decide_which_server_is_trusted() {
    let test = async {
        let (server, trusted) = secured();
        let other = file("pg-other-authority.pem", &authority().pem());
        let url = |host: &str, mode: &str, root: &str, name: &str| {
            let port = server.port();
            format!("postgresql://headcount@{host}:{port}/postgres?sslmode={mode}{root}&application_name={name}")
        };
        let (right, wrong) = (format!("&sslrootcert={trusted}"), format!("&sslrootcert={other}"));
        for (number, (host, mode, root, is_encrypted)) in [
            ("localhost", "disable", "", "f"),
            ("localhost", "prefer", "", "t"),
            ("127.0.0.1", "require", "", "t"),
            ("127.0.0.1", "require", right.as_str(), "t"),
            ("127.0.0.1", "verify-ca", &right, "t"),
            ("localhost", "verify-full", &right, "t"),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("tls_{number}");
            let store = open(&url(host, mode, root, &name), "tls").await.unwrap();
            let sql =
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name =";
            assert_eq!(server.psql(&format!("{sql} '{name}'")), is_encrypted, "{host} {mode} {root}");
            drop(store);
        }
        for (host, mode, root) in [
            ("127.0.0.1", "verify-full", right.as_str()),
            ("localhost", "verify-full", &wrong),
            ("localhost", "verify-full", "&sslrootcert=system"),
            ("127.0.0.1", "verify-ca", &wrong),
            ("127.0.0.1", "require", &wrong),
        ] {
            let started = Instant::now();
            let error = refusal(&url(host, mode, root, "untrusted")).await;
            assert!(error.contains("the server cannot be trusted"), "{host} {mode} {root}: {error}");
            assert!(started.elapsed() < Duration::from_secs(3), "the connection was tried again");
        }
        let plain = format!("postgresql://headcount@localhost:{}/postgres?sslmode=require", standby().port());
        let error = refusal(&plain).await;
        assert!(error.contains("the server does not use TLS, which sslmode requires"), "{error}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Environment variable of [`connecting_process`]: the server's URL.
const CONNECTS_TO: &str = "HEADCOUNT_CONNECTS_TO";

/// A process with another home folder, started by the test below. Does nothing without the environment variable that the test sets. It prints
/// `trusted` if it can connect, and otherwise the error.
#[test]
fn connecting_process() {
    let Ok(url) = std::env::var(CONNECTS_TO) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(open(&url, "tls_home")) {
        Ok(_) => println!("connecting process: trusted"),
        Err(error) => println!("connecting process: {error}"),
    }
}

/// Returns what a [`connecting_process`] prints.
fn connect_with_home(home: &std::path::Path, url: &str) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "connection::connecting_process", "--nocapture"])
        .env(CONNECTS_TO, url)
        .env("HOME", home)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let printed = text.lines().find_map(|line| line.split_once("connecting process: "));
    printed.expect("the process has printed nothing").1.to_owned()
}

#[test]
fn sslmode_require_checks_the_certificate_if_the_home_folder_has_a_file_of_authorities() {
    let (server, trusted) = secured();
    let home = |name: &str, authorities: Option<&str>| {
        let home = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let folder = home.join(".postgresql");
        std::fs::create_dir_all(&folder).unwrap();
        match authorities {
            Some(pem) => std::fs::write(folder.join("root.crt"), pem).unwrap(),
            None => assert!(!folder.join("root.crt").exists()),
        }
        home
    };
    let without = home("pg-home-without", None);
    let right = home("pg-home-right", Some(&std::fs::read_to_string(trusted).unwrap()));
    let wrong = home("pg-home-wrong", Some(&authority().pem()));
    let connect = |home: &std::path::Path, mode: &str| {
        // The certificate is for `localhost`, so the connection fails if the name is checked.
        connect_with_home(home, &format!("postgresql://headcount@127.0.0.1:{}/postgres?sslmode={mode}", server.port()))
    };

    assert_eq!(connect(&without, "require"), "trusted");
    assert_eq!(connect(&right, "require"), "trusted");
    assert_eq!(connect(&wrong, "prefer"), "trusted");
    assert_eq!(connect(&wrong, &format!("require&sslrootcert={trusted}")), "trusted");
    for mode in ["require", "verify-ca"] {
        let refused = connect(&wrong, mode);
        assert!(refused.contains("the server cannot be trusted"), "{mode}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_comes_from_the_url_or_from_a_file() {
    let test = async {
        let (server, _) = secured();
        let folder = server.folder().display();
        let port = server.port();
        let url = |password: &str, more: &str| {
            format!("postgresql://with_password{password}@/postgres?host={folder}&port={port}{more}")
        };
        let lines = file("pgpass", &format!("elsewhere:*:*:*:wrong\n*:*:postgres:with_password:{PASSWORD}\n"));
        std::fs::set_permissions(&lines, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        open(&url(":correct%20horse", ""), "password").await.unwrap();
        open(&url("", &format!("&passfile={lines}")), "password").await.unwrap();

        let error = refusal(&url(":wrong%20horse", "")).await;
        assert!(error.contains("the server refused the password"), "{error}");
        let error = refusal(&url("", "&passfile=/dev/null")).await;
        assert!(error.contains("the server asks for a password"), "{error}");
        let tcp = format!("postgresql://with_password:wrong%20horse@localhost:{port}/postgres?sslmode=require");
        let error = refusal(&tcp).await;
        assert!(error.contains("the server refused the password"), "{error}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_used_is_refused_and_the_error_says_what_to_do() {
    let test = async {
        let server = Server::shared();
        let missing = server.url.replace("/postgres?", "/no_such_database?");
        let error = refusal(&missing).await;
        assert!(error.contains("there is no such database"), "{error}");

        server.psql("DROP ROLE IF EXISTS test_limited");
        server.psql("CREATE ROLE test_limited LOGIN");
        let limited = server.url.replace("user=headcount", "user=test_limited");
        let error = refusal(&limited).await;
        let sql = format!("CREATE SCHEMA {} AUTHORIZATION \"test_limited\"", schema("refused"));
        assert!(error.contains(&sql), "{error}");

        let error = refusal("postgresql://headcount@/postgres?host=/does/not/exist").await;
        assert!(error.contains("check that the server runs"), "{error}");

        let error = open("postgresql:///?sslmode=on", "refused").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert_eq!(error.status(), ErrorStatus::Permanent, "{error}");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_refused_and_is_skipped_in_a_list_of_hosts() {
    let test = async {
        let (primary, _) = secured();
        let error = refusal(&standby().url).await;
        assert!(error.contains("the server is a standby"), "{error}");

        let hosts = format!("{},{}", standby().folder().display(), primary.folder().display());
        let ports = format!("{},{}", standby().port(), primary.port());
        let url = format!("postgresql://headcount@/postgres?host={hosts}&port={ports}");
        let store = open(&url, "hosts").await.unwrap();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_no_free_connection_is_skipped_in_a_list_of_hosts() {
    let test = async {
        let settings = ["max_connections=3", "superuser_reserved_connections=0", "max_wal_senders=0"];
        let arguments = settings.map(|setting| ["-c".to_owned(), setting.to_owned()]).concat();
        let full = Server::of_a_test(Start { arguments, ..Start::default() });
        let (_first, _second, _third) = tokio::join!(connect(&full.url), connect(&full.url), connect(&full.url));
        let error = refusal(&full.url).await;
        assert!(error.contains("the server has too many connections"), "{error}");

        let (primary, _) = secured();
        let hosts = format!("{},{}", full.folder().display(), primary.folder().display());
        let ports = format!("{},{}", full.port(), primary.port());
        let url = format!("postgresql://headcount@/postgres?host={hosts}&port={ports}");
        let store = open(&url, "full_hosts").await.unwrap();
        assert!(user_ids(&store).await.is_empty());
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

/// Returns the URL of two proxies in front of the same server.
fn url_of_both(first: &Proxy, second: &Proxy) -> String {
    let hosts = format!("{},{}", first.host().display(), second.host().display());
    format!("postgresql://headcount@/postgres?host={hosts}&port=5432,5432")
}

/// Makes three connections of the store, which are idle afterwards.
async fn connect_three_times(store: &Arc<PostgresStore>) {
    let (first, writing) = begin_slow_write(store, "org_1").await;
    let (second, also_writing) = begin_slow_write(store, "org_2").await;
    user_ids(store).await;
    drop((first, second));
    writing.await.unwrap();
    also_writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn new_connections_are_made_to_the_server_that_accepted_the_latest_one() {
    let test = async {
        let (first, second) = (Proxy::start(Server::shared()).await, Proxy::start(Server::shared()).await);
        first.refuse(true);
        let store = Arc::new(open(&url_of_both(&first, &second), "preferred").await.unwrap());
        // As the former primary of a failover, the first server accepts connections again.
        first.refuse(false);
        connect_three_times(&store).await;
        assert_eq!(first.accepted(), 0);

        second.lose_next_commit_and_refuse();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
        assert!(first.accepted() > 0);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_idle_connections_to_a_server_that_was_lost_are_closed() {
    let test = async {
        let (first, second) = (Proxy::start(Server::shared()).await, Proxy::start(Server::shared()).await);
        let store = Arc::new(open(&url_of_both(&first, &second), "lost_idle").await.unwrap());
        connect_three_times(&store).await;
        assert!(first.open() >= 3);

        first.lose_next_commit_and_refuse();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
        while first.open() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_a_permission_fails_and_succeeds_once_the_permission_is_granted() {
    let test = async {
        let (server, table) = (Server::shared(), format!("{}.users", schema("permission")));
        drop(create("permission").await);
        server.psql("DO $$ BEGIN CREATE ROLE test_permission LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        server.psql(&format!(
            "GRANT USAGE ON SCHEMA {name} TO test_permission;
            GRANT ALL ON ALL TABLES IN SCHEMA {name} TO test_permission;
            GRANT ALL ON ALL SEQUENCES IN SCHEMA {name} TO test_permission",
            name = schema("permission")
        ));
        let url = server.url.replace("user=headcount", "user=test_permission");
        let store = open(&url, "permission").await.unwrap();
        let write = |id: &'static str| write("org_1", Keys::default(), move |_| with_user(user("org_1", id)));
        store.write(write("diruser_1")).await.unwrap();

        server.psql(&format!("REVOKE INSERT ON {table} FROM test_permission"));
        let error = store.write(write("diruser_2")).await.unwrap_err();
        assert!(error.message().contains("the role has no permission for a statement"), "{error}");
        assert_eq!(error.status(), ErrorStatus::Permanent, "{error}");
        assert_eq!(user_ids(&store).await, ["diruser_1"]);

        server.psql(&format!("GRANT INSERT ON {table} TO test_permission"));
        store.write(write("diruser_3")).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1", "diruser_3"]);
        assert_eq!(seqs(&store).await, [1, 2]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_with_read_only_transactions_by_default_can_write() {
    let test = async {
        Server::shared().forget(&schema("read_only"));
        let url = format!("{}&options=-c%20default_transaction_read_only%3Don", Server::shared().url);
        let store = open(&url, "read_only").await.unwrap();
        store.write(write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")))).await.unwrap();
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[test]
fn a_blocking_mirror_is_opened_by_the_url_of_its_database() {
    Server::shared().forget(&schema("blocking"));
    let sandbox = headcount_sandbox::Sandbox::builder().users(3).groups(1).start().unwrap();
    let client = headcount::blocking::Client::new(sandbox.client()).unwrap();
    let open = |client| {
        let settings = headcount::Mirror::builder().schema(schema("blocking"));
        headcount::blocking::Mirror::with_settings(&Server::shared().url, client, settings).unwrap()
    };
    let mirror = open(Some(client));
    mirror.sync(sandbox.organization_id()).run().unwrap();

    let other = open(None);
    let users: Vec<_> = other.users(sandbox.organization_id()).collect::<Result<_>>().unwrap();
    assert_eq!(users.len(), 3);
    let change = other.changes("app", Some(Duration::ZERO)).next().unwrap().unwrap();
    other.ack("app", change.seq).unwrap();
    assert_eq!(mirror.poll("app", 1).unwrap()[0].seq, change.seq + 1);

    mirror.close().unwrap();
    assert_eq!(mirror.status().unwrap_err().kind(), headcount::ErrorKind::InvalidArgument);
}

/// Returns the number of the server's connections with this `application_name`.
fn connections(name: &str) -> usize {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    Server::shared().psql(&sql).parse().unwrap()
}

/// Returns the URL of the shared server with an `application_name`.
fn named_url(name: &str) -> String {
    format!("{}&application_name={name}", Server::shared().url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_store_closes_its_connections() {
    let test = async {
        Server::shared().forget(&schema("closing"));
        let store = open(&named_url("closing"), "closing").await.unwrap();
        let (first, second) = tokio::join!(store.load(Keys::default()), store.load(Keys::default()));
        first.and(second).unwrap();
        assert!(connections("closing") > 0);

        store.close().await.unwrap();

        // The server lists a connection until its process has ended.
        while connections("closing") > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let error = store.load(Keys::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        let expected =
            "the store is closed, or was opened before a fork or before all descriptors were closed: open it again";
        assert_eq!(error.message(), expected);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_options_of_a_mirrors_builder_are_those_of_its_store() {
    let test = async {
        Server::shared().forget(&schema("builder"));
        let options = headcount::Mirror::builder()
            .schema(schema("builder"))
            .connections(1)
            .lock_timeout(Duration::from_millis(200))
            .statement_timeout(Duration::from_secs(60))
            .prepared_statements(true);
        let mirror = options.clone().open(named_url("builder")).await.unwrap();
        let calls: Vec<_> = (0..20)
            .map(|_| {
                tokio::spawn({
                    let mirror = mirror.clone();
                    async move { mirror.status().await.unwrap() }
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(connections("builder"), 1);

        let mut blocker = connect(&Server::shared().url).await;
        let blocking = blocker.transaction().await.unwrap();
        blocking.batch_execute(&format!("LOCK TABLE {}.scope", schema("builder"))).await.unwrap();
        let error = mirror.set_role_map([("Engineering", "developer")]).await.unwrap_err();
        assert!(error.message().contains("the lock timeout"), "{error}");

        for refused in [
            options.clone().connections(0),
            options.clone().lock_timeout(Duration::ZERO),
            options.clone().statement_timeout(Duration::ZERO),
            options.schema("Directories"),
        ] {
            let error = refused.open(&Server::shared().url).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        }
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_store_completes_a_write_that_waits_for_a_lock() {
    let test = async {
        let store = Arc::new(create("closing_write").await);
        let mut blocker = connect(&Server::shared().url).await;
        let blocking = blocker.transaction().await.unwrap();
        let lock = format!("LOCK TABLE {}.users IN EXCLUSIVE MODE", schema("closing_write"));
        blocking.batch_execute(&lock).await.unwrap();
        let writer = Arc::clone(&store);
        let write = write("org_1", Keys::default(), |_| with_user(user("org_1", "diruser_1")));
        let writing = tokio::spawn(async move { writer.write(write).await });
        wait_for_lock_waits("closing_write", 1).await;

        let closing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.close().await }
        });
        while store.load(Keys::default()).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!closing.is_finished(), "the write is not complete");
        blocking.rollback().await.unwrap();

        writing.await.unwrap().unwrap();
        closing.await.unwrap().unwrap();
        let other = open(&Server::shared().url, "closing_write").await.unwrap();
        assert_eq!(user_ids(&other).await, ["diruser_1"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_closed_although_the_future_of_a_call_is_no_longer_polled() {
    let test = async {
        Server::shared().forget(&schema("closing_idle"));
        let mut options = options("closing_idle");
        options.lock_timeout = Duration::from_millis(100);
        let store = PostgresStore::connect_with(&Server::shared().url, options).await.unwrap();
        let mut call = store.load(Keys::default());
        assert!((&mut call).now_or_never().is_none());

        store.close().await.unwrap();

        assert_eq!(store.users(UserFilter::default(), 0, 1).await.unwrap_err().kind(), ErrorKind::Store);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_closed_although_the_call_that_closes_it_is_dropped() {
    let test = async {
        Server::shared().forget(&schema("closing_dropped"));
        let store = open(&named_url("closing_dropped"), "closing_dropped").await.unwrap();
        // Closing waits for this call, so that it cannot be complete when its future is dropped.
        let mut call = store.load(Keys::default());
        assert!((&mut call).now_or_never().is_none());
        let mut closing = store.close();
        assert!((&mut closing).now_or_never().is_none());
        drop(closing);
        drop(call);

        while connections("closing_dropped") > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(store.flush().await.unwrap_err().kind(), ErrorKind::Store);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}
