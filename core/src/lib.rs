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
//! - `rustls-ring`: TLS with the cryptography of `ring`.
//!
//! Off by default:
//!
//! - `http`: [`Headers`] for `http::HeaderMap`. `client` and `axum` enable it.
//! - `axum`: webhooks as endpoints and extractors of axum.
//! - `rustls-aws-lc`: TLS with the cryptography of `aws-lc`, instead of `rustls-ring`.
//! - `rustls-no-provider`: TLS with the cryptography that the application installs for its process.
//! - `store-testing`: tests for implementations of [`store::Store`].
//!
//! # TLS in an application that uses rustls itself
//!
//! This crate installs no cryptography for the process. It uses what the application has installed
//! (`rustls::crypto::CryptoProvider::install_default`), or else that of its own features. If both `ring` and `aws-lc` are compiled into a
//! program, `rustls::ClientConfig::builder()` panics, because it cannot choose. So in an application that uses rustls with its default
//! features, select the same cryptography here:
//!
//! ```toml
//! headcount = { version = "0.1", default-features = false, features = ["mirror", "sqlite", "blocking", "rustls-aws-lc"] }
//! ```
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "client")]
mod client;
mod clock;
mod config;
pub mod defaults;
mod error;
#[cfg(feature = "client")]
mod http;
#[cfg(feature = "mirror")]
mod mirror;
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
#[cfg(feature = "webhook")]
mod webhook;

pub use clock::{Clock, SystemClock};
pub use config::{CLIENT_ID, CLIENT_SECRET, ENVIRONMENT_URL, WEBHOOK_SECRET};
#[doc(hidden)]
pub use error::catch_panic;
pub use error::{Error, ErrorKind, ErrorStatus, Reason, Removals, Result, UnknownName};
pub use jiff::Timestamp;
pub use moment::parse_moment;
pub use random::{OsRandom, Random};
pub use secret::Secret;

#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder, Directories, Items, List, Listed, Organizations, Pages};
#[cfg(feature = "client")]
pub use http::{Activity, ActivityKind, CallOptions, Cancel, Level, Observer, RetryPolicy, Stats};
#[cfg(feature = "webhook")]
pub use webhook::{
    ConnectedAccountData, ConnectionData, DirectoryData, DirectoryGroupData, DirectoryUserData, DomainData, Event,
    EventData, EventType, GroupReference, Headers, MembershipData, OrganizationData, PermissionData, RETENTION, Replay,
    ReplayGuard, ReplayStore, RoleData, RoleReference, Secrets, SessionData, SignedHeaders, UserData, UserProfile,
    UserSession, WEBHOOK_HEADERS, Webhook, WebhookBuilder, verify_interceptor_payload,
    verify_parsed_interceptor_payload, verify_parsed_webhook_payload, verify_webhook_payload,
};
#[cfg(feature = "webhook")]
#[doc(hidden)]
pub use webhook::{header_bytes, is_webhook_header};

#[cfg(feature = "mirror")]
pub use mirror::{
    Changes, MAX_POLL, Mirror, MirrorBuilder, MirrorUsers, Source, SourceFuture, SourcePages, SyncBuilder,
};
#[cfg(feature = "mirror")]
pub use record::{
    Approval, Change, ChangeKind, Consumer, DirectoryStatus, GuardSettings, Hold, HoldReason, IgnoredSetting,
    MirrorDirectory, MirrorGroup, MirrorOptions, MirrorSettings, MirrorUser, Mirrored, Outcome, ParkedChange,
    PendingEvent, Phase, Progress, Retirement, RoleMapEntry, RoleMapKey, SyncMode, SyncOutcome, SyncReport,
};

/// TLS settings of this crate's client. For the sandbox.
#[cfg(feature = "client")]
#[doc(hidden)]
pub mod tls {
    pub use crate::http::tls::{SystemRoots, config, provider};
}

#[doc(inline)]
pub use model::*;

/// The README's Rust, compiled.
#[cfg(all(doctest, feature = "mirror", feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
struct Readme;
