//! The timelines of servers. When a standby becomes the primary, it begins a new timeline, whose number is greater.
//!
//! After a failover, the former primary may continue, for example because its machine was only paused. Until it learns that it is no longer the primary, it
//! accepts connections, and answers reads as of the time before the failover. Its timeline is older than the new primary's, so a process that has used
//! the new primary recognizes it.

use super::failure::{Cause, Failure};
use crate::Error;
use tokio_postgres::{Client, SimpleQueryMessage};

/// The timeline that a primary server writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    /// The identifier of the database system, which a server shares with its standbys. Timelines of different systems are not comparable.
    system: u64,
    number: u32,
}

/// Reads the identifier of the database system, and the name of the file that the server writes its log of changes (WAL) to. Its first eight digits are the
/// number of the timeline. The record of the last checkpoint has the number as well, but for a moment after a failover still the former one.
const READ: &str = "SELECT system_identifier, CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
        ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) END
    FROM pg_catalog.pg_control_system()";

impl Timeline {
    /// Reads the timeline of a client's server. Returns `None` for a standby, and for a server that has no such functions or does not permit them.
    pub(super) async fn of(client: &Client) -> Result<Option<Timeline>, Failure> {
        match client.simple_query(READ).await {
            Ok(messages) => Ok(messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Timeline::parse(row.get(0)?, row.get(1)?),
                _ => None,
            })),
            Err(error) => {
                let is_reported = error.as_db_error().is_some();
                let failure = Failure::from(error);
                // The server can be stopping, or can have become a standby since it was asked whether it is one.
                if is_reported && failure.cause == Cause::Final { Ok(None) } else { Err(failure) }
            }
        }
    }

    fn parse(system: &str, file: &str) -> Option<Timeline> {
        Some(Timeline { system: system.parse().ok()?, number: u32::from_str_radix(file.get(..8)?, 16).ok()? })
    }

    /// Returns whether a server with this timeline is a former primary, if there is one with the timeline `newest`.
    pub(super) fn is_before(self, newest: Timeline) -> bool {
        self.system == newest.system && self.number < newest.number
    }

    /// Makes the error for a server with this timeline.
    pub(super) fn refusal(self, newest: Timeline) -> Failure {
        let message = format!(
            "the server is a former primary: its timeline {} is older than {}, which this process has used; if it was restored from a backup, open the \
             mirror again",
            self.number, newest.number
        );
        Failure { error: Error::store(message).temporary(), cause: Cause::Lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(system: &str, file: &str) -> Timeline {
        Timeline::parse(system, file).unwrap()
    }

    #[test]
    fn the_timeline_is_the_hexadecimal_number_at_the_start_of_the_file_name() {
        let parsed = timeline("7712890379720194470", "0000001A0000000000000003");
        assert_eq!(parsed, Timeline { system: 7_712_890_379_720_194_470, number: 26 });
        assert_eq!(Timeline::parse("7712890379720194470", "walfile"), None);
        assert_eq!(Timeline::parse("system", "0000001A0000000000000003"), None);
    }

    #[test]
    fn only_timelines_of_the_same_system_are_compared() {
        let newest = timeline("1", "000000030000000000000003");
        assert!(timeline("1", "0000000200000000000000FF").is_before(newest));
        assert!(!newest.is_before(newest));
        assert!(!timeline("1", "000000040000000000000001").is_before(newest));
        assert!(!timeline("2", "000000010000000000000001").is_before(newest));
    }
}
