//! The environment that a mirror belongs to.

use super::ErasureKey;
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The environment whose directories are in a mirror. The first sync stores `host`. The first event after it that has the id of an environment
/// stores `environment_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRow {
    /// Host of the environment's URL, with the port and path if the URL has them, or `loopback` for an environment on this machine; `None` before the
    /// first sync.
    #[serde(default)]
    pub host: Option<String>,
    /// Id of the environment (`env_…`); `None` until an event that has one was applied after the first sync, and for an environment on this machine.
    #[serde(default)]
    pub environment_id: Option<String>,
    /// Start of the last sync of all organizations that listed all of them and the directories of each, by the clock of the machine that synced; `None` if
    /// there was none.
    #[serde(default)]
    pub all_listed_at: Option<Timestamp>,
    /// Key of the marks of erased users and forgotten organizations; `None` if nothing was ever erased. It is here because every write reads this row:
    /// without an erasure, writes do not look for marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure_key: Option<ErasureKey>,
    /// Whether an organization was ever forgotten. If not, syncs and events do not look for the marks of organizations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_forgotten: bool,
}
