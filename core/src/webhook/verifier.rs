//! The verifier, its settings, and verification in one call.

use super::Event;
use super::event::Message;
use super::headers::{Family, FoundHeaders, Headers};
use super::secret::Key;
use super::sign::SignedHeaders;
use super::{secret, sign, signature};
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::defaults;
use crate::random::{OsRandom, Random};
use crate::{Error, ErrorKind, Reason, Result, Timestamp};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// Verifies webhooks of Scalekit, and signs messages for tests.
///
/// Clones are cheap and share the keys. Any number of threads may use a verifier at once.
///
/// # Examples
///
/// ```
/// # fn main() -> headcount::Result<()> {
/// let webhook = headcount::Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])?;
/// let body = br#"{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25Z","data":{}}"#;
/// let headers = webhook.sign(body, None, None)?; // in production: the request's headers
/// let event = webhook.verify(&headers, body)?;
/// assert_eq!(event.id(), "evt_1");
/// # Ok(()) }
/// ```
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
    /// Returns a builder with the secrets in the environment variable `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], naming the variable, if it is missing, blank or not UTF-8.
    pub fn from_env() -> Result<WebhookBuilder> {
        WebhookBuilder::from_variables(config::process_variable)
    }

    /// Does what [`from_env`](WebhookBuilder::from_env) does with the variable that `lookup` returns, for runtimes that keep an environment of
    /// their own.
    ///
    /// # Errors
    ///
    /// As [`from_env`](WebhookBuilder::from_env).
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> Result<WebhookBuilder> {
        let secrets = config::from_value(config::WEBHOOK_SECRET, lookup(config::WEBHOOK_SECRET))?;
        Ok(Webhook::builder().secret(secrets))
    }

    /// Adds a signing secret: a prefix such as `whsec_`, and base64 of at least 16 bytes. Call it several times while a secret is being rotated; one text may
    /// also contain several secrets separated by white space.
    pub fn secret(mut self, secret: impl Into<crate::Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Sets the largest difference between timestamp and clock, in either direction, in whole seconds. Default: [`defaults::TOLERANCE`].
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest body that is verified, in bytes. Default: [`defaults::MAX_BODY_BYTES`].
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the clock that timestamps are compared with. A [`Timestamp`] is a clock whose time does not change. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Sets the random source for new message ids. Default: [`OsRandom`].
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Checks the secrets and makes the verifier.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with [`Reason::InvalidSecret`] if there is no secret, or one is empty, not base64, or shorter than 16 bytes, since
    /// anyone could guess such a key.
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

/// What [`Webhook::new`] accepts: one secret, or several. `Kind` distinguishes the two implementations, and is inferred.
pub trait Secrets<Kind>: sealed::Secrets<Kind> {}

/// The kinds of [`Secrets`].
mod sealed {
    use super::WebhookBuilder;

    /// One secret.
    #[derive(Debug)]
    pub struct One;
    /// Several secrets.
    #[derive(Debug)]
    pub struct Several;

    pub trait Secrets<Kind> {
        fn add_to(self, builder: WebhookBuilder) -> WebhookBuilder;
    }
}

impl<S: Into<crate::Secret>> sealed::Secrets<sealed::One> for S {
    fn add_to(self, builder: WebhookBuilder) -> WebhookBuilder {
        builder.secret(self)
    }
}

impl<S: Into<crate::Secret>, I: IntoIterator<Item = S>> sealed::Secrets<sealed::Several> for I {
    fn add_to(self, builder: WebhookBuilder) -> WebhookBuilder {
        self.into_iter().fold(builder, WebhookBuilder::secret)
    }
}

impl<Kind, S: sealed::Secrets<Kind>> Secrets<Kind> for S {}

impl Webhook {
    /// Makes a verifier for one secret, or for several while one is being rotated: a text, or an iterator of texts.
    ///
    /// # Errors
    ///
    /// As [`WebhookBuilder::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::Webhook;
    ///
    /// let current = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    /// let webhook = Webhook::new(current)?;
    /// let headers = webhook.sign(b"{}", Some("msg_1"), None)?;
    /// webhook.verify_signature(&headers, b"{}")?;
    ///
    /// let next = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    /// Webhook::new([next, current])?.verify_signature(&headers, b"{}")?;
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn new<Kind>(secrets: impl Secrets<Kind>) -> Result<Webhook> {
        secrets.add_to(Webhook::builder()).build()
    }

    /// Makes a verifier for the secrets in the environment variable `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the variable is missing, blank or malformed.
    pub fn from_env() -> Result<Webhook> {
        WebhookBuilder::from_env()?.build()
    }

    /// Returns a builder with the [`defaults`] and no secret.
    pub fn builder() -> WebhookBuilder {
        WebhookBuilder {
            secrets: Vec::new(),
            tolerance: defaults::TOLERANCE,
            max_body: defaults::MAX_BODY_BYTES,
            clock: Box::new(SystemClock),
            random: Box::new(OsRandom),
        }
    }

    /// Verifies a request and reads its event. `body` is the body of the request as received, not parsed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`] with the [`Reason`]. Only [`Reason::MalformedEvent`] means that the signature was valid: the body is
    /// not a JSON object, repeats a field of the event, or nests more than 128 levels deep. Answer 400 without the reason, which would help an
    /// attacker.
    pub fn verify(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<Event> {
        self.verify_at(headers, body, self.0.clock.now())
    }

    /// Does what [`verify`](Webhook::verify) does, with the timestamp compared with `now`: for requests that were stored and are read later.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify).
    pub fn verify_at(&self, headers: &(impl Headers + ?Sized), body: &[u8], now: Timestamp) -> Result<Event> {
        let mut found = FoundHeaders::default();
        let message = self.check(&mut found, headers, body, now, Family::Webhook)?;
        Event::parse(body, message)
    }

    /// Verifies the signature and the timestamp only. The body may be anything.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify), without [`Reason::MalformedEvent`].
    pub fn verify_signature(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<()> {
        self.verify_signature_at(headers, body, self.0.clock.now())
    }

    /// Does what [`verify_signature`](Webhook::verify_signature) does, with the timestamp compared with `now`.
    ///
    /// # Errors
    ///
    /// As [`verify_signature`](Webhook::verify_signature).
    pub fn verify_signature_at(&self, headers: &(impl Headers + ?Sized), body: &[u8], now: Timestamp) -> Result<()> {
        self.check(&mut FoundHeaders::default(), headers, body, now, Family::Webhook).map(drop)
    }

    /// Checks the headers and the signature.
    fn check<'a, 'f>(
        &self,
        found: &'f mut FoundHeaders<'a>,
        headers: &'a (impl Headers + ?Sized),
        body: &[u8],
        now: Timestamp,
        family: Family,
    ) -> Result<Message<'f>> {
        self.check_size(body)?;
        found.read(headers);
        let signed = found.check(now, self.0.tolerance, family)?;
        if signed.matches(&self.0.keys, body) {
            return Ok(Message { id: signed.id, sent_at: signed.sent_at });
        }
        Err(Error::refused(
            Reason::NoMatch,
            "no signature matches: check that the secret is this endpoint's, and that the body is the request's raw bytes",
        ))
    }

    /// Verifies a request whose body a framework has parsed already. `compact` is the parsed value serialized as JSON without white space. It
    /// is accepted if the signature is that of this text, or of this text with `<`, `>`, `&`, U+2028 and U+2029 escaped as `\u…`, as Go's
    /// encoder writes them.
    ///
    /// Prefer [`verify`](Webhook::verify) with the raw body: some parsers change numbers or the order of keys.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify).
    pub fn verify_parsed(&self, headers: &(impl Headers + ?Sized), compact: &str) -> Result<Event> {
        self.verify_parsed_at(headers, compact, self.0.clock.now())
    }

    /// Does what [`verify_parsed`](Webhook::verify_parsed) does, with the timestamp compared with `now`.
    ///
    /// # Errors
    ///
    /// As [`verify`](Webhook::verify).
    pub fn verify_parsed_at(&self, headers: &(impl Headers + ?Sized), compact: &str, now: Timestamp) -> Result<Event> {
        let mut found = FoundHeaders::default();
        let message = self.check_parsed(&mut found, headers, compact, now, Family::Webhook)?;
        Event::parse(compact.as_bytes(), message)
    }

    /// Verifies the signature and the timestamp of a parsed body only; see [`verify_parsed`](Webhook::verify_parsed).
    ///
    /// # Errors
    ///
    /// As [`verify_signature`](Webhook::verify_signature).
    pub fn verify_parsed_signature(&self, headers: &(impl Headers + ?Sized), compact: &str) -> Result<()> {
        self.verify_parsed_signature_at(headers, compact, self.0.clock.now())
    }

    /// Does what [`verify_parsed_signature`](Webhook::verify_parsed_signature) does, with the timestamp compared with `now`.
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
        self.check_parsed(&mut FoundHeaders::default(), headers, compact, now, Family::Webhook).map(drop)
    }

    fn check_parsed<'a, 'f>(
        &self,
        found: &'f mut FoundHeaders<'a>,
        headers: &'a (impl Headers + ?Sized),
        compact: &str,
        now: Timestamp,
        family: Family,
    ) -> Result<Message<'f>> {
        self.check_size(compact.as_bytes())?;
        found.read(headers);
        let signed = found.check(now, self.0.tolerance, family)?;
        if signature::spellings(compact).any(|text| signed.matches(&self.0.keys, text.as_bytes())) {
            return Ok(Message { id: signed.id, sent_at: signed.sent_at });
        }
        Err(Error::refused(
            Reason::NoMatch,
            "no signature matches the body as it was parsed: pass the raw body, the bytes of the request before any JSON parser \
             (in Express: express.raw({ type: 'application/json' }); in other frameworks: the request's own bytes)",
        ))
    }

    /// Makes the three headers of a request with `body`, for tests of code that verifies.
    ///
    /// `id` defaults to a new `msg_…`, `timestamp` (Unix seconds) to the clock's time. The first secret is used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if the id is empty, longer than 256 bytes, has a dot or is not valid in a header, or if the timestamp is negative.
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

    /// Returns the largest body that is verified, in bytes. Code that reads requests can stop there.
    pub fn max_body(&self) -> usize {
        self.0.max_body
    }

    /// Returns the largest difference between timestamp and clock.
    pub fn tolerance(&self) -> Duration {
        self.0.tolerance
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

/// Verifies the signature of a request in one call. `secret` is one secret, or several separated by white space.
///
/// # Errors
///
/// [`ErrorKind::WebhookVerification`] with the [`Reason`], also for a secret that cannot be used ([`Reason::InvalidSecret`]).
pub fn verify_webhook_payload(secret: &str, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<()> {
    one_shot(secret)?.verify_signature(headers, body)
}

/// Verifies the signature of a request whose body a framework has parsed already; see [`Webhook::verify_parsed`].
///
/// # Errors
///
/// As [`verify_webhook_payload`].
pub fn verify_parsed_webhook_payload(secret: &str, headers: &(impl Headers + ?Sized), compact: &str) -> Result<()> {
    one_shot(secret)?.verify_parsed_signature(headers, compact)
}

/// Verifies the signature of an interceptor's request in one call. Prefers the headers `interceptor-*` if there are `webhook-*` as well.
///
/// # Errors
///
/// As [`verify_webhook_payload`].
pub fn verify_interceptor_payload(secret: &str, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<()> {
    let webhook = one_shot(secret)?;
    let now = webhook.0.clock.now();
    webhook.check(&mut FoundHeaders::default(), headers, body, now, Family::Interceptor).map(drop)
}

/// Verifies the signature of an interceptor's request whose body a framework has parsed already; see [`Webhook::verify_parsed`] and
/// [`verify_interceptor_payload`].
///
/// # Errors
///
/// As [`verify_webhook_payload`].
pub fn verify_parsed_interceptor_payload(secret: &str, headers: &(impl Headers + ?Sized), compact: &str) -> Result<()> {
    let webhook = one_shot(secret)?;
    let now = webhook.0.clock.now();
    webhook.check_parsed(&mut FoundHeaders::default(), headers, compact, now, Family::Interceptor).map(drop)
}

/// Logs why a webhook was refused. This is a warning, because with a wrong secret every event is refused.
#[cfg(any(feature = "mirror", feature = "axum"))]
pub(crate) fn log_refusal(error: &Error) {
    tracing::warn!(target: "headcount", reason = error.reason().map(Reason::name), "a webhook was refused: {error}");
}

/// Makes a verifier for one call. The error for a secret that cannot be used has the kind `WebhookVerification`.
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
