//! SQLite stores in files, for the tests that every store passes.

use headcount::store::conformance::Factory;
use headcount::store::{SqliteStore, Store, StoreFuture};
use std::path::PathBuf;
use std::sync::Arc;

/// Returns the path of the folder `name`, which is created if there is none.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Empties the folder `name`, which is created if there is none. Returns the path of a file in it that does not exist.
pub(crate) fn file(name: &str) -> PathBuf {
    let folder = folder(name);
    for entry in std::fs::read_dir(&folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    folder.join("mirror.db")
}

/// Makes stores in files. Each file has a folder of its own in the folder of this name.
pub(crate) struct Files(pub(crate) &'static str);

impl Factory for Files {
    fn create(&self, name: String) -> StoreFuture<'_, Arc<dyn Store>> {
        Box::pin(async move { Ok(Arc::new(SqliteStore::open(file(&format!("{}/{name}", self.0)))?) as Arc<dyn Store>) })
    }

    fn reopen(&self, name: String) -> Option<StoreFuture<'_, Arc<dyn Store>>> {
        Some(Box::pin(async move {
            let path = folder(&format!("{}/{name}", self.0)).join("mirror.db");
            Ok(Arc::new(SqliteStore::open(path)?) as Arc<dyn Store>)
        }))
    }
}
