//! A local Scalekit environment: tokens, REST and signed webhooks over real HTTP, with faults on demand.
//!
//! For demos, and for tests of an application that follows its customers' directories. The same seed gives the same
//! organizations, directories, people and ids every time.
//!
//! ```
//! let sandbox = headcount_sandbox::Sandbox::builder().users(50).seed(1).start()?;
//! let client = headcount::blocking::Client::new(sandbox.client())?;
//! let users = client.directories().users(sandbox.organization_id(), sandbox.directory_id());
//! assert_eq!(users.iter().count(), 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `api` answers as the contract says, from what `data` made and `state` holds; each change goes to the `outbox`, which signs
//! and delivers it; `fault` breaks some answers on request, and `control` is all of it over HTTP for other languages. `events`
//! makes the body of any event, without a sandbox.
#![forbid(unsafe_code)]

mod api;
mod clock;
mod control;
mod data;
mod error;
mod events;
mod fault;
mod handle;
mod names;
mod outbox;
mod server;
mod state;
mod tls;

pub use clock::parse_duration;
pub use error::Error;
pub use events::{EventOverrides, event_body, event_body_from, event_types};
pub use fault::Fault;
pub use handle::{Sandbox, SandboxBuilder};
pub use outbox::{Attempt, Delivery, DeliveryState};
pub use state::{NewGroup, NewUser, UserChange};
