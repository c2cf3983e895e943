//! Syncs from a [`Source`](headcount::Source) in memory, without a network: listings that contradict themselves or lag behind events,
//! the removal guard, events that meet a listing, and the retention of changes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod api;
mod events;
mod guard;
mod readings;
mod syncs;
