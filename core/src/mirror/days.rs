//! Numbers of users and changes a day, from the history.

use super::Mirror;
use crate::record::{DayCount, HistoryDay};
use crate::{Result, Timestamp};
use std::collections::BTreeMap;

/// The length of a day, in seconds.
const DAY: i64 = 86_400;

impl Mirror {
    /// Returns the number of users and changes of each of the last days, oldest first, today included: `days` of them, or fewer if the history is shorter. None if the mirror
    /// keeps no history. Days are those of UTC, by the mirror's clock.
    ///
    /// The number of users is computed back from the present one. The time that this takes grows with the number of changes in these days.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    // For the page of the command `headcount`. No binding has it.
    #[doc(hidden)]
    pub async fn days(&self, days: u32) -> Result<Vec<DayCount>> {
        let Some(starts_at) = self.history_start().await? else { return Ok(Vec::new()) };
        let today = self.now().as_second().div_euclid(DAY);
        let first = starts_at.as_second().div_euclid(DAY).max(today - i64::from(days.max(1)) + 1).min(today);
        let since = Timestamp::from_second(first * DAY).unwrap_or_default();
        let rows = self.store().history_days(since).await?;
        // A user who is created between the two reads counts for the earlier days as well, until the next call.
        let users = self.store().directory_counts().await?.iter().map(|counts| counts.users).sum();
        Ok(count_back(users, &rows, first, today))
    }
}

/// Computes the number of users at the end of each day from `first` to `today`, from the present number and from who was created and deleted later.
fn count_back(users: u64, rows: &[HistoryDay], first: i64, today: i64) -> Vec<DayCount> {
    let rows: BTreeMap<i64, HistoryDay> = rows.iter().map(|row| (row.day, *row)).collect();
    let mut users = users;
    let mut days: Vec<DayCount> = (first..=today)
        .rev()
        .map(|number| {
            let row = rows.get(&number).copied().unwrap_or_default();
            let day = Timestamp::from_second(number * DAY).unwrap_or_default();
            let count = DayCount { day, users, changes: row.rows };
            users = users.saturating_add(row.deleted).saturating_sub(row.created);
            count
        })
        .collect();
    days.reverse();
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_counted_back_from_the_present() {
        let rows = [
            HistoryDay { day: 10, rows: 5, created: 5, deleted: 0 },
            HistoryDay { day: 12, rows: 4, created: 1, deleted: 2 },
        ];
        let days = count_back(4, &rows, 10, 13);
        assert_eq!(days.iter().map(|day| day.users).collect::<Vec<_>>(), [5, 5, 4, 4]);
        assert_eq!(days.iter().map(|day| day.changes).collect::<Vec<_>>(), [5, 0, 4, 0]);
        assert_eq!(days[0].day.as_second(), 10 * DAY);
    }

    #[test]
    fn a_number_of_users_is_never_negative() {
        let rows = [HistoryDay { day: 2, rows: 9, created: 9, deleted: 0 }];
        assert_eq!(count_back(3, &rows, 1, 2)[0].users, 0);
    }
}
