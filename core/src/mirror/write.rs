//! One step of the mirror: loads rows, runs the rules on them, and commits the result.

use super::decide::{Decided, Step, Tally};
use crate::store::{Committed, Decision, Durability, Fence, Keys, Scope, Slot, Store, WorkingSet, Write};
use crate::{Error, Result, Timestamp};
use std::sync::Arc;
use tokio::task::JoinError;

/// The inputs of a step, except for its rules.
pub(super) struct Task {
    pub(super) scope: Scope,
    pub(super) durability: Durability,
    /// The lease that has to be held, or `None` if the step needs none.
    pub(super) fence: Option<Fence>,
    /// Whether the guard limits losses of access: not if the application asked for them.
    pub(super) guarded: bool,
    /// The rows that the rules need, as far as is known before they run.
    pub(super) keys: Keys,
    /// The cause of the changes.
    pub(super) cause: String,
    /// The time of the changes, by this machine's clock.
    pub(super) now: Timestamp,
}

/// The result of a step.
pub(super) struct Done<T> {
    /// What the rules returned.
    pub(super) value: T,
    /// Numbers of changes by kind.
    pub(super) tally: Tally,
    /// Whether the step left chores.
    pub(super) chores: bool,
    /// Numbers of the rows that were written.
    pub(super) committed: Committed,
}

/// Runs `rules` in one write. They may run several times, so they must change only the step.
pub(super) async fn run<T: Send + 'static>(
    store: &Arc<dyn Store>,
    task: Task,
    mut rules: impl FnMut(&mut Step) -> Result<T> + Send + 'static,
) -> Result<Done<T>> {
    let Task { scope, durability, fence, guarded, keys, cause, now } = task;
    let (slot, decided) = Slot::new();
    let decide = Box::new(move |set| {
        let mut step = Step::new(set, &cause, now, guarded)?;
        let result = rules(&mut step);
        let chores = step.left_chores();
        match step.finish() {
            // Rows were missing, so the rules' value or error is discarded.
            Decided::Needs(keys) => Ok(Decision::Load(keys)),
            Decided::Ready { batch, tally } => {
                slot.put((result?, tally, chores));
                Ok(Decision::Commit(batch))
            }
        }
    });
    let committed = store.write(Write { scope, durability, fence, now, keys, decide }).await?;
    let (value, tally, chores) = decided.take()?;
    Ok(Done { value, tally, chores, committed })
}

/// Returns a revision that separates the writes of an organization: committed writes have this or a lower revision, later writes a higher one.
///
/// It is read in a write of the organization, because a store may run writes of different organizations at the same time: a revision that is only
/// loaded may be greater than that of a write of this organization that is committed later.
pub(super) async fn mark(store: &Arc<dyn Store>, organization_id: &str, now: Timestamp) -> Result<i64> {
    let (slot, revision) = Slot::new();
    let decide = Box::new(move |set: WorkingSet| {
        slot.put(set.revision - 1);
        Ok(Decision::Commit(Box::default()))
    });
    let scope = Scope::Organization(organization_id.to_owned());
    store
        .write(Write { scope, durability: Durability::Process, fence: None, now, keys: Keys::default(), decide })
        .await?;
    revision.take()
}

/// Extends the lease of a fence, if half of it or less is left: every write with a fence does so, and this one writes nothing else.
pub(super) async fn extend(store: &Arc<dyn Store>, scope: Scope, fence: Fence, now: Timestamp) -> Result<()> {
    let decide = Box::new(|_| Ok(Decision::Commit(Box::default())));
    let write =
        Write { scope, durability: Durability::Process, fence: Some(fence), now, keys: Keys::default(), decide };
    store.write(write).await.map(drop)
}

/// Returns the error of a task that did not return: an internal error if it panicked, or else that it was cancelled.
pub(super) fn task_error(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => match crate::error::catch_panic(|| -> Result<()> { std::panic::resume_unwind(panic) }) {
            Err(error) => error,
            Ok(()) => Error::internal("a task panicked"),
        },
        Err(_) => Error::cancelled(),
    }
}
