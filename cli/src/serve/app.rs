//! What the handlers of requests share.

use super::counters::Metrics;
use super::limit::WrongTokens;
use super::tokens::Tokens;
use headcount::{Mirror, Webhook};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What the handlers of requests share.
pub(super) struct App {
    pub(super) mirror: Mirror,
    /// The verifier of webhooks, or `None` if they are refused because there is no secret.
    pub(super) webhook: Option<Webhook>,
    /// Whether the mirror has a client, and so can sync.
    pub(super) has_client: bool,
    pub(super) tokens: Tokens,
    pub(super) wrong_tokens: WrongTokens,
    /// The names that the `Host` header may have, in lower case and without a port; empty for any name.
    pub(super) hosts: Vec<String>,
    pub(super) is_https: bool,
    pub(super) metrics: Metrics,
    /// Held while a page of changes is read and written.
    pub(super) pages: Semaphore,
    /// Cancelled when the service begins to end: waits end then.
    pub(super) ending: CancellationToken,
}
