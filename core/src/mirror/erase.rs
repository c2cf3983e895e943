//! Erases users: removes everything that the store has about one person, when the person or the customer asks for it.
//!
//! The first write records the erasure and removes the user. From then on no listing and no event adds the user, and nothing new is stored about the user.
//! Further writes remove what was stored before, in pages. The erasure is open until all of that is removed, also from the log of a SQLite file. If it
//! is interrupted, the next sync, the next removal of old rows or the next opening of the mirror completes it.

use super::Mirror;
use super::decide::{Begun, begin_erasure, erase_events};
use super::write::{Task, run};
use crate::record::{
    Change, ConsumerRow, Erasure, ErasureKey, ErasureRow, EventQuery, MirrorUser, Mirrored, ParkedChange,
};
use crate::store::{Durability, Keys, Redaction};
use crate::{Error, Result, Timestamp};
use std::time::Duration;

/// How many entries of the feed are searched at a time. Those about other users are not returned by the store.
pub(super) const ENTRIES: usize = 2_000;

/// How many entries are replaced in one write, and how many rows of the history are removed.
pub(super) const PAGE: usize = 200;

/// How many open erasures are read at a time.
const OPEN: usize = 100;

/// The longest id of a user or an organization, in bytes.
const MAX_ID: usize = 200;

/// How often the log is truncated again if a reader prevents it, and the wait between: five seconds in total.
pub(super) const PURGES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Checks the id of what is to be erased. A wrong id would not be noticed later, because the erasure of something unknown is no error.
pub(super) fn check_id(what: &str, id: &str) -> Result<()> {
    let is_wrong = |byte: u8| !byte.is_ascii_graphic();
    if id.is_empty() || id.len() > MAX_ID || id.bytes().any(is_wrong) {
        return Err(Error::invalid_argument(format!(
            "expected the id of {what}, in 1 to {MAX_ID} printable characters without spaces, got a text of {} bytes: pass the id that the mirror's \
             users and changes have",
            id.len()
        )));
    }
    Ok(())
}

impl Mirror {
    /// Erases a user: removes all personal data of one person from the mirror, for example when the person asks for it (GDPR, article 17). When this
    /// returns, the user's row, groups, links and protection, the history of the user, and the content of changes, parked changes and events about the
    /// user are gone: in SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it vacuums them; see the guide to
    /// PostgreSQL.
    ///
    /// The numbers of the feed stay as they are. Each change about the user becomes a `user.deleted` with the cause `erasure:` and the erasure's id, which
    /// has only the ids of the user, the organization and the directory. A user whom the mirror has gets one more `user.deleted` first. A deletion that a
    /// consumer has not acknowledged also keeps [`linked_id`](MirrorUser::linked_id), so that the application finds the account to delete; it is removed
    /// with the change when the [retention](crate::MirrorBuilder::retention) has passed. The guard does not limit this.
    ///
    /// A tombstone keeps the user erased: listings and events about the user are ignored ([`SyncReport::erased`](crate::mirror::SyncReport::erased),
    /// [`Outcome::Erased`](crate::mirror::Outcome::Erased)). It has a keyed hash of the id, not the id. A user whom the mirror does not know gets one as
    /// well. If the directory makes the person anew, they have another id, which is not erased. Copies of the mirror keep the tombstones; backups that were
    /// made before the erasure still have the data.
    ///
    /// The whole feed is searched, in pages of bounded memory; other calls run meanwhile. An erasure that is interrupted is completed by another call, the
    /// next sync, the next removal of old rows, or when the mirror is next opened. Erasing a user again changes nothing.
    ///
    /// The future may be dropped: then nothing has happened, or the erasure is recorded and is completed as after an interruption.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if `user_id` is empty, longer than 200 bytes, or has spaces or characters that are
    /// not printable ASCII; [`ErrorKind::Store`](crate::ErrorKind::Store), also if a reader of a SQLite file, such as a running backup, prevented for five
    /// seconds that its log is truncated: the erasure is then completed later, as after an interruption.
    pub async fn erase_user(&self, user_id: &str) -> Result<Erasure> {
        check_id("a directory user (diruser_…)", user_id)?;
        let Begun { row, was_mirrored } = self.begin_erasure(user_id).await?;
        let erasure = Erasure::new(&row, user_id, was_mirrored);
        self.complete_erasure(&row, erasure, PURGES).await
    }

    /// Completes erasures that were interrupted. Errors are only logged, because the erasures stay open.
    pub(super) async fn finish_erasures(&self) {
        if self.is_plan() || self.store().is_read_only() {
            return;
        }
        let finish = async {
            for row in self.store().open_erasures(OPEN).await? {
                if let Some(organization_id) = &row.organization_id {
                    self.finish_forgetting(&row, organization_id).await?;
                    continue;
                }
                let erasure = Erasure::new(&row, row.user_id.as_deref().unwrap_or_default(), false);
                // Without waiting for readers, because a sync or the answer to a webhook would wait as well.
                self.complete_erasure(&row, erasure, 1).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = finish.await {
            tracing::warn!(target: "headcount", "an erasure is not complete, and will be continued: {error}");
        }
    }

    /// Records an erasure, and removes the user if the mirror has the user.
    async fn begin_erasure(&self, user_id: &str) -> Result<Begun> {
        let (id, user_id) = (self.fresh_id(), user_id.to_owned());
        let key = ErasureKey::new([self.random_bits(), self.random_bits(), self.random_bits(), self.random_bits()]);
        let (mark, at) = (String::new(), Timestamp::UNIX_EPOCH);
        let row = ErasureRow { mark, id: id.clone(), at, user_id: None, organization_id: None };
        let keys = Keys { users: [user_id.clone()].into(), ..Keys::default() };
        let task = Task { cause: row.cause(), keys, ..self.settings_task() };
        let done = run(self.store(), task, move |step| Ok(begin_erasure(step, &user_id, &id, &key))).await?;
        self.notify(&done.tally);
        Ok(done.value)
    }

    /// Removes what is left about the user of an erasure, and ends it. Tries `purges` times to remove it from the log as well. Returns `erasure` with the
    /// numbers of what was removed.
    async fn complete_erasure(&self, row: &ErasureRow, mut erasure: Erasure, purges: u32) -> Result<Erasure> {
        let Some(user_id) = &row.user_id else { return Ok(erasure) };
        erasure.changes = self.redact_feed(user_id, &row.cause()).await?;
        // Entries that the history has not taken are replaced now, so what it takes from here on has nothing about the user. A process that has read them
        // before cannot store its rows any more, because this moves the history's mark.
        self.take_history(usize::MAX, 1).await?;
        loop {
            let removed = self.store().forget_user(user_id.clone(), row.mark.clone(), PAGE).await?;
            erasure.history += removed as u64;
            if removed < PAGE {
                break;
            }
        }
        erasure.events = self.redact_events(user_id).await?;
        erasure.parked = self.redact_parked(user_id, &row.cause()).await?;
        self.purge(purges).await?;
        let ended = ErasureRow { user_id: None, ..row.clone() };
        run(self.store(), self.settings_task(), move |step| {
            step.batch().erasures.push(ended.clone());
            Ok(())
        })
        .await?;
        Ok(erasure)
    }

    /// Replaces the content of the changes about a user. Returns the number of these changes.
    async fn redact_feed(&self, user_id: &str, cause: &str) -> Result<u64> {
        let consumers = self.store().consumers().await?.0;
        let acknowledged = consumers.iter().map(|(row, _)| ConsumerRow::seen(row)).min().unwrap_or(i64::MAX);
        let (mut position, mut count) = (0, 0);
        loop {
            let found = self.store().entries_of_user(user_id.to_owned(), position, ENTRIES).await?;
            let mut entries = Vec::new();
            for entry in found.entries {
                let keeps_link = entry.last > acknowledged;
                entries.extend(entry.without_user(user_id, cause, keeps_link)?);
            }
            // Others are creations of other users, of which only the reference to the user is removed.
            let own = entries.iter().filter(|entry| entry.cause == cause);
            count += own.map(|entry| entry.body.changes.len() as u64).sum::<u64>();
            for page in entries.chunks(PAGE) {
                let redaction = Redaction { entries: page.to_vec(), parked: Vec::new() };
                self.store().redact(redaction).await?;
            }
            match found.searched {
                Some(last) => position = last,
                None => return Ok(count),
            }
        }
    }

    /// Removes what received events have about a user. Returns the number of these events.
    async fn redact_events(&self, user_id: &str) -> Result<u64> {
        let mut count = 0;
        loop {
            let query = EventQuery { subject_id: Some(user_id.to_owned()), limit: PAGE, ..EventQuery::default() };
            let rows = self.store().received_events(query).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            let ids: Vec<String> = rows.into_iter().map(|(_, row)| row.id).collect();
            let keys = Keys { events: ids.iter().cloned().collect(), ..Keys::default() };
            let task = Task { durability: Durability::Process, keys, ..self.settings_task() };
            let user_id = user_id.to_owned();
            count += run(self.store(), task, move |step| Ok(erase_events(step, &user_id, &ids))).await?.value;
        }
    }

    /// Replaces the content of parked changes about a user. Returns the number of these changes.
    async fn redact_parked(&self, user_id: &str, cause: &str) -> Result<u64> {
        let mut count = 0;
        for (row, _) in self.store().consumers().await?.0 {
            let parked = self.store().parked_changes(row.name.clone()).await?;
            let redacted = parked.iter().filter_map(|change| change.without_user(user_id, cause));
            let parked: Vec<(String, ParkedChange)> = redacted.map(|change| (row.name.clone(), change)).collect();
            count += parked.len() as u64;
            for page in parked.chunks(PAGE) {
                self.store().redact(Redaction { entries: Vec::new(), parked: page.to_vec() }).await?;
            }
        }
        Ok(count)
    }

    /// Removes what was deleted and replaced from the log of the store.
    pub(super) async fn purge(&self, attempts: u32) -> Result<()> {
        for attempt in 0..attempts {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            if self.store().purge().await? {
                return Ok(());
            }
        }
        Err(Error::store(
            "the data is erased, but a reader of the file, such as a backup, keeps the log with the removed data: call this again when the reader has \
             ended, or wait until the next sync does it",
        )
        .temporary())
    }

    /// Returns a change that a consumer parks, without its content if its user was erased, or its organization forgotten, after the consumer had polled it.
    pub(super) async fn without_erased(&self, change: Change) -> Result<Change> {
        let change = self.without_forgotten(change).await?;
        let sides = [change.user.as_ref(), change.before.as_ref().and_then(Mirrored::user)];
        let Some(user_id) = sides.into_iter().flatten().map(|user: &MirrorUser| user.id.clone()).next() else {
            return Ok(change);
        };
        let Some(key) = self.store().load(Keys::default()).await?.environment.erasure_key else { return Ok(change) };
        let mark = key.mark_of_user(&user_id);
        let set = self.store().load(Keys { erasures: [mark.clone()].into(), ..Keys::default() }).await?;
        let Some(erasure) = set.erasures.get(&mark) else { return Ok(change) };
        let parked = ParkedChange::new(change, String::new(), self.now());
        Ok(parked.without_user(&user_id, &erasure.cause()).map_or(parked.change, |redacted| redacted.change))
    }
}
