//! The history: its bytes a change relative to the feed's, and the time of reading who was there at a past time, after three changes of each user since.

use super::{file, runtime};
use headcount::mirror::{Source, SourceFuture, SourcePages, SyncMode};
use headcount::model::{Directory, Group, Organization, Page, User};
use headcount::{Mirror, Timestamp};
use rusqlite::Connection;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many times each user is changed after the moment.
const ROUNDS: usize = 3;

/// How many users a page of the listing has.
const PAGE: usize = 100;

/// A directory of `users` users, whose names and titles differ from round to round.
#[derive(Clone)]
struct Rounds {
    users: usize,
    round: Arc<AtomicUsize>,
}

struct Listing {
    of: Rounds,
    next: usize,
}

fn user(number: usize, round: usize) -> User {
    serde_json::from_value(json!({
        "id": format!("diruser_{number:016}"),
        "organization_id": "org_1",
        "email": format!("person.{number}@customer.example.com"),
        "preferred_username": format!("person.{number}@customer.example.com"),
        "given_name": "Ada",
        "family_name": format!("King {round}"),
        "emails": [format!("person.{number}@customer.example.com")],
        "groups": [],
        "user_detail": {
            "id": number.to_string(), "active": true, "title": format!("Engineer {round}"), "department": "Research and Development",
            "employeeNumber": format!("E{number:08}"), "costCenter": "4711", "manager": { "value": "12", "displayName": "Charles Babbage" },
            "locale": "en-GB", "timezone": "Europe/London", "userName": format!("person.{number}"),
        },
    }))
    .unwrap()
}

impl SourcePages<User> for Listing {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<User>>> {
        Box::pin(async move {
            let round = self.of.round.load(Ordering::Relaxed);
            let numbers = self.next..(self.next + PAGE).min(self.of.users);
            self.next = numbers.end;
            if numbers.is_empty() {
                return Ok(None);
            }
            let mut page = Page::default();
            page.total_size = self.of.users as u64;
            page.items = numbers.map(|number| user(number, round)).collect();
            Ok(Some(page))
        })
    }
}

/// No groups and no organizations.
struct Nothing;

impl<T> SourcePages<T> for Nothing {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async { Ok(None) })
    }
}

impl Source for Rounds {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        Box::new(Nothing)
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        let mut directory = Directory::default();
        directory.id = "dir_1".to_owned();
        directory.organization_id = organization_id.to_owned();
        directory.enabled = true;
        Box::pin(async move { Ok(vec![directory]) })
    }

    fn users(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        Box::new(Listing { of: self.clone(), next: 0 })
    }

    fn groups(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        Box::new(Nothing)
    }
}

/// Prints how long it takes to read all users as they were before the changes, and how long to read the present ones.
pub(super) fn run(users: usize) {
    println!("\nthe history of {users} users, each changed {ROUNDS} times");
    let path = file("history.db");
    runtime().block_on(async {
        let source = Rounds { users, round: Arc::default() };
        let mirror = Mirror::builder().source(source.clone()).open(&path).await.unwrap();
        let mut moment = None;
        for round in 0..=ROUNDS {
            source.round.store(round, Ordering::Relaxed);
            mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
            moment.get_or_insert_with(|| Timestamp::try_from(std::time::SystemTime::now()).unwrap());
            // The changes of the next round are later than the moment in whole milliseconds.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Takes the latest changes into the history.
        drop(mirror.history().next().await.unwrap());
        let read = async |past: bool| {
            let begun = Instant::now();
            let mut users = if past { mirror.at(moment.unwrap(), "org_1") } else { mirror.users("org_1") };
            let (mut count, mut first) = (0, 0);
            while let Some(user) = users.next().await.unwrap() {
                count += 1;
                first += usize::from(user.family_name == "King 0");
            }
            (begun.elapsed(), count, first)
        };
        let (present, ..) = read(false).await;
        let (past, count, first) = read(true).await;
        assert_eq!((count, first), (users, users), "the state before the changes");
        println!(
            "  all users as they were before the changes: {:.2} s; the present ones: {:.2} s",
            past.as_secs_f64(),
            present.as_secs_f64()
        );
        mirror.close().await.unwrap();
    });
    let sqlite = Connection::open(&path).unwrap();
    // The values of all columns, without indexes.
    let bytes = |table: &str| -> f64 {
        let columns = format!(
            "SELECT group_concat('coalesce(length(\"' || name || '\"), 0)', '+') FROM pragma_table_info('{table}')"
        );
        let columns: String = sqlite.query_row(&columns, [], |row| row.get(0)).unwrap();
        sqlite.query_row(&format!("SELECT avg({columns}) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let (history, feed) = (bytes("history"), bytes("change"));
    println!("  bytes a row: {history:.0} in the history, {feed:.0} in the feed: {:.0} %", history / feed * 100.0);
    let _ = std::fs::remove_file(&path);
}
