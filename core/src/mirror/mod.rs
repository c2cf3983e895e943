//! Syncs, the feed of changes, and the records of a mirror.
//!
//! [`Mirror`](crate::Mirror), [`MirrorBuilder`](crate::MirrorBuilder), [`MirrorUser`](crate::MirrorUser) and [`Change`](crate::Change) are at
//! the root of the crate.

// Drivers load rows from a store, call the rules in `decide`, and commit what they return (`write` does so for one step). `sync` has the builder of
// syncs and starts one sync per organization, `organization` syncs the directories of an organization, `run` syncs one directory, `removal` removes
// what its listing lacks, and `reports` makes the reports; `receive` applies webhooks; `holds` has the losses of access that the guard held, and the
// decisions about them; `runs` records syncs, and reads them and the received events; `explain` explains a user's access; `chores` completes work that takes more than one write; `retire` removes the users and groups of a directory that the
// application retires; `erase` removes everything about a user, and `forget` about an organization; `environment` binds the mirror to one environment; `upkeep` bounds what is stored; `feed` returns changes to consumers
// (`groups` reads them one by one or in groups), `changes` returns them one after another, `consumer` to the workers of one consumer, and `snapshot` returns the current rows to new consumers; `exclusive`
// has the leases of `changes` and of `lead`, `polls` what polls have returned, and `lapse` tells when leases are renewed; `view` reads the mirrored rows.
// `history` takes the history from the feed and returns it, `past` computes past states from it, and `days` counts users and changes a day. `export` writes users as text.
// `copy` copies a mirror to another store, and `backup` to a file. `reconcile` finds users whom an application knows and the mirror lacks. `plan` runs a sync on a copy of an organization's rows.
// `tasks` counts the tasks that outlive their calls. `handle` is the open mirror, `place` opens its store, `source` the API that is listed. `counters` counts what a handle does, `metrics` writes
// these and the numbers of the store, `openmetrics` has the format. `options` has the options of a sync, `moments` the times of
// periodic work.
mod backup;
mod changes;
mod chores;
mod consumer;
mod copy;
mod counters;
mod days;
mod decide;
mod environment;
mod erase;
mod exclusive;
mod explain;
mod export;
mod feed;
mod forget;
mod groups;
pub(crate) mod handle;
mod history;
mod holds;
mod lapse;
mod lead;
mod leavers;
mod metrics;
mod moments;
mod openmetrics;
mod options;
mod organization;
mod past;
#[cfg(feature = "sqlite")]
mod place;
#[cfg(feature = "sqlite")]
mod plan;
mod polls;
mod receive;
mod reconcile;
mod removal;
mod reports;
mod retire;
mod run;
mod runs;
mod snapshot;
mod source;
mod sync;
mod tasks;
mod upkeep;
mod view;
mod write;

#[doc(hidden)]
pub use crate::record::DayCount;
pub use crate::record::{
    Approval, Consumer, CopiedTable, CopyReport, DirectoryStatus, Erasure, EventQuery, ExplainedChange, Explanation,
    ExportFormat, GuardSettings, HistoryEntry, Hold, HoldReason, IgnoredSetting, MirrorDirectory, MirrorGroup,
    MirrorOptions, MirrorSettings, Mirrored, OrganizationErasure, Outcome, ParkedChange, PendingEvent, Phase, Progress,
    ReceivedEvent, Retirement, RoleGrant, RoleMapEntry, RoleMapKey, Run, RunOutcome, RunQuery, SyncMode, SyncOutcome,
    SyncReport, UserFields, UserState,
};
pub use changes::Changes;
pub use consumer::{Worker, WorkerBuilder};
pub use copy::CopyOptions;
pub use export::Export;
pub use feed::MAX_POLL;
pub use history::History;
pub use lead::Leadership;
pub use metrics::{METRICS_CONTENT_TYPE, MetricsOptions};
#[cfg(feature = "sqlite")]
pub use plan::{Plan, PlanBuilder, PlannedChanges};
pub use reconcile::ReconcileOptions;
#[doc(hidden)]
pub use reconcile::Reconciliation;
pub use source::{Source, SourceFuture, SourcePages};
pub use sync::SyncBuilder;
pub use view::MirrorUsers;

pub(crate) use handle::Mirror;
