//! Holds: the losses of access that the guard holds back, and the application's decisions about them.

use super::Mirror;
use super::decide::{Step, Tally};
use super::view::MirrorUsers;
use super::write::{Done, Task, run};
use crate::record::{Approval, Hold, HoldId, HoldRow};
use crate::store::{Durability, Keys, Scope, UserFilter};
use crate::{Error, ErrorKind, Result};

/// How many users one write of an approval changes.
const PAGE: usize = 500;

/// The longest name of who decided, and the longest note, in bytes.
const MAX_BY: usize = 200;
const MAX_NOTE: usize = 2_000;

/// Who decides about a hold, and why.
pub(super) struct Decider {
    by: String,
    note: String,
}

/// What a decision about a hold did.
#[derive(Default)]
pub(super) struct SettledHold {
    /// Number of users whose held losses were applied or dismissed.
    pub(super) users: u64,
    /// Numbers of changes by kind.
    pub(super) tally: Tally,
}

/// Checks the arguments `by` and `note` of a decision.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`] if `by` is empty or longer than 200 bytes, or the note is longer than 2,000.
pub(super) fn check_decider(by: &str, note: &str) -> Result<()> {
    if by.trim().is_empty() || by.len() > MAX_BY {
        return Err(Error::invalid_argument(format!(
            "`by` has {} bytes: expected who decides, in 1 to {MAX_BY} bytes",
            by.len()
        )));
    }
    if note.len() > MAX_NOTE {
        return Err(Error::invalid_argument(format!("the note has {} bytes: expected at most {MAX_NOTE}", note.len())));
    }
    Ok(())
}

impl Decider {
    fn new(by: &str, note: &str) -> Result<Decider> {
        check_decider(by, note)?;
        Ok(Decider { by: by.to_owned(), note: note.to_owned() })
    }

    /// Returns the decider of a sync with the option `approve_removals`.
    pub(super) fn of_sync() -> Decider {
        Decider { by: "approve_removals".to_owned(), note: String::new() }
    }
}

impl Mirror {
    /// Returns the open holds of an organization, or of one of its directories, in the order in which they were made.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn holds(&self, organization_id: &str, directory_id: Option<&str>) -> Result<Vec<Hold>> {
        self.read_holds(Some(organization_id), directory_id).await
    }

    pub(super) async fn read_holds(
        &self,
        organization_id: Option<&str>,
        directory_id: Option<&str>,
    ) -> Result<Vec<Hold>> {
        let owned = |id: Option<&str>| id.map(str::to_owned);
        let rows = self.store().holds(owned(organization_id), owned(directory_id)).await?;
        if !rows.is_empty() {
            // A power failure must not undo a hold whose id the application has: its numbers would be given to another hold, and the
            // application's decision would be about other users.
            self.store().flush().await?;
        }
        Ok(rows.into_iter().map(Hold::from).collect())
    }

    /// Reads the users that a hold names, as they are mirrored now. A hold that has been settled names none, and neither does one about a
    /// directory as a whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if `hold_id` is not the id of a hold.
    pub fn hold_users(&self, hold_id: &str) -> Result<MirrorUsers> {
        let filter = UserFilter { hold: Some(parse(hold_id)?), ..UserFilter::default() };
        Ok(MirrorUsers::new(self.clone(), filter))
    }

    /// Approves a hold: applies the losses of access of the users that `hold_id` names, if these are still held. A hold gets another id when the guard
    /// adds users to it, and each id names the users that the hold had when the id was returned; users who were added later stay held. Returns the number
    /// of users who lost access. They do not count against the guard's budget. `by` (1 to 200 bytes) is who approves, and `note` (at most 2,000 bytes) the
    /// reason; both are stored with the time. After an error, or if the process ends, approving again does the rest.
    ///
    /// The future may be dropped: some of the users have then lost access. Approving again does the rest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if `hold_id` is not the id of a hold, if the hold is about a directory that is disabled or not found,
    /// and for a `by` or note of the wrong length; [`ErrorKind::NotFound`] if none of its users is held any more; [`ErrorKind::Store`].
    pub async fn approve(&self, hold_id: &str, by: &str, note: &str) -> Result<u64> {
        Ok(self.settle(hold_id, &Decider::new(by, note)?, true).await?.users)
    }

    /// Drops a hold: the users that `hold_id` names stay as they are mirrored, until a later listing or event changes or removes them. Returns the number
    /// of those users. Arguments as for [`approve`](Mirror::approve).
    ///
    /// The future may be dropped: the hold may then still name some of the users. Dismissing again drops the rest.
    ///
    /// # Errors
    ///
    /// As [`approve`](Mirror::approve).
    pub async fn dismiss(&self, hold_id: &str, by: &str, note: &str) -> Result<u64> {
        Ok(self.settle(hold_id, &Decider::new(by, note)?, false).await?.users)
    }

    /// Returns the decisions about holds of an organization, or of all, in the order in which they were made. They are kept as long as the
    /// changes that they made.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn approvals(&self, organization_id: Option<&str>) -> Result<Vec<Approval>> {
        self.store().approvals(organization_id.map(str::to_owned)).await
    }

    async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>> {
        let rows = self.store().holds(None, None).await?;
        Ok(rows.into_iter().find(|row| row.number == id.number))
    }

    pub(super) async fn settle(&self, hold_id: &str, decider: &Decider, is_approved: bool) -> Result<SettledHold> {
        let id = parse(hold_id)?;
        let Some(hold) = self.hold(id).await? else { return Err(settled(hold_id)) };
        if id.revision > hold.revision {
            return Err(not_an_id());
        }
        if hold.reason.is_of_directory() {
            return Err(Error::invalid_argument(format!(
                "the hold is about a directory as a whole ({}): enable the directory, or remove its users with `retire`",
                hold.reason
            )));
        }
        let approval = Approval {
            id: self.fresh_id(),
            hold_id: hold_id.to_owned(),
            organization_id: hold.organization_id.clone(),
            directory_id: hold.directory_id.clone(),
            reason: hold.reason,
            is_approved,
            by: decider.by.clone(),
            note: decider.note.clone(),
            at: self.now(),
            count: hold.count,
        };
        let filter = UserFilter { hold: Some(id), ..UserFilter::default() };
        let mut settled_hold = SettledHold::default();
        loop {
            // Each read starts at the first row: the hold no longer names the users whom the previous pass settled.
            let rows = self.store().users(filter.clone(), 0, PAGE).await?;
            let ids: Vec<String> = rows.into_iter().map(|row| row.user.id).collect();
            if ids.is_empty() {
                break;
            }
            let done = self.settle_users(id, ids, approval.clone()).await?;
            if done.value == 0 {
                // Another process settled these users' losses, or the users returned.
                break;
            }
            settled_hold.users += done.value;
            settled_hold.tally.add(&done.tally);
        }
        if settled_hold.users == 0 { Err(settled(hold_id)) } else { Ok(settled_hold) }
    }

    /// Applies or dismisses the held losses of access of these users, and records the decision, unless it was recorded with earlier users.
    async fn settle_users(&self, hold: HoldId, ids: Vec<String>, approval: Approval) -> Result<Done<u64>> {
        let task = Task {
            scope: Scope::Organization(approval.organization_id.clone()),
            durability: Durability::Power,
            fence: None,
            guarded: false,
            keys: Keys { users: ids.iter().cloned().collect(), ..Keys::default() },
            cause: format!("approval:{}", approval.id),
            now: self.now(),
        };
        let settle = if approval.is_approved { Step::apply_held } else { Step::dismiss_held };
        let done = run(self.store(), task, move |step| {
            let count = ids.iter().filter(|id| settle(step, id, hold)).count() as u64;
            if count > 0 {
                step.batch().approvals.push(approval.clone());
            }
            Ok(count)
        })
        .await?;
        self.notify(&done.tally);
        Ok(done)
    }
}

fn parse(hold_id: &str) -> Result<HoldId> {
    HoldId::parse(hold_id).ok_or_else(not_an_id)
}

fn not_an_id() -> Error {
    Error::invalid_argument("expected the id of a hold, as `holds` returns it: `hold_` and two numbers")
}

fn settled(hold_id: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "no user of this hold is held any more: the users returned, or the hold was settled before",
    )
    .with_context("hold", hold_id)
}
