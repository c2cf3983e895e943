//! What `locks` has on other systems, where SQLite's own locks are used.
#![cfg_attr(not(feature = "mirror"), allow(dead_code, reason = "leases are those of mirrors"))]

use crate::process::Process;
use std::fs::File;

pub(super) fn install() {}

pub(super) fn forget_descriptors_closed_by(_: Process) {}

/// An open file.
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
        // Explicitly, because a forked child may have a copy of the descriptor.
        let _ = self.0.unlock();
    }
}
