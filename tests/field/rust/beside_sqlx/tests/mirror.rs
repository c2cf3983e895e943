//! A mirror beside sqlx in one program, on one copy of SQLite, with the oldest rusqlite that headcount supports.

#[path = "../../../../../core/examples/in_memory/source.rs"]
mod source;
#[path = "../../../../../core/tests/store_files/mod.rs"]
mod store_files;

use headcount::store::conformance::Setup;
use headcount::{Mirror, Timestamp};
use source::{Company, ORGANIZATION};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::PathBuf;
use store_files::{Files, file};

mod store {
    headcount::store_tests!(super::Setup::new(super::Files("store")));
}

#[tokio::test]
async fn a_mirror_syncs_while_sqlx_writes_another_file_and_reads_the_mirrors_file() {
    let (mirror_file, own_file) = (file("beside"), file("beside_own"));
    let company = Company::default();
    let mirror = Mirror::builder().source(company.clone()).open(&mirror_file).await.unwrap();
    let open = async |path: &PathBuf| {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        SqlitePoolOptions::new().max_connections(2).connect_with(options).await.unwrap()
    };
    let (own_pool, mirror_pool) = (open(&own_file).await, open(&mirror_file).await);
    sqlx::query("CREATE TABLE account (email TEXT)").execute(&own_pool).await.unwrap();

    for number in 0..10 {
        company.put(&format!("diruser_{number}"), &format!("user{number}@example.com"), Timestamp::UNIX_EPOCH);
        mirror.sync(ORGANIZATION).await.unwrap();
        for change in mirror.poll("accounts", 100).await.unwrap() {
            if let Some(user) = change.user {
                sqlx::query("INSERT INTO account VALUES (?)").bind(user.email).execute(&own_pool).await.unwrap();
            }
            mirror.ack("accounts", change.seq).await.unwrap();
        }
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM user").fetch_one(&mirror_pool).await.unwrap();
        assert_eq!(users, number + 1);
    }

    let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(&own_pool).await.unwrap();
    assert_eq!(accounts, 10);
    mirror_pool.close().await;
    mirror.close().await.unwrap();
    let mirror_pool = open(&mirror_file).await;
    let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mirror_pool).await.unwrap();
    assert_eq!(check, "ok");
}
