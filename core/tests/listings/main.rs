//! The mirror with a [`Source`](headcount::mirror::Source) in memory, without a network. Each module has the tests of one subject, which its first
//! line names.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod allowlist;
mod api;
mod bounds;
mod clocks;
mod dropped;
mod erasing;
mod events;
mod explain;
mod exports;
mod feed;
mod forgetting;
mod groups;
mod guard;
mod history;
mod holds;
mod leavers;
mod logs;
mod metrics;
mod organizations;
mod partitions;
mod plans;
mod privacy;
mod protection;
mod readings;
mod reconciling;
mod recreated;
mod rehires;
mod runs;
#[cfg(feature = "postgres")]
#[path = "../postgres/server.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod server;
mod settings;
mod syncs;
mod tenants;
