//! The data of the environment, and the changes that can be made to it.
//!
//! `rows` has the types, `tables` holds them and finds them by id, `json` writes them as REST does, and `event` describes a change
//! as a webhook. `organizations`, `directories`, `users` and `groups` make the changes; each change returns the event to publish.
//! Nothing in here performs I/O or reads a clock: the time of a change is an argument.

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
