//! A local Scalekit environment: tokens, REST and signed webhooks over real HTTP, with faults on demand.
//!
//! For demos, and for tests of applications that use the Directory API. The same seed and sizes give the same organizations, directories,
//! users, groups and ids.
//!
//! ```
//! let sandbox = headcount_sandbox::Sandbox::builder().users(50).seed(1).start()?;
//! let client = headcount::blocking::Client::new(sandbox.client())?;
//! let users = client.directories().users(sandbox.organization_id(), sandbox.directory_id());
//! assert_eq!(users.iter().count(), 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Modules: `builder` starts a sandbox and `handle` controls it; `control` offers that control over HTTP, for programs in other languages. Both use the calls of the running
//! `environment`: `changes` change it, and `views` list what it has.
//! `input` has the types of the options, changes and bodies that both of them accept. `data` generates the initial data, `state` holds
//! and changes them. `api` implements the vendor's OpenAPI document ("the contract", `tests/contract`). `outbox` signs and
//! sends a webhook for every change, whose body `vendor` makes. `fault` decides which calls fail. `events` makes the body of any event, without a sandbox.
//! `program` is what the program `headcount-sandbox` does.
#![forbid(unsafe_code)]

mod api;
mod body;
mod broken;
mod builder;
mod changes;
mod clock;
mod control;
mod data;
mod environment;
mod error;
mod events;
mod fault;
mod handle;
mod input;
mod local;
mod names;
mod outbox;
pub mod program;
mod rng;
mod server;
mod state;
mod tls;
mod vendor;
mod views;

pub use builder::SandboxBuilder;
pub use clock::parse_duration;
pub use error::Error;
pub use events::{event_body, event_body_from, event_types};
pub use fault::Fault;
pub use handle::Sandbox;
pub use input::{
    EventGroup, EventOverrides, FaultPlan, FieldNames, GroupChange, NewGroup, NewUser, SandboxOptions, UserChange,
    from_json,
};
pub use outbox::{Attempt, Delivery, DeliveryState};

/// Functions and types for the command `headcount`. Any version may change them.
#[doc(hidden)]
pub mod internal {
    pub use crate::data::new_webhook_secret;
    pub use crate::environment::Environment;
    pub use crate::vendor::{
        DIRECTORY_DISABLED, DIRECTORY_ENABLED, Event, EventUser, GROUP_CREATED, GROUP_DELETED, GROUP_UPDATED, Kind,
        USER_CREATED, USER_DELETED, USER_UPDATED, directory_data, group_data,
    };
    pub use crate::views::{DirectoryView, FaultView, GroupView, UserQuery, UserView};
}
