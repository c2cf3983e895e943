//! Webhooks: `secret` → `signature` → `event`, with `headers` to find what was sent and `sign` to make it;
//! `replay` remembers what was handled.
//!
//! The scheme is [Standard Webhooks](https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`. The header's
//! own bytes are what is hashed, never a number parsed from them and printed again; every signature is compared in
//! constant time; one malformed signature does not spoil the right one beside it.

mod data;
mod event;
mod headers;
mod replay;
mod secret;
mod sign;
mod signature;

use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::random::{OsRandom, Random};
use crate::{Error, ErrorKind, Reason, Result, Timestamp};
use std::sync::Arc;
use std::time::Duration;

pub use data::*;
pub use event::Event;
pub use headers::{Headers, WEBHOOK_HEADERS, header_bytes, is_webhook_header};
pub use replay::{RETENTION, Replay, ReplayGuard, ReplayStore};
pub use sign::SignedHeaders;

use headers::Found;
use secret::Key;

/// How far a timestamp may lie from now, either way, unless set otherwise: the standard's five minutes.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// The largest body that is looked at, in bytes, unless set otherwise.
const MAX_BODY: usize = 1 << 20;

/// Verifies what Scalekit sends, and signs what a test sends in its place.
///
/// Cheap to clone, and safe to use from any number of threads at once.
#[derive(Clone)]
pub struct Webhook(Arc<Inner>);

struct Inner {
    keys: Vec<Key>,
    tolerance: Duration,
    max_body: usize,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
}

/// Settings of a [`Webhook`]; made by [`Webhook::builder`].
pub struct WebhookBuilder {
    secrets: Vec<crate::Secret>,
    tolerance: Duration,
    max_body: usize,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
}

impl WebhookBuilder {
    /// The secrets in `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], naming the variable, where it is missing or blank.
    pub fn from_env() -> Result<WebhookBuilder> {
        Ok(Webhook::builder().secret(config::from_env(config::WEBHOOK_SECRET)?))
    }

    /// Adds a signing secret: `whsec_` and base64 of at least 16 bytes. May be called again while a secret is being
    /// rotated, and one text may hold several secrets separated by white space.
    pub fn secret(mut self, secret: impl Into<crate::Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// How far a timestamp may lie from now, either way; whole seconds count. Five minutes unless set.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The largest body that is looked at, in bytes. 1 MiB unless set.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The clock to judge timestamps by; a [`Timestamp`] is a clock that stands still.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Where fresh message ids come from.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Checks the secrets.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with [`Reason::InvalidSecret`] where there is no secret, or one is empty, not base64, or shorter
    /// than 16 bytes: such a key would let anyone sign.
    pub fn build(self) -> Result<Webhook> {
        let keys = self.secrets.iter().map(|text| secret::keys(text.expose())).collect::<Result<Vec<_>>>()?.concat();
        if keys.is_empty() {
            return Err(secret::invalid(
                "no webhook secret was given: expected whsec_ and base64, as the dashboard shows it",
            ));
        }
        Ok(Webhook(Arc::new(Inner {
            keys,
            tolerance: self.tolerance,
            max_body: self.max_body,
            clock: self.clock,
            random: self.random,
        })))
    }
}

impl Webhook {
    /// A verifier for one secret, or for several while one is being rotated.
    ///
    /// # Errors
    ///
    /// As [`WebhookBuilder::build`].
    pub fn new<S: Into<crate::Secret>>(secrets: impl IntoIterator<Item = S>) -> Result<Webhook> {
        secrets.into_iter().fold(Webhook::builder(), WebhookBuilder::secret).build()
    }

    /// A verifier for the secrets in `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where the variable is missing, blank or malformed.
    pub fn from_env() -> Result<Webhook> {
        WebhookBuilder::from_env()?.build()
    }

    /// Starts with the defaults and no secret.
    pub fn builder() -> WebhookBuilder {
        WebhookBuilder {
            secrets: Vec::new(),
            tolerance: TOLERANCE,
            max_body: MAX_BODY,
            clock: Box::new(SystemClock),
            random: Box::new(OsRandom),
        }
    }

    /// Verifies a request and reads the event in it. `body` is the request's body as it came, not parsed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`], with the [`Reason`]. [`Reason::MalformedEvent`] alone means that the signature was
    /// right. Answer 400 and tell the sender nothing more.
    pub fn verify(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<Event> {
        self.verify_at(headers, body, self.0.clock.now())
    }

    /// [`verify`](Webhook::verify), with the timestamp judged by `now`: for requests that were kept and are read later.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify).
    pub fn verify_at(&self, headers: &(impl Headers + ?Sized), body: &[u8], now: Timestamp) -> Result<Event> {
        let mut found = Found::default();
        let message_id = self.check(&mut found, headers, body, now)?;
        Event::parse(body, message_id)
    }

    /// Verifies the signature and the timestamp alone; nothing is asked of the body.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify), without [`Reason::MalformedEvent`].
    pub fn verify_signature(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<()> {
        self.verify_signature_at(headers, body, self.0.clock.now())
    }

    /// [`verify_signature`](Webhook::verify_signature), with the timestamp judged by `now`.
    ///
    /// # Errors
    ///
    /// As [`verify_signature`](Webhook::verify_signature).
    pub fn verify_signature_at(&self, headers: &(impl Headers + ?Sized), body: &[u8], now: Timestamp) -> Result<()> {
        self.check(&mut Found::default(), headers, body, now).map(drop)
    }

    /// Judges the headers and the signature, and gives the message's id.
    fn check<'a, 'f>(
        &self,
        found: &'f mut Found<'a>,
        headers: &'a (impl Headers + ?Sized),
        body: &[u8],
        now: Timestamp,
    ) -> Result<&'f [u8]> {
        self.check_size(body)?;
        found.read(headers);
        let signed = found.check(now, self.0.tolerance)?;
        if signed.matches(&self.0.keys, body) {
            return Ok(signed.id);
        }
        Err(Error::refused(
            Reason::NoMatch,
            "no signature matches: check that the secret is this endpoint's, and that the body is the request's raw bytes",
        ))
    }

    /// Verifies a request whose body a framework has parsed already. `compact` is the parsed value printed again as JSON
    /// without white space; it is accepted where that text carries the signature as it is, or with `<`, `>`, `&`, U+2028 and
    /// U+2029 escaped as `\u…` the way Go's encoder prints them.
    ///
    /// Prefer [`verify`](Webhook::verify) with the raw body: numbers and key order do not survive every parser.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify).
    pub fn verify_parsed(&self, headers: &(impl Headers + ?Sized), compact: &str) -> Result<Event> {
        self.verify_parsed_at(headers, compact, self.0.clock.now())
    }

    /// [`verify_parsed`](Webhook::verify_parsed), with the timestamp judged by `now`.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify).
    pub fn verify_parsed_at(&self, headers: &(impl Headers + ?Sized), compact: &str, now: Timestamp) -> Result<Event> {
        let mut found = Found::default();
        let message_id = self.check_parsed(&mut found, headers, compact, now)?;
        Event::parse(compact.as_bytes(), message_id)
    }

    /// [`verify_parsed`](Webhook::verify_parsed) for the signature alone.
    ///
    /// # Errors
    ///
    /// As [`verify_signature`](Webhook::verify_signature).
    pub fn verify_parsed_signature(&self, headers: &(impl Headers + ?Sized), compact: &str) -> Result<()> {
        self.verify_parsed_signature_at(headers, compact, self.0.clock.now())
    }

    /// [`verify_parsed_signature`](Webhook::verify_parsed_signature), with the timestamp judged by `now`.
    ///
    /// # Errors
    ///
    /// As [`verify_signature`](Webhook::verify_signature).
    pub fn verify_parsed_signature_at(
        &self,
        headers: &(impl Headers + ?Sized),
        compact: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.check_parsed(&mut Found::default(), headers, compact, now).map(drop)
    }

    fn check_parsed<'a, 'f>(
        &self,
        found: &'f mut Found<'a>,
        headers: &'a (impl Headers + ?Sized),
        compact: &str,
        now: Timestamp,
    ) -> Result<&'f [u8]> {
        self.check_size(compact.as_bytes())?;
        found.read(headers);
        let signed = found.check(now, self.0.tolerance)?;
        if signature::spellings(compact).any(|text| signed.matches(&self.0.keys, text.as_bytes())) {
            return Ok(signed.id);
        }
        Err(Error::refused(
            Reason::NoMatch,
            "no signature matches the body as it was parsed: pass the raw body, the bytes of the request before any JSON parser \
             (in Express: express.raw({ type: 'application/json' }); in other frameworks: the request's own bytes)",
        ))
    }

    /// Makes the three headers that a request with `body` would carry: for tests of the code that verifies.
    ///
    /// `id` is a fresh `msg_…` and `timestamp` (Unix seconds) the clock's time unless given. The first secret signs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] where the id is empty, longer than 256 bytes or cannot stand in a header, or the timestamp
    /// is negative.
    pub fn sign(&self, body: &[u8], id: Option<&str>, timestamp: Option<i64>) -> Result<SignedHeaders> {
        let timestamp = timestamp.unwrap_or_else(|| self.0.clock.now().as_second());
        let id = match id {
            Some(id) => id.to_owned(),
            None => sign::fresh_id(self.0.random.as_ref()),
        };
        match self.0.keys.first() {
            Some(key) => sign::sign(key, id, timestamp, body),
            None => Err(Error::internal("a webhook without a secret")),
        }
    }

    /// The largest body that is looked at, in bytes: what reads requests need read no more.
    pub fn max_body(&self) -> usize {
        self.0.max_body
    }

    fn check_size(&self, body: &[u8]) -> Result<()> {
        if body.len() > self.0.max_body {
            let (length, limit) = (body.len(), self.0.max_body);
            return Err(Error::refused(
                Reason::BodyTooLarge,
                format!(
                    "the body is {length} bytes long, and the limit is {limit}: raise max_body if that is expected"
                ),
            ));
        }
        Ok(())
    }
}

/// Verifies the signature of a request in one call: `secret` is one secret, or several separated by white space.
///
/// # Errors
///
/// [`ErrorKind::WebhookVerification`], with the [`Reason`]; a bad secret too ([`Reason::InvalidSecret`]).
pub fn verify_webhook_payload(secret: &str, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<()> {
    one_shot(secret)?.verify_signature(headers, body)
}

/// [`verify_webhook_payload`] for a body that a framework has parsed already: see [`Webhook::verify_parsed`].
///
/// # Errors
///
/// As [`verify_webhook_payload`].
pub fn verify_parsed_webhook_payload(secret: &str, headers: &(impl Headers + ?Sized), compact: &str) -> Result<()> {
    one_shot(secret)?.verify_parsed_signature(headers, compact)
}

/// In a one-shot call there is no construction apart from the verification that could fail.
fn one_shot(secret: &str) -> Result<Webhook> {
    Webhook::new([secret]).map_err(|error| error.with_kind(ErrorKind::WebhookVerification))
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("secrets", &self.0.keys.len())
            .field("tolerance", &self.0.tolerance)
            .field("max_body", &self.0.max_body)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WebhookBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookBuilder").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}
