//! Options of a sync.

use crate::record::{Progress, SyncMode};
use std::sync::Arc;

/// Default number of organizations that are synced at once.
const CONCURRENCY: usize = 16;

pub(super) type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Options of a sync; set by [`SyncBuilder`](super::SyncBuilder).
#[derive(Clone)]
pub(super) struct Options {
    /// The only directory to sync, or `None` for all.
    pub(super) directory_id: Option<String>,
    pub(super) mode: SyncMode,
    /// Whether the losses of access that the guard holds back are approved before the listing.
    pub(super) approved: bool,
    /// Whether to wait for another sync of the directory to end.
    pub(super) wait: bool,
    /// Whether an organization that was forgotten is mirrored anew. If not, it is left out.
    pub(super) readmits: bool,
    pub(super) concurrency: usize,
    pub(super) on_progress: Option<OnProgress>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            directory_id: None,
            mode: SyncMode::Auto,
            approved: false,
            wait: true,
            readmits: false,
            concurrency: CONCURRENCY,
            on_progress: None,
        }
    }
}
