//! Checks the query plans of the statements that run often: none reads the whole of a table that can be large.

use super::*;
use headcount::mirror::SyncMode;
use headcount::system::{Clock, SystemClock};
use headcount::{Event, Mirror};
use headcount_sandbox::Sandbox;

/// For each table that can be large, the statement that fills it, without its start `INSERT INTO schema.`. `{t}` is a time as the store encodes it, `{far}` one
/// after the year 2090, `{one}` an existing row of the table, and `{rows}` and `{fewer}` generate the numbers `g` of the new rows.
const LARGE: &[&str] = &[
    "users SELECT 1000000 + g, 'u' || g, 'org_' || g % 1000, 'dir_' || g % 1000, 'u' || g || '@example.com', body, told_groups, listed, version_at,
        version_kind, version_event, touched_at, revision, CASE WHEN g % 10 = 0 THEN {t} END, added_at, NULL, NULL, NULL, NULL,
        CASE WHEN g % 10 = 0 THEN md5(g::text) END,
        CASE WHEN g % 10 = 1 THEN {far} END, NULL FROM {one}, {rows}",
    "groups SELECT 1000000 + g, 'g' || g, 'dir_' || g % 1000, body, leaving, version_at, version_kind, version_event, touched_at, revision,
        CASE WHEN g % 10 = 0 THEN {t} END FROM {one}, {rows}",
    "change SELECT {one}.seq + g, 1, 'org_' || g % 1000, 'dir_' || g % 1000, 'test', {t}, body FROM {one}, {rows}",
    "organization SELECT 'o' || g, body FROM {one}, {fewer}",
    "directory SELECT 'd' || g, 'o' || g, body FROM {one}, {fewer}",
    "membership SELECT 'g' || g % 1000, 1000000 + g FROM {rows}",
    "event SELECT 1000000 + g, 'e' || g, 'org_' || g % 1000, {t}, CASE WHEN g % 10 = 0 THEN 1 ELSE 0 END, '{}' FROM {rows}",
    "loss SELECT 'dir_' || g % 1000, {t}, 'u' || g, NULL, true, false FROM {rows}",
    "scope SELECT 1, 'org_' || g, g FROM {rows}",
    "commit_log SELECT -g, g FROM {rows}",
    "parked_change SELECT 'c' || g % 10, g, '', {t}, 'user.created', '', '', '', {t}, '{}' FROM {fewer}",
    "lease SELECT 'l' || g, '', 1, 0, 0 FROM {fewer}",
];

/// How many rows a table with `{rows}` gets.
const ROWS: i64 = 100_000;

/// How many rows a table with `{fewer}` gets. In every mirror, such a table has fewer rows than the others.
const FEWER: i64 = 20_000;

/// How long the test may take. Filling the tables takes most of it.
const LONG: Duration = Duration::from_secs(300);

/// Returns the large tables that plans in the server's log read as a whole, each with the statement.
fn whole_reads(log: &str) -> Vec<(&str, &str)> {
    let mut statement = "";
    let mut found = Vec::new();
    for line in log.lines() {
        if let Some((_, text)) = line.split_once("Query Text: ") {
            statement = text;
        }
        if let Some((_, rest)) = line.split_once("Seq Scan on ") {
            let table = rest.split_whitespace().next().unwrap_or_default();
            if LARGE.iter().any(|large| large.split(' ').next() == Some(table)) {
                found.push((table, statement));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receive_poll_ack_and_sync_read_no_large_table_as_a_whole() {
    let test = async {
        let settings = [
            "shared_preload_libraries=auto_explain",
            "auto_explain.log_min_duration=0",
            "max_wal_size=4GB",
            "full_page_writes=off",
        ];
        let server = Server::of_a_test(Start {
            arguments: settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect(),
            ..Start::default()
        });
        let store = Arc::new(open(&server.url, "plans").await.unwrap());
        let sandbox = Sandbox::builder().users(30).groups(3).start().unwrap();
        let mirror = Mirror::builder().client(sandbox.client().build().unwrap()).open_in(store).await.unwrap();
        mirror.sync(sandbox.organization_id()).await.unwrap();
        let schema = schema("plans");
        let time = "decode('80000000' || lpad(to_hex(1700000000 + g), 8, '0') || '00000000', 'hex')";
        for fill in LARGE {
            let table = fill.split(' ').next().unwrap();
            // The new changes get the numbers after that of `{one}`, so `{one}` must be the last change. In the other tables, it can be any row.
            let order = if table == "change" { "DESC" } else { "ASC" };
            let one = format!("(SELECT * FROM {schema}.{table} ORDER BY 1 {order} LIMIT 1) AS one");
            let text = fill.replace("{one}.", "one.").replace("{one}", &one).replace("{t}", time);
            let rows = |count: i64| format!("generate_series(1, {count}) AS g");
            let text = text.replace("{far}", "decode('80000000f0000000' || lpad(to_hex(g), 8, '0'), 'hex')");
            let text = text.replace("{rows}", &rows(ROWS)).replace("{fewer}", &rows(FEWER));
            server.psql(&format!("INSERT INTO {schema}.{text}"));
        }
        server.psql(&format!(
            "UPDATE {schema}.counter SET change = (SELECT max(seq) FROM {schema}.change);
            UPDATE {schema}.durable SET change = (SELECT change FROM {schema}.counter); ANALYZE"
        ));
        let user = mirror.users(sandbox.organization_id()).next().await.unwrap().unwrap();

        let organization_id = sandbox.organization_id();
        let mut options = options("plans");
        options.prepared_statements = true;
        let store = Arc::new(PostgresStore::connect_with(&server.url, options).await.unwrap());
        let prepared = Mirror::builder().client(sandbox.client().build().unwrap()).open_in(store).await.unwrap();
        // Seven rounds, because the server makes a plan for the parameters of a prepared statement the first five times, and may use a generic plan after that.
        for (title, mirror, rounds) in [("unnamed", mirror, 1), ("prepared", prepared, 7)] {
            let start = server.log().len();
            for round in 0..rounds {
                let new = format!("diruser_{title}_{round}");
                for (kind, id) in [("created", &new), ("updated", &user.id), ("updated", &new), ("deleted", &new)] {
                    let body = serde_json::json!({
                        "id": format!("evt_{title}_{round}_{kind}_{id}"),
                        "type": format!("organization.directory.user_{kind}"),
                        "occurred_at": SystemClock.now().to_string(),
                        "organization_id": organization_id,
                        "data": { "id": id, "email": format!("{round}@example.com") },
                    });
                    mirror.apply(&Event::from_verified_body(body.to_string().as_bytes()).unwrap()).await.unwrap();
                }
                // Applied at the same time, so that the store writes some of them in one transaction.
                let events = (0..6).map(|number| {
                    let body = serde_json::json!({
                        "id": format!("evt_{title}_{round}_{number}"),
                        "type": "organization.directory.user_updated",
                        "occurred_at": SystemClock.now().to_string(),
                        "organization_id": organization_id,
                        "data": { "id": format!("diruser_{title}_{number}"), "email": format!("{round}_{number}@example.com") },
                    });
                    Event::from_verified_body(body.to_string().as_bytes()).unwrap()
                });
                let events: Vec<Event> = events.collect();
                let applied = events.iter().map(|event| mirror.apply(event));
                for applied in futures_util::future::join_all(applied).await {
                    applied.unwrap();
                }
                for _ in 0..3 {
                    let page = mirror.poll("app", 100).await.unwrap();
                    assert_eq!(page.len(), 100);
                    mirror.ack("app", page[99].seq).await.unwrap();
                }
                let groups = mirror.poll_groups("app", 100).await.unwrap();
                assert_eq!(groups.len(), 100);
                mirror.ack("app", groups[99][0].seq).await.unwrap();
                mirror.sync(organization_id).mode(SyncMode::Incremental).await.unwrap();
                mirror.sync(organization_id).mode(SyncMode::Full).await.unwrap();
                mirror.find_users(&user.email).await.unwrap();
            }

            let log = server.log();
            let log = &log[start..];
            let plans = log.matches("Query Text: ").count();
            assert!(plans > 100, "{title}: {plans} plans");
            let whole = whole_reads(log);
            assert!(
                whole.is_empty(),
                "{title}: {} of {plans} plans read a large table as a whole: {whole:#?}",
                whole.len()
            );
        }

        // Checks `whole_reads` itself: it finds a statement that reads a whole table.
        let start = server.log().len();
        server.psql(&format!("SELECT count(*) FROM {schema}.users WHERE body LIKE '%x'"));
        assert_eq!(whole_reads(&server.log()[start..]).len(), 1);
    };
    tokio::time::timeout(LONG, test).await.unwrap();
}
