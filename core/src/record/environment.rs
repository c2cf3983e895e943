//! The environment that a mirror belongs to.

use serde::{Deserialize, Serialize};

/// The environment whose directories a mirror holds. A mirror without one is bound by its first sync and by its first event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRow {
    /// Host of the environment's URL, with the port and path if the URL has them; `None` before the first sync.
    #[serde(default)]
    pub host: Option<String>,
    /// Id of the environment (`env_…`); `None` before the first event that has one.
    #[serde(default)]
    pub environment_id: Option<String>,
}
