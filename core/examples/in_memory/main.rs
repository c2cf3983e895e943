//! A mirror whose source and whose store are implemented outside the crate, both in memory: `source` is what a sync lists, `store` keeps the
//! mirror. Prints what a provisioning program would do.
//!
//! `cargo test` runs the program. It also tests the store with `headcount::store::conformance`, whose tests every store has to pass.
#![allow(clippy::print_stdout, reason = "the program's output")]

mod source;
#[allow(dead_code, reason = "power is cut in the simulation of the mirror only, which uses this store")]
mod store;

use headcount::{Mirror, Timestamp};
use source::{Company, ORGANIZATION};
use std::sync::Arc;

#[tokio::main]
async fn main() -> headcount::Result<()> {
    for line in run().await? {
        println!("{line}");
    }
    Ok(())
}

/// Mirrors a directory while its users change, and returns the changes as lines.
async fn run() -> headcount::Result<Vec<String>> {
    let (company, disk) = (Company::default(), store::Disk::default());
    let mirror = Mirror::builder().source(company.clone()).open_in(Arc::new(disk.open())).await?;
    let mut lines = Vec::new();
    let mut follow = async |what: &str| -> headcount::Result<()> {
        mirror.sync(ORGANIZATION).mode(headcount::mirror::SyncMode::Full).await?;
        let batch = mirror.poll("provisioner", 100).await?;
        for change in &batch {
            let user = change.user.as_ref().map_or("", |user| user.email.as_str());
            lines.push(format!("{what}: {} {user}", change.kind.name()));
        }
        if let Some(last) = batch.last() {
            mirror.ack("provisioner", last.seq).await?;
        }
        Ok(())
    };

    let at = |second: i64| Timestamp::from_second(1_750_000_000 + second).unwrap_or_default();
    company.put("diruser_1", "ada@example.com", at(0));
    company.put("diruser_2", "grace@example.com", at(0));
    follow("first sync").await?;
    company.put("diruser_1", "ada.king@example.com", at(60));
    follow("new address").await?;
    company.remove("diruser_2");
    follow("leaver").await?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::store::Disk;
    use headcount::store::conformance::{Factory, Setup};
    use headcount::store::{Store, StoreFuture};
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn the_program_prints_the_changes() {
        assert_eq!(
            super::run().await.unwrap(),
            [
                "first sync: directory.enabled ",
                "first sync: user.created ada@example.com",
                "first sync: user.created grace@example.com",
                "new address: user.updated ada.king@example.com",
                "leaver: user.deleted grace@example.com",
            ]
        );
    }

    /// Disks by the name of the test, so that a test can open its store again.
    #[derive(Default)]
    struct Disks(Mutex<HashMap<String, Disk>>);

    impl Factory for Disks {
        fn create(&self, name: String) -> StoreFuture<'_, Arc<dyn Store>> {
            let disk = Disk::default();
            self.0.lock().unwrap().insert(name, disk.clone());
            Box::pin(async move { Ok(Arc::new(disk.open()) as Arc<dyn Store>) })
        }

        fn reopen(&self, name: String) -> Option<StoreFuture<'_, Arc<dyn Store>>> {
            let disk = self.0.lock().unwrap()[&name].clone();
            Some(Box::pin(async move { Ok(Arc::new(disk.open()) as Arc<dyn Store>) }))
        }
    }

    mod conformance {
        headcount::store_tests!(super::Setup::new(super::Disks::default()));
    }

    mod conformance_with_failures {
        headcount::store_tests!(super::Setup::new(super::Disks::default()).flaky(3));
    }
}
