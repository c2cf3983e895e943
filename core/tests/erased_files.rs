//! What is left of an erased user and of a forgotten organization in the bytes of a mirror's file and of its log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use headcount::mirror::SyncMode;
use headcount::{ErrorKind, Mirror};
use headcount_sandbox::{NewUser, Sandbox};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// What the file must not have once Ada is erased and is not linked.
const PERSONAL: [&str; 7] = [
    "ada.lovelace@example.com",
    "ada.king@example.com",
    "Adaline",
    "Lovelace-King",
    "acct-of-ada",
    "last-admin-ada",
    "ada-is-taken",
];

/// Empties the folder `name`, which is created if there is none, and returns the path of a mirror in it.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("erased_files").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("mirror.db")
}

/// Returns those of [`PERSONAL`] that are in one of the files in the folder of `path`.
fn found(path: &Path) -> Vec<String> {
    found_of(path, &PERSONAL)
}

/// Returns those of the texts that are in one of the files in the folder of `path`.
fn found_of(path: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for text in texts {
            let (exact, lower) = (text.as_bytes(), text.to_lowercase());
            let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            if has(exact) || has(lower.as_bytes()) {
                found.push(format!("{text} in {}", path.display()));
            }
        }
    }
    found
}

/// Opens a mirror of a sandbox with Ada and many other users, and changes Ada in several ways. Returns the mirror and Ada's id.
async fn with_ada(sandbox: &Sandbox, path: &Path) -> (Mirror, String) {
    let ada = NewUser {
        email: "Ada.Lovelace@example.com".to_owned(),
        given_name: "Adaline".to_owned(),
        family_name: "Lovelace-King".to_owned(),
        ..NewUser::default()
    };
    let id = sandbox.create_user(ada).unwrap().id;
    let client = sandbox.client().build().unwrap();
    let mirror = Mirror::builder().client(client).open(path).await.unwrap();
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    mirror.link(&id, Some("acct-of-ada")).await.unwrap();
    mirror.protect(&id, "last-admin-ada").await.unwrap();
    let organization_id = sandbox.organization_id();
    for number in 0..20 {
        // Rows of different lengths, so that SQLite moves them between pages.
        let body = serde_json::json!({
            "id": format!("evt_{number}"), "type": "organization.directory.user_updated",
            "occurred_at": format!("2099-06-01T12:00:{number:02}Z"), "organization_id": organization_id,
            "data": { "id": id, "email": "ada.king@example.com", "title": "Adaline ".repeat(number * 40) },
        });
        let event = headcount::Event::from_verified_body(body.to_string().as_bytes()).unwrap();
        mirror.apply(&event).await.unwrap();
    }
    let changes = mirror.poll("app", 10_000).await.unwrap();
    let own = changes.iter().rfind(|change| change.user.as_ref().is_some_and(|user| user.id == id)).unwrap();
    mirror.park("app", own.seq, "ada-is-taken").await.unwrap();
    mirror.trim().await.unwrap();
    assert!(!found(path).is_empty());
    (mirror, id)
}

#[tokio::test]
async fn the_file_and_its_log_have_no_text_of_an_erased_user() {
    let path = file("texts");
    let sandbox = Sandbox::builder().users(1_500).groups(5).start().unwrap();
    let (mirror, id) = with_ada(&sandbox, &path).await;
    // Without a link, the deletion in the feed does not have the account's id.
    mirror.link(&id, None).await.unwrap();

    let erasure = mirror.erase_user(&id).await.unwrap();

    assert!(erasure.changes >= 20);
    assert!(erasure.history >= 20);
    assert_eq!(erasure.parked, 1);
    assert_eq!(found(&path), [] as [String; 0]);
    let log = std::fs::metadata(path.with_extension("db-wal")).map_or(0, |file| file.len());
    assert!(log < 100_000, "the log has {log} bytes");
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    mirror.close().await.unwrap();
    assert_eq!(found(&path), [] as [String; 0]);
    let check: String =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn a_reader_that_keeps_the_log_makes_the_erasure_fail_until_it_has_ended() {
    let path = file("reader");
    let sandbox = Sandbox::builder().users(20).groups(1).start().unwrap();
    let (mirror, id) = with_ada(&sandbox, &path).await;
    mirror.link(&id, None).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM user", [], |row| row.get::<_, i64>(0)).unwrap();

    let error = mirror.erase_user(&id).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("the data is erased, but a reader"), "{error}");
    assert!(mirror.user(&id).await.unwrap().is_none());
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    mirror.trim().await.unwrap();
    assert_eq!(found(&path), [] as [String; 0]);
    assert_eq!(mirror.erase_user(&id).await.unwrap().changes, 0);
}

#[tokio::test]
async fn the_file_and_its_log_have_no_text_of_a_forgotten_organization() {
    let path = file("organization");
    let sandbox = Sandbox::builder().organizations(2).users(600).groups(5).start().unwrap();
    let (mirror, id) = with_ada(&sandbox, &path).await;
    let organization_id = sandbox.organization_id().to_owned();
    let directory_id = sandbox.directory_id().to_owned();
    let directories = mirror.directories(Some(&organization_id)).await.unwrap();
    let directory_name = directories[0].name.clone();
    mirror.unprotect(&id).await.unwrap();
    let client = sandbox.client().build().unwrap();
    client.directories().disable(&organization_id, &directory_id).await.unwrap();
    mirror.sync(&organization_id).await.unwrap();
    mirror.retire(&directory_id, "ops", "the customer has left").await.unwrap();
    while let Some(last) = mirror.poll("app", 10_000).await.unwrap().last() {
        mirror.ack("app", last.seq).await.unwrap();
    }
    mirror.trim().await.unwrap();
    let texts =
        [PERSONAL.as_slice(), &[&organization_id, &directory_id, &directory_name, "the customer has left"]].concat();
    let others = mirror.status().await.unwrap().iter().map(|status| status.users).sum::<u64>();
    assert!(found_of(&path, &texts).len() > 4);

    let erasure = mirror.forget_organization(&organization_id).await.unwrap();

    assert!(erasure.users > 600);
    assert!(erasure.history > 600);
    assert_eq!(found_of(&path, &texts), [] as [String; 0]);
    assert_eq!(mirror.status().await.unwrap().iter().map(|status| status.users).sum::<u64>(), others);
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    mirror.close().await.unwrap();
    assert_eq!(found_of(&path, &texts), [] as [String; 0]);
    let check: String =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}
