//! `Mirror` and `AsyncMirror`: the same calls for threads and for asyncio, written once.
//!
//! `class` has the classes; `sync`, `plan`, `view`, `history`, `holds`, `runs`, `explain`, `roles`, `settings`, `keeping`, `erasing` and `consumers` add the calls of their topics
//! to both of them. `state` has the core's mirror until it is closed, `options` the settings that the store keeps,
//! `users`, `feed` and `worker` the iterators, and `rows` the conversion of lists of rows.

mod class;
mod consumers;
mod erasing;
mod explain;
mod export;
mod feed;
mod history;
mod holds;
mod keeping;
mod options;
mod plan;
mod roles;
mod rows;
mod runs;
mod settings;
mod state;
mod sync;
mod users;
mod view;
mod worker;

pub(crate) use class::{AsyncMirror, Mirror};
pub(crate) use export::{AsyncExportIterator, ExportIterator};
pub(crate) use feed::{AsyncChange, AsyncChangeIterator, ChangeIterator};
pub(crate) use history::{AsyncHistoryIterator, HistoryIterator};
pub(crate) use plan::{AsyncPlan, AsyncPlannedChangeIterator, Plan, PlannedChangeIterator};
pub(crate) use users::{AsyncMirrorUserIterator, MirrorUserIterator};
pub(crate) use worker::{AsyncWorker, Worker};
