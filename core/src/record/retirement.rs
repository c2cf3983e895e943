//! Retirements: removals of all users and groups of a directory, which the application orders.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The removal of all users and groups of a directory that is gone for good.
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
    /// Why it was ordered, as given by the application.
    pub note: String,
    /// Local time at which it was ordered.
    pub at: Timestamp,
    /// Local time at which it ended; `None` while users or groups may be left.
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
