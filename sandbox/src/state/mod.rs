//! The data of the environment, and the changes that can be made to it.
//!
//! `rows` has the types of rows, `tables` stores rows and finds them by id, `json` converts them to the JSON of the REST API, and `event`
//! converts a change to the event of its webhook. `organizations`, `directories`, `users` and `groups` make the changes; each change
//! returns the event to publish. This module performs no I/O and reads no clock: the time of a change is an argument.

mod directories;
mod event;
mod groups;
mod json;
mod organizations;
mod rows;
mod tables;
mod users;

pub(crate) use event::Event;
pub(crate) use rows::{Directory, Group, Organization, User};
pub(crate) use tables::State;
