//! Keeps an application's accounts in step with its customers' directories.
//!
//! A company records who joins and leaves in its directory (Okta, Entra, Google, …). Scalekit gives every directory the same REST API and
//! signed webhooks. This crate calls the API and verifies the webhooks.
//!
//! ```no_run
//! # async fn run() -> headcount::Result<()> {
//! let client = headcount::Client::from_env()?;
//! let page = client.organizations().list().page_size(5).send().await?; // one page
//! let directory = client.directories().primary(&page.items[0].id).await?;
//! let mut users = client.directories().users(&page.items[0].id, &directory.id).pages(); // every page
//! while let Some(page) = users.next().await? {
//!     println!("{} users", page.items.len());
//! }
//! # Ok(()) }
//! ```
//!
//! [`Mirror`] keeps a durable local copy of all directories, with a feed of changes.
//!
//! # Features
//!
//! On by default:
//!
//! - `client`: the REST client.
//! - `webhook`: verifying and signing webhooks, without an async runtime or HTTP.
//! - `mirror`: the local copy.
//! - `sqlite`: SQLite, compiled in, for the mirror and the replay guard.
//! - `blocking`: client and mirror for threads without an async runtime.
//! - `rustls-ring`: TLS with the crypto provider `ring`.
//!
//! Off by default:
//!
//! - `http`: implements [`webhook::Headers`] for `http::HeaderMap`. `client` and `axum` enable it.
//! - `postgres`: the mirror in a PostgreSQL database, which several machines can use. Not complete yet: `docs/postgresql.md` in the
//!   repository has the details.
//! - `axum`: an endpoint and an extractor of axum for webhooks.
//! - `rustls-aws-lc`: TLS with the crypto provider `aws-lc`, instead of `rustls-ring`.
//! - `rustls-no-provider`: TLS with the crypto provider that the application installs for its process.
//! - `store-testing`: tests for implementations of [`store::Store`].
//!
//! # TLS in an application that uses rustls itself
//!
//! This crate installs no crypto provider of rustls for the process. It uses the provider that the application has installed
//! (`rustls::crypto::CryptoProvider::install_default`), or else the one that its own features select. If both `ring` and `aws-lc` are compiled
//! into a program, `rustls::ClientConfig::builder()` panics, because it cannot choose. So in an application that uses rustls with its default
//! features, select the same provider here:
//!
//! ```toml
//! headcount = { version = "0.1", default-features = false, features = ["mirror", "sqlite", "blocking", "rustls-aws-lc"] }
//! ```
// The text above links to items that exist only with the features `mirror` and `webhook`. Without them, the links lead to docs.rs.
#![cfg_attr(
    not(feature = "mirror"),
    doc = "\n[`Mirror`]: https://docs.rs/headcount/latest/headcount/struct.Mirror.html"
)]
#![cfg_attr(
    not(feature = "mirror"),
    doc = "\n[`store::Store`]: https://docs.rs/headcount/latest/headcount/store/trait.Store.html"
)]
#![cfg_attr(
    not(feature = "webhook"),
    doc = "\n[`webhook::Headers`]: https://docs.rs/headcount/latest/headcount/webhook/trait.Headers.html"
)]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "client")]
pub mod client;
mod clock;
mod config;
pub mod defaults;
mod error;
#[cfg(feature = "client")]
mod http;
#[cfg(feature = "mirror")]
pub mod mirror;
pub mod model;
mod moment;
#[cfg(any(feature = "blocking", feature = "webhook"))]
mod process;
mod random;
#[cfg(feature = "mirror")]
mod record;
mod secret;
#[cfg(all(feature = "sqlite", feature = "webhook"))]
mod sqlite;
#[cfg(feature = "mirror")]
pub mod store;
#[cfg(feature = "client")]
mod task;
#[cfg(feature = "client")]
mod tls;
#[cfg(feature = "webhook")]
pub mod webhook;

// Each name has one path. At the root are the names that nearly every program uses; everything else is in the module of its subject.

pub use error::{Error, ErrorKind, ErrorStatus, Reason, Removals, Result, UnknownName};
pub use jiff::Timestamp;
pub use secret::Secret;

#[cfg(feature = "client")]
pub use client::handle::{Client, ClientBuilder};
#[cfg(feature = "mirror")]
pub use mirror::handle::{Mirror, MirrorBuilder};
#[cfg(feature = "mirror")]
pub use record::{Change, ChangeKind, MirrorUser};
#[cfg(feature = "webhook")]
pub use webhook::event::Event;
#[cfg(feature = "webhook")]
pub use webhook::verifier::{Webhook, WebhookBuilder};

/// The names of the environment variables with the account's settings.
pub mod env {
    pub use crate::config::{CLIENT_ID, CLIENT_SECRET, ENVIRONMENT_URL, WEBHOOK_SECRET};
}

/// The types of webhook events, and the data of each. [`Event::decode`] returns them.
#[cfg(feature = "webhook")]
pub mod events {
    pub use crate::webhook::data::*;
    pub use crate::webhook::event_type::{EventData, EventType};
}

/// The clock and the random source, which a test can replace.
pub mod system {
    pub use crate::clock::{Clock, SystemClock};
    pub use crate::random::{OsRandom, Random};
}

/// Functions and types for the bindings to other languages and for the sandbox. Any version may change them.
#[doc(hidden)]
pub mod internal {
    #[cfg(feature = "client")]
    pub use crate::config::is_loopback;
    pub use crate::debug_without_personal_data;
    pub use crate::error::catch_panic;
    #[cfg(feature = "client")]
    pub use crate::http::longest_wait;
    pub use crate::moment::parse_moment;
    #[cfg(any(feature = "blocking", feature = "webhook"))]
    pub use crate::process::{PerProcess, ProcessId, SetOnce};
    pub use crate::random::jittered;
    #[cfg(all(feature = "sqlite", feature = "webhook"))]
    pub use crate::sqlite::closing::close_files_in_background;
    #[cfg(feature = "client")]
    pub use crate::task::{Scope, carry_locals};
    #[cfg(feature = "webhook")]
    pub use crate::webhook::headers::{header_bytes, is_webhook_header};
    #[cfg(feature = "webhook")]
    pub use crate::webhook::verifier::{verify_parsed_interceptor_payload, verify_parsed_webhook_payload};

    /// TLS settings of this crate's client.
    #[cfg(feature = "client")]
    pub mod tls {
        pub use crate::tls::{SystemRoots, config, provider};
    }
}

/// Compiles the Rust examples in the README.
#[cfg(all(doctest, feature = "mirror", feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Compiles the Rust examples in the guide to the mirror.
#[cfg(all(doctest, feature = "mirror", feature = "sqlite"))]
#[doc = include_str!("../../docs/mirror.md")]
struct MirrorGuide;

/// Compiles the Rust examples in the guide to webhooks.
#[cfg(all(doctest, feature = "webhook"))]
#[doc = include_str!("../../docs/webhooks.md")]
struct WebhooksGuide;

/// Compiles the Rust examples in the guide to PostgreSQL.
#[cfg(all(doctest, feature = "sqlite", feature = "postgres"))]
#[doc = include_str!("../../docs/postgresql.md")]
struct PostgresqlGuide;
