//! Retirements: removals of all users and groups of a directory, which the application requests.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The removal of all users and groups of a directory that is no longer used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retirement {
    /// The retirement's id. The changes that it made have the cause `retire:` and this id.
    pub id: String,
    /// Id of the organization (`org_…`).
    pub organization_id: String,
    /// Id of the directory (`dir_…`).
    pub directory_id: String,
    /// Who requested it, as given by the application.
    pub by: String,
    /// Why it was requested, as given by the application; may be empty.
    pub note: String,
    /// Time at which it was requested, in UTC, by the clock of the machine that recorded it.
    pub at: Timestamp,
    /// Time at which it ended, in UTC, by the clock of the machine that ended it; `None` while users or groups may be left. It also ends if the
    /// directory is listed and enabled again.
    pub ended_at: Option<Timestamp>,
    /// Number of users that it has removed.
    pub users: u64,
}

impl Retirement {
    /// Returns the cause of the changes that it makes.
    pub fn cause(&self) -> String {
        format!("retire:{}", self.id)
    }
}
