//! Replaces the module `locks` on systems other than 64-bit Linux, where SQLite's own locks are used.
#![cfg_attr(not(feature = "mirror"), allow(dead_code, reason = "only mirrors lock a `PrivateFile`"))]

use crate::process::Process;
use std::fs::File;

pub(super) fn install() {}

pub(super) fn forget_descriptors_closed_by(_: Process) {}

/// An open file that is unlocked when this is dropped.
pub(crate) struct PrivateFile(File);

impl PrivateFile {
    pub(crate) fn new(file: File) -> PrivateFile {
        PrivateFile(file)
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // Closing is not enough: a forked child may have a copy of the descriptor, which keeps the lock.
        let _ = self.0.unlock();
    }
}
