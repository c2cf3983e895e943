//! Memory does not grow with the size of a directory: a process that syncs 50,000 users, and reconciles 1,000,000 ids with duplicates, needs no more than one that syncs 1,000, apart from
//! SQLite's page caches, which have a fixed limit, and the allocator's fragmentation.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use headcount::mirror::{ReconcileOptions, Source, SourceFuture, SourcePages, SyncMode};
use headcount::model::{Directory, Group, Organization, Page, User};
use headcount::{Mirror, Timestamp};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// Environment variable with the number of users that the measured process syncs.
const USERS: &str = "HEADCOUNT_MEMORY_USERS";
/// Environment variable with the path of the measured process's mirror.
const FILE: &str = "HEADCOUNT_MEMORY_FILE";

/// Number of users on one page.
const PAGE: usize = 30;

/// A directory of this many users. Each page is generated when it is read, so that the source itself needs no memory.
struct GeneratedDirectory {
    users: usize,
}

/// The pages of a [`GeneratedDirectory`].
struct GeneratedUsers {
    next: usize,
    count: usize,
}

impl SourcePages<User> for GeneratedUsers {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<User>>> {
        Box::pin(async {
            let numbers = self.next..(self.next + PAGE).min(self.count);
            self.next = numbers.end;
            let items: Vec<User> = numbers.map(generate_user).collect();
            let mut page = Page::new(items);
            page.total_size = self.count as u64;
            Ok(Some(page).filter(|page| !page.items.is_empty()))
        })
    }
}

fn generate_user(number: usize) -> User {
    let user = json!({
        "id": format!("diruser_{number:012}"),
        "email": format!("{number}@example.com"),
        "updated_at": "2025-06-01T10:00:00Z",
        "groups": [{ "id": "dirgroup_1", "display_name": "Everybody" }],
        "user_detail": { "active": true, "title": "x".repeat(400) },
    });
    serde_json::from_value(user).unwrap()
}

/// A listing without pages.
struct NoPages;

impl<T> SourcePages<T> for NoPages {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async { Ok(None) })
    }
}

impl Source for GeneratedDirectory {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        Box::new(NoPages)
    }

    fn directories<'a>(&'a self, _: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        let directory = json!({ "id": "dir_1", "enabled": true, "total_users": self.users });
        Box::pin(async move { Ok(vec![serde_json::from_value(directory).unwrap()]) })
    }

    fn users(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        Box::new(GeneratedUsers { next: 0, count: self.users })
    }

    fn groups(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        Box::new(NoPages)
    }
}

/// The measured process. The test below starts this function with the environment variables; without them, the function does nothing. Syncs twice,
/// gives all users a role, removes all users but one, and reconciles 20 times as many ids as there were users. Prints the process's peak memory in KiB.
#[tokio::test]
async fn measured_process() {
    let (Ok(users), Ok(file)) = (std::env::var(USERS), std::env::var(FILE)) else { return };
    let users = users.parse().unwrap();
    let mirror = Mirror::builder().source(GeneratedDirectory { users }).open(&file).await.unwrap();
    for _ in 0..2 {
        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    }
    mirror.set_role_map([("Everybody", "member")]).await.unwrap();
    assert_eq!(mirror.status().await.unwrap()[0].users, users as u64);
    drop(mirror);
    let mirror = Mirror::builder().source(GeneratedDirectory { users: 1 }).open(&file).await.unwrap();
    let plan = mirror.plan("org_1").mode(SyncMode::Full).approve_removals(true).await.unwrap();
    assert_eq!(plan.error().unwrap().removals().unwrap().count, users as u64 - 1);
    check_temporary_files(users);
    drop(plan);
    let error = mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();
    assert_eq!(error.removals().unwrap().count, users as u64 - 1);
    mirror.sync("org_1").approve_removals(true).await.unwrap();
    assert_eq!(mirror.status().await.unwrap()[0].users, 1);
    let ids = (0..users * 20).map(|number| format!("diruser_{:012}", number % 2));
    let mut options = ReconcileOptions::default();
    options.organization_id = Some("org_1".to_owned());
    assert_eq!(mirror.reconcile(ids, options).await.unwrap(), ["diruser_000000000001"]);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    println!("peak {}", peak.split_whitespace().nth(1).unwrap());
}

/// Checks that the plan of 50,000 users has temporary files. Only this user can read them, and they no longer have names.
fn check_temporary_files(users: usize) {
    use std::os::unix::fs::PermissionsExt as _;
    let files = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let target = std::fs::read_link(&path).ok()?;
        target.to_string_lossy().ends_with(" (deleted)").then_some(path)
    });
    let modes: Vec<u32> = files.map(|path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777).collect();
    assert!(modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
    // One is SQLite's journal.
    assert!(users < 50_000 || modes.len() > 1, "{modes:?}");
}

/// Runs [`measured_process`] with this many users. Returns the process's peak memory in KiB.
#[cfg(target_os = "linux")]
fn measure_peak(users: usize) -> u64 {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("memory.{users}.db"));
    for extension in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(file.with_extension(extension));
    }
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "measured_process", "--nocapture"])
        .env(USERS, users.to_string())
        .env(FILE, &file)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{output}{}", String::from_utf8_lossy(&ended.stderr));
    let peak = output.lines().find_map(|line| line.split_once("peak ")).unwrap().1;
    peak.trim().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn peak_memory_does_not_grow_with_the_number_of_users() {
    let small = measure_peak(1_000);
    let large = measure_peak(50_000);
    // The page caches of the two connections, and that of a plan, may take 16 MiB each. The remaining 16 MiB are for the allocator's fragmentation.
    assert!(
        large < small + 64 * 1024,
        "{large} KiB for 50,000 users, expected less than 64 MiB more than the {small} KiB for 1,000"
    );
}
