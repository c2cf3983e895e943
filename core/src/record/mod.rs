//! Types that the mirror stores and reports, and their stored form.
//!
//! The definitions here, with their doc comments, are the source of the record types of every binding (see the crate `codegen`). This
//! module does not use stores, HTTP or the rules of the mirror.

mod batch;
mod change;
mod consumer;
mod copy;
mod day;
mod directory;
mod entry;
mod environment;
mod erasure;
mod event;
mod explanation;
mod export;
mod fields;
mod group;
mod history;
mod hold;
mod rehire;
mod report;
mod retirement;
mod roles;
mod run;
mod settings;
mod user;
mod version;
mod working_set;

pub use batch::{Batch, Chore, UserWrite};
pub use change::{Change, ChangeBody, ChangeKind, Mirrored, ParkedChange};
pub use consumer::{Consumer, ConsumerRow, Partition, Snapshot, WorkerId};
pub use copy::{CopiedTable, CopyReport};
pub use day::{DayCount, HistoryDay};
pub use directory::{DirectoryRow, DirectoryStatus, MirrorDirectory, OrganizationRow};
pub(crate) use entry::brief;
pub use entry::{Delta, Entry, EntryBody, NewEntry};
pub use environment::EnvironmentRow;
pub use erasure::{Erasure, ErasureKey, ErasureRow, OrganizationErasure, RedactedEntry};
pub(crate) use erasure::{erased_body, erased_user, is_erasure};
pub use event::{EventNote, EventQuery, EventRow, EventState, PendingEvent, PendingEvents, ReceivedEvent};
pub use explanation::{ExplainedChange, Explanation, RoleGrant, UserState};
pub use export::ExportFormat;
pub use fields::UserFields;
pub use group::{GroupRow, MirrorGroup};
pub use history::{HistoryEntry, HistoryMark, HistoryRow};
pub use hold::{Approval, HeldLoss, Hold, HoldId, HoldReason, HoldRow, Loss, LossRow};
pub use rehire::{AddressUser, Rehire, rehire_key};
pub use report::{Outcome, Phase, Progress, SyncMode, SyncOutcome, SyncReport};
pub use retirement::Retirement;
pub use roles::{RoleMapEntry, RoleMapKey};
pub use run::{Run, RunOutcome, RunQuery, RunRow};
pub use settings::{GuardSettings, IgnoredSetting, MirrorOptions, MirrorSettings};
pub use user::{Leaving, MirrorUser, UserRow, email_key};
pub use version::{MessageKind, Trail, Version};
pub use working_set::{Counts, CountsKey, Keys, MembersKey, WorkingSet};

/// Serializes an enum made by `named!` as its name, and reads it back; `$what` names the enum in errors.
macro_rules! serde_by_name {
    ($type:ident, $what:literal) => {
        impl ::serde::Serialize for $type {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let name = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                let known = $type::ALL.iter().copied().find(|known| known.name() == name);
                known.ok_or_else(|| ::serde::de::Error::custom(concat!("expected the name of a ", $what)))
            }
        }
    };
}
use serde_by_name;
