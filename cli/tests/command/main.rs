//! Runs the program `headcount` against a sandbox, on SQLite and on PostgreSQL.
//!
//! `setup` starts the program with a time limit, and compares its output with the files in `tests/snapshots`: HEADCOUNT_BLESS=1 writes these again.
//! `manners` tests what all commands have in common, `everyday` and `holds` the commands on both stores, and `terminal` what a terminal shows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod everyday;
mod holds;
mod manners;
mod setup;
mod terminal;
