//! What verifying and signing webhooks needs besides [`Webhook`](crate::Webhook): headers, the replay guard, and verification in one call.
//!
//! The scheme is [Standard Webhooks](https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`. The id and the timestamp are hashed
//! as the bytes that were received; the timestamp is not parsed and formatted again. Every signature is compared in constant time, and
//! malformed signatures are skipped. Nothing here uses the network or an async runtime.

// `verifier` has `Webhook`, `secret` decodes keys, `headers` finds the message's headers, `signature` compares signatures, `event` and `data`
// read the body, `sign` makes headers, and `replay` records handled messages. `Webhook`, its builder and `Event` are public at the root only,
// the data of events in `crate::events`.
pub(crate) mod data;
pub(crate) mod event;
pub(crate) mod event_type;
pub(crate) mod headers;
mod replay;
mod secret;
mod sign;
mod signature;
pub(crate) mod verifier;

pub use headers::{Headers, WEBHOOK_HEADERS};
pub use replay::{Replay, ReplayGuard, ReplayStore};
pub use sign::SignedHeaders;
pub use verifier::{Secrets, verify_interceptor_payload, verify_webhook_payload};

#[cfg(feature = "mirror")]
pub(crate) use data::*;
pub(crate) use event::Event;
#[cfg(feature = "mirror")]
pub(crate) use event_type::EventType;
pub(crate) use verifier::Webhook;
