//! Forgets organizations: removes everything that the store has about a customer who left, after the application has removed the accounts.
//!
//! It begins once no user and no group of the organization is mirrored and every consumer has acknowledged its changes. The first write records the
//! erasure, with the leases of all its directories held: from then on no event and no sync of all organizations adds anything. Further writes remove the
//! rows, in pages. As that of a user, the erasure is open until all of it is removed, and is completed later if it is interrupted.

use super::Mirror;
use super::decide::{Forgetting, begin_forgetting, end_forgetting, has_acknowledged, readmit, still_mirrored};
use super::erase::{ENTRIES, PAGE, PURGES, check_id};
use super::write::{extend, run};
use crate::record::{
    Change, ChangeBody, ChangeKind, ConsumerRow, EnvironmentRow, ErasureKey, ErasureRow, OrganizationErasure,
};
use crate::store::{ForgottenRows, Keys, Lease, Redaction, Scope, UserFilter};
use crate::{Error, Result};
use std::collections::BTreeSet;

/// How many rows of each kind one write removes.
const ROWS: usize = 500;

/// The leases of an organization's directories. They keep syncs and retirements of the directories from running.
type Leases = Vec<Box<dyn Lease>>;

impl Mirror {
    /// Forgets an organization, for example a customer who left: removes everything that the mirror has about it. When this returns, the organization, its
    /// directories, the tombstones of its users and groups, their history, links and protections, its events, holds, decisions, retirements and syncs, and its
    /// entries in the role map are gone: in SQLite also from the file and its log. For PostgreSQL, see the guide to it.
    ///
    /// It removes no accounts, so it is refused while that is not done: first [`retire`](Mirror::retire) the organization's directories, and let every
    /// consumer acknowledge the changes. Parked changes are removed, but it is refused while the deletion of a user is parked.
    ///
    /// The numbers of the feed stay as they are. Each change of the organization becomes an `organization.forgotten` with the cause `erasure:` and the
    /// erasure's id, without any other id. Consumers that start at the beginning of the feed get these changes, and only acknowledge them.
    ///
    /// A tombstone keeps the organization forgotten: events about it are ignored ([`Outcome::Erased`](crate::mirror::Outcome::Erased)), and
    /// [`sync_all`](Mirror::sync_all) leaves it out, without a report. It has a keyed hash of the id, not the id. An organization that the mirror does not know
    /// gets one as well. [Syncing](Mirror::sync) the organization by its id removes the tombstone and mirrors the organization anew. Copies of the mirror keep the
    /// tombstones; backups that were made before still have the data.
    ///
    /// It waits for syncs of the directories to end. The whole feed is searched, in pages of bounded memory; other calls run meanwhile. If it is
    /// interrupted, it is completed by another call, the next sync, the next removal of old rows, or when the mirror is next opened. Forgetting an organization
    /// again changes nothing.
    ///
    /// The future may be dropped: then nothing has happened, or the erasure is recorded and is completed as after an interruption.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if users or groups of the organization are mirrored; if a consumer has not
    /// acknowledged a change of the organization, or has parked the deletion of a user of it, with the consumer's name and the change's number as the
    /// [context](Error::context) `consumer` and `seq`; and if `organization_id` is empty, longer than 200 bytes, or has spaces or characters that are not
    /// printable ASCII. [`ErrorKind::Store`](crate::ErrorKind::Store), also if a reader of a SQLite file, such as a running backup, prevented for five
    /// seconds that its log is truncated: call it again when the reader has ended.
    pub async fn forget_organization(&self, organization_id: &str) -> Result<OrganizationErasure> {
        check_id("an organization (org_…)", organization_id)?;
        self.until_closed(self.forget(organization_id)).await
    }

    async fn forget(&self, organization_id: &str) -> Result<OrganizationErasure> {
        // Deletions of groups that are not in the feed yet, retirements that were interrupted, and erasures of the organization's users.
        self.finish_chores().await?;
        self.finish_interrupted().await?;
        loop {
            let leases = self.lease_directories(organization_id, true).await?.unwrap_or_default();
            let result = self.forget_leased(organization_id, leases).await;
            // The process may end next. An error is ignored, because it does not change what was removed.
            let _ = self.store().released().await;
            // If not, a directory was added meanwhile, whose lease is needed as well.
            if let Some(erasure) = result? {
                return Ok(erasure);
            }
        }
    }

    /// Forgets an organization whose directories are leased. Returns `None` if it has other directories as well.
    async fn forget_leased(&self, organization_id: &str, leases: Leases) -> Result<Option<OrganizationErasure>> {
        self.check_is_retired(organization_id).await?;
        self.check_is_handled(organization_id).await?;
        let leased = leases.iter().map(|lease| lease.fence().name.clone()).collect();
        let Some(Forgetting { row, was_mirrored }) = self.begin_forgetting(organization_id, leased).await? else {
            return Ok(None);
        };
        let erasure = OrganizationErasure::new(&row, organization_id, was_mirrored);
        let erasure = self.complete_forgetting(&row, erasure, leases, PURGES).await?;
        // Ending the erasure has removed the id from its row.
        self.purge(PURGES).await?;
        Ok(Some(erasure))
    }

    /// Takes the leases of an organization's directories, in the order in which syncs take them. Returns `None` if one of them is held and `waits` is false.
    async fn lease_directories(&self, organization_id: &str, waits: bool) -> Result<Option<Leases>> {
        let mut leases = Leases::new();
        for row in self.store().directories(Some(organization_id.to_owned())).await? {
            match self.lease(&row.directory.id, waits).await? {
                Some(lease) => leases.push(lease),
                None => return Ok(None),
            }
        }
        Ok(Some(leases))
    }

    /// Checks that no users and groups of an organization are mirrored.
    async fn check_is_retired(&self, organization_id: &str) -> Result<()> {
        let filter = UserFilter { organization_id: Some(organization_id.to_owned()), ..UserFilter::default() };
        if let Some(row) = self.store().users(filter, 0, 1).await?.first() {
            return Err(still_mirrored(organization_id, &row.user.directory_id, "users"));
        }
        for row in self.store().directories(Some(organization_id.to_owned())).await? {
            let directory_id = row.directory.id;
            if !self.store().groups(Some(directory_id.clone()), 0, 1).await?.is_empty() {
                return Err(still_mirrored(organization_id, &directory_id, "groups"));
            }
        }
        Ok(())
    }

    /// Checks that every consumer has acknowledged the changes of an organization, and has no deletion of its users parked.
    async fn check_is_handled(&self, organization_id: &str) -> Result<()> {
        let consumers: Vec<ConsumerRow> = self.store().consumers().await?.0.into_iter().map(|(row, _)| row).collect();
        let Some(mut position) = consumers.iter().map(ConsumerRow::seen).min() else { return Ok(()) };
        loop {
            let found = self.store().entries_of_organization(organization_id.to_owned(), position, ENTRIES).await?;
            for entry in found.entries {
                for change in entry.changes()? {
                    if let Some(row) = consumers.iter().find(|row| !has_acknowledged(row, &change)) {
                        return Err(not_handled(organization_id, &row.name, change.seq, "has not acknowledged"));
                    }
                }
            }
            match found.searched {
                Some(last) => position = last,
                None => break,
            }
        }
        for row in consumers {
            let parked = self.store().parked_changes(row.name.clone()).await?;
            let mut deletions = parked
                .iter()
                .map(|parked| &parked.change)
                .filter(|change| change.organization_id == organization_id && change.kind == ChangeKind::UserDeleted);
            if let Some(change) = deletions.next() {
                return Err(not_handled(organization_id, &row.name, change.seq, "has parked"));
            }
        }
        Ok(())
    }

    /// Records that an organization is forgotten. Returns `None` if it has other directories than `leased`.
    async fn begin_forgetting(&self, organization_id: &str, leased: BTreeSet<String>) -> Result<Option<Forgetting>> {
        let (id, organization_id) = (self.fresh_id(), organization_id.to_owned());
        let key = ErasureKey::new([self.random_bits(), self.random_bits(), self.random_bits(), self.random_bits()]);
        let rules = move |step: &mut _| begin_forgetting(step, &organization_id, &leased, &id, &key);
        Ok(run(self.store(), self.settings_task(), rules).await?.value)
    }

    /// Completes the forgetting of an organization that was interrupted, unless another process has the lease of one of its directories.
    pub(super) async fn finish_forgetting(&self, row: &ErasureRow, organization_id: &str) -> Result<()> {
        let Some(leases) = self.lease_directories(organization_id, false).await? else { return Ok(()) };
        let erasure = OrganizationErasure::new(row, organization_id, false);
        // Without waiting for readers, because a sync or the answer to a webhook would wait as well.
        self.complete_forgetting(row, erasure, leases, 1).await.map(drop)
    }

    /// Removes what is left of an organization that is forgotten, and ends the erasure. Tries `purges` times to remove it from the log as well. Returns
    /// `erasure` with the numbers of what was removed.
    async fn complete_forgetting(
        &self,
        row: &ErasureRow,
        mut erasure: OrganizationErasure,
        leases: Leases,
        purges: u32,
    ) -> Result<OrganizationErasure> {
        let Some(organization_id) = &row.organization_id else { return Ok(erasure) };
        // An event may have removed a user between the first check and the write that began the forgetting.
        self.check_is_handled(organization_id).await?;
        erasure.changes = self.forget_feed(organization_id, &row.cause(), &leases).await?;
        // As for the erasure of a user: what the history takes from here on has nothing about the organization.
        self.take_history(usize::MAX, 1).await?;
        loop {
            self.keep_leases(organization_id, &leases).await?;
            let rows = self.store().forget_organization(organization_id.clone(), ROWS).await?;
            let ForgottenRows { users, groups, history, events, runs, directories, is_complete, .. } = rows;
            erasure.users += users;
            erasure.groups += groups;
            erasure.history += history;
            erasure.events += events;
            erasure.runs += runs;
            erasure.directories += directories;
            if is_complete {
                break;
            }
        }
        erasure.parked = self.forget_parked(organization_id).await?;
        drop(leases);
        self.purge(purges).await?;
        let row = row.clone();
        run(self.store(), self.settings_task(), move |step| end_forgetting(step, &row)).await?;
        Ok(erasure)
    }

    /// Replaces the changes of an organization. Returns their number.
    async fn forget_feed(&self, organization_id: &str, cause: &str, leases: &Leases) -> Result<u64> {
        let (mut position, mut count) = (0, 0);
        loop {
            let found = self.store().entries_of_organization(organization_id.to_owned(), position, ENTRIES).await?;
            count += found.entries.iter().map(|entry| u64::from(entry.count)).sum::<u64>();
            for page in found.entries.chunks(PAGE) {
                let entries = page.iter().map(|entry| entry.forgotten(cause)).collect();
                self.store().redact(Redaction { entries, parked: Vec::new() }).await?;
            }
            self.keep_leases(organization_id, leases).await?;
            match found.searched {
                Some(last) => position = last,
                None => return Ok(count),
            }
        }
    }

    /// Removes the parked changes of an organization. Returns their number.
    async fn forget_parked(&self, organization_id: &str) -> Result<u64> {
        let mut count = 0;
        for (row, _) in self.store().consumers().await?.0 {
            for parked in self.store().parked_changes(row.name.clone()).await? {
                if parked.change.organization_id == organization_id {
                    let was_parked = self.store().drop_parked_change(row.name.clone(), parked.change.seq).await?;
                    count += u64::from(was_parked);
                }
            }
        }
        Ok(count)
    }

    /// Extends the leases, so that they last as long as the forgetting.
    async fn keep_leases(&self, organization_id: &str, leases: &Leases) -> Result<()> {
        for lease in leases {
            let scope = Scope::Organization(organization_id.to_owned());
            extend(self.store(), scope, lease.fence().clone(), self.now()).await?;
        }
        Ok(())
    }

    /// Returns whether an organization may be synced: if it was not forgotten, or if `readmits`, which removes its tombstone. `environment` was read
    /// from the store.
    pub(super) async fn admits(
        &self,
        organization_id: &str,
        environment: &EnvironmentRow,
        readmits: bool,
    ) -> Result<bool> {
        let key = environment.erasure_key.as_ref().filter(|_| environment.has_forgotten);
        let Some(key) = key else { return Ok(true) };
        let mark = key.mark_of_organization(organization_id);
        let mut set = self.store().load(Keys { erasures: [mark.clone()].into(), ..Keys::default() }).await?;
        let Some(row) = set.erasures.remove(&mark) else { return Ok(true) };
        if !readmits {
            tracing::debug!(target: "headcount", organization_id, "an organization that was forgotten is not synced");
            return Ok(false);
        }
        if row.is_open() && !self.is_plan() {
            // What is left of it would be taken for the new organization's.
            let leases = self.lease_directories(organization_id, true).await?.unwrap_or_default();
            let erasure = OrganizationErasure::new(&row, organization_id, false);
            self.complete_forgetting(&row, erasure, leases, PURGES).await?;
        }
        run(self.store(), self.settings_task(), move |step| {
            readmit(step, &mark);
            Ok(())
        })
        .await?;
        Ok(true)
    }

    /// Returns a change that a consumer parks, without its content if its organization was forgotten after the consumer had polled it.
    pub(super) async fn without_forgotten(&self, change: Change) -> Result<Change> {
        let environment = self.store().load(Keys::default()).await?.environment;
        let key = environment.erasure_key.filter(|_| environment.has_forgotten);
        let Some(key) = key else { return Ok(change) };
        let mark = key.mark_of_organization(&change.organization_id);
        let set = self.store().load(Keys { erasures: [mark.clone()].into(), ..Keys::default() }).await?;
        let Some(row) = set.erasures.get(&mark) else { return Ok(change) };
        let (seq, at, cause) = (change.seq, change.at, row.cause());
        let place = (String::new(), String::new());
        Ok(Change::new(seq, ChangeKind::OrganizationForgotten, place, ChangeBody::default(), cause, at))
    }
}

/// The error of an organization of which a consumer has not handled a change.
fn not_handled(organization_id: &str, consumer: &str, seq: i64, what: &str) -> Error {
    let action = match what {
        "has parked" => "handle it and drop it with `drop_parked`",
        _ => {
            "let it acknowledge the changes of the organization, or delete it with `drop_consumer` if it is not used any more"
        }
    };
    Error::invalid_argument(format!(
        "expected consumers to have handled all changes of the organization, but the consumer {consumer:?} {what} change {seq}: {action}, then forget the \
         organization"
    ))
    .with_context("organization", organization_id)
    .with_context("consumer", consumer)
    .with_context("seq", seq.to_string())
}
