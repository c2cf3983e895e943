//! The mirror: a durable local copy of every directory, and a feed of what changed.
//!
//! Drivers load rows from a store, call the rules in `decide`, and commit what they return (`write` does so for one step). `sync` says what a
//! sync is asked for and goes through organizations, `organization` through their directories, and `run` reads one directory; `receive` takes
//! webhooks; `chores` finishes work that is too long for one write; `feed` hands changes to consumers, `snapshot` starts new ones; `view`
//! reads what is mirrored. `handle` is the open mirror, `source` is where listings come from.

mod chores;
mod decide;
mod feed;
mod handle;
mod options;
mod organization;
mod receive;
mod run;
mod snapshot;
mod source;
mod sync;
mod view;
mod write;

pub use feed::MAX_POLL;
pub use handle::{Mirror, MirrorBuilder};
pub use source::{Source, SourceFuture, SourcePages};
pub use sync::SyncBuilder;
pub use view::MirrorUsers;
