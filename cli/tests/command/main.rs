//! Runs the program `headcount` against a sandbox, on SQLite and on PostgreSQL.
//!
//! `setup` starts the program with a time limit, and compares its output with the files in `tests/snapshots`: HEADCOUNT_BLESS=1 writes these again.
//! `manners` tests what all commands have in common, `everyday`, `holds` and `feed` the
//! commands on both stores, `nats` the feed in NATS JetStream, with servers of its own and the keys of `operator`, `parked` parked changes and consumers, `developers` the sandbox, test webhooks and `doctor`, `listen` the webhooks of a mirror's
//! changes, and `terminal` what a terminal shows. `endpoint` is an
//! HTTP server whose answers a test chooses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod developers;
mod endpoint;
mod everyday;
mod feed;
mod holds;
mod listen;
mod manners;
mod nats;
mod operator;
mod parked;
mod serve;
mod setup;
mod terminal;
