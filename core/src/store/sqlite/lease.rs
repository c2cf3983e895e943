//! Leases: a set in the process, and a lock on a file beside the database among processes, which ends with whoever has it.

use super::super::Lease;
use crate::{Error, Result};
use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The leases of one store.
#[derive(Default)]
pub(super) struct Leases {
    /// Nothing for a store in memory, which no other process has.
    lock: Option<PathBuf>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    names: HashSet<String>,
    /// The lock, as long as any name is held.
    file: Option<File>,
}

impl Leases {
    pub(super) fn beside(path: &Path) -> Leases {
        let mut lock = path.as_os_str().to_owned();
        lock.push("-lock");
        Leases { lock: Some(lock.into()), held: Mutex::default() }
    }

    pub(super) fn take(leases: &Arc<Leases>, name: &str) -> Result<Option<Lease>> {
        let mut held = leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.names.contains(name) {
            return Ok(None);
        }
        if let (Some(path), None) = (&leases.lock, &held.file) {
            let failed = |error| Error::store("the lock beside the mirror's file cannot be taken").with_source(error);
            let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => held.file = Some(file),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        held.names.insert(name.to_owned());
        Ok(Some(Box::new(Taken { leases: Arc::clone(leases), name: name.to_owned() })))
    }
}

struct Taken {
    leases: Arc<Leases>,
    name: String,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.names.remove(&self.name);
        if held.names.is_empty() {
            held.file = None;
        }
    }
}
