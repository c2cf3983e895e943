//! Nothing holds a whole directory: fifty times as many users take a process no more memory, but for SQLite's cache, which has its size.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use headcount::{
    Directory, Group, Mirror, Organization, Page, Source, SourceFuture, SourcePages, SyncMode, Timestamp, User,
};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

const USERS: &str = "HEADCOUNT_MEMORY_USERS";
const FILE: &str = "HEADCOUNT_MEMORY_FILE";

/// A directory of any size, made as it is read.
struct Crowd(usize);

struct People {
    at: usize,
    count: usize,
}

impl SourcePages<User> for People {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<User>>> {
        Box::pin(async {
            let numbers = self.at..(self.at + 30).min(self.count);
            self.at = numbers.end;
            let items: Vec<User> = numbers
                .map(|n| {
                    let user = json!({
                        "id": format!("diruser_{n:012}"), "email": format!("{n}@example.com"), "updated_at": "2025-06-01T10:00:00Z",
                        "groups": [{ "id": "dirgroup_1", "display_name": "Everybody" }],
                        "user_detail": { "active": true, "title": "x".repeat(400) },
                    });
                    serde_json::from_value(user).unwrap()
                })
                .collect();
            let page = Page { items, total_size: self.count as u64, ..Page::default() };
            Ok(Some(page).filter(|page| !page.items.is_empty()))
        })
    }
}

struct Nothing;

impl<T> SourcePages<T> for Nothing {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async { Ok(None) })
    }
}

impl Source for Crowd {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        Box::new(Nothing)
    }

    fn directories<'a>(&'a self, _: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        let directory = json!({ "id": "dir_1", "enabled": true, "total_users": self.0 });
        Box::pin(async move { Ok(vec![serde_json::from_value(directory).unwrap()]) })
    }

    fn users(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        Box::new(People { at: 0, count: self.0 })
    }

    fn groups(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        Box::new(Nothing)
    }
}

/// The process that syncs: twice, a new role for everybody, and everybody's leaving. As a test of its own it has nothing to do.
#[tokio::test]
async fn crowded() {
    let (Ok(users), Ok(file)) = (std::env::var(USERS), std::env::var(FILE)) else { return };
    let users = users.parse().unwrap();
    let mirror = Mirror::builder().source(Crowd(users)).open(&file).await.unwrap();
    for _ in 0..2 {
        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    }
    mirror.set_role_map([("Everybody", "member")]).await.unwrap();
    assert_eq!(mirror.status().await.unwrap()[0].users, users as u64);
    drop(mirror);
    let mirror = Mirror::builder().source(Crowd(1)).open(&file).await.unwrap();
    let error = mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();
    assert_eq!(error.removals().unwrap().count, users as u64 - 1);
    mirror.sync("org_1").approve_removals(true).await.unwrap();
    assert_eq!(mirror.status().await.unwrap()[0].users, 1);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    println!("peak {}", peak.split_whitespace().nth(1).unwrap());
}

#[test]
#[cfg(target_os = "linux")]
fn a_crowd_takes_no_more_memory_than_a_few() {
    let peak = |users: usize| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("memory.{users}.db"));
        for ending in ["db", "db-wal", "db-shm", "db-lock"] {
            let _ = std::fs::remove_file(file.with_extension(ending));
        }
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crowded", "--nocapture"])
            .env(USERS, users.to_string())
            .env(FILE, &file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
        let kilobytes = said.lines().find_map(|line| line.split_once("peak ")).unwrap().1;
        kilobytes.trim().parse::<u64>().unwrap()
    };
    let (few, crowd) = (peak(1_000), peak(50_000));
    // Each of the two connections may keep 16 MB of pages: that, and some of the allocator's slack, is all.
    assert!(crowd < few + 48 * 1024, "{crowd} kB for 50,000 users, {few} kB for 1,000");
}
