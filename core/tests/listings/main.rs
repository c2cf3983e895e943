//! Syncs from a [`Source`](headcount::mirror::Source) in memory, without a network: inconsistent listings and listings that lag behind events, persons
//! who are created again, the log, the removal guard, events about listed users, the retention of changes, the feed's consumers, stored
//! settings, bounded storage, futures that are dropped, and what `Debug` prints of a person.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod api;
mod bounds;
mod clocks;
mod dropped;
mod events;
mod feed;
mod guard;
mod holds;
mod logs;
mod organizations;
mod partitions;
mod privacy;
mod readings;
mod recreated;
#[cfg(feature = "postgres")]
#[path = "../postgres/server.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod server;
mod settings;
mod syncs;
mod tenants;
