//! Observation of a client: counters, `tracing` events and callbacks. None of them contains tokens, secrets, ids or values of queries.

use crate::error::{ErrorKind, named};
use http::Method;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

named! {
    /// What an [`Activity`] reports.
    ActivityKind {
        /// A request was sent and was answered or failed.
        Request = "request",
        /// The call will be repeated after [`Activity::wait`].
        Retry = "retry",
        /// The server asked for a pause: no request of this client is sent for [`Activity::wait`].
        Throttled = "throttled",
        /// A new access token is in use.
        TokenRenewed = "token_renewed",
        /// The access token could not be renewed in the background; the old one is still valid.
        TokenRenewalFailed = "token_renewal_failed",
    }
}

named! {
    /// Severity of an [`Activity`] in a log.
    Level {
        /// Normal operation.
        Debug = "debug",
        /// A failure that a retry may repair.
        Info = "info",
        /// A condition that an operator may have to look at.
        Warning = "warning",
    }
}

/// One event of a client. It is passed to the [`Observer`], and to `tracing` with the target `headcount`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Activity<'a> {
    /// What happened.
    pub kind: ActivityKind,
    /// Name of the operation, such as `list directory users`.
    pub operation: &'static str,
    /// HTTP method of the request.
    pub method: &'a Method,
    /// Path of the request with placeholders instead of ids, such as `/api/v1/organizations/{organization}/directories`.
    pub route: &'a str,
    /// Number of the call's attempt, counted from 1.
    pub attempt: u32,
    /// HTTP status of the answer, or `None` if none was received.
    pub status: Option<u16>,
    /// Kind of the error, or `None` on success.
    pub error: Option<ErrorKind>,
    /// Wait before the next request, for retries and pauses; otherwise `None`.
    pub wait: Option<Duration>,
    /// Duration of the request, the reading of its answer included. Zero unless the activity is a request.
    pub elapsed: Duration,
    /// Size of the answer's body after decompression, in bytes. Zero unless the activity is a request.
    pub bytes: u64,
}

impl Activity<'_> {
    /// Returns the severity for a log.
    pub fn level(&self) -> Level {
        match self.kind {
            ActivityKind::Request | ActivityKind::TokenRenewed => Level::Debug,
            ActivityKind::Retry => Level::Info,
            ActivityKind::Throttled | ActivityKind::TokenRenewalFailed => Level::Warning,
        }
    }
}

impl Serialize for Activity<'_> {
    /// Serializes all fields, the level as `level`, and the line for a log as `message`. A field that the activity lacks is left out. Durations are
    /// milliseconds.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Activity { kind, operation, method, route, attempt, status, error, wait, elapsed, bytes } = self;
        let milliseconds = |duration: &Duration| duration.as_secs_f64() * 1000.0;
        let mut fields = serializer.serialize_struct("Activity", 12)?;
        fields.serialize_field("kind", kind.name())?;
        fields.serialize_field("level", self.level().name())?;
        fields.serialize_field("message", &self.to_string())?;
        fields.serialize_field("operation", operation)?;
        fields.serialize_field("method", method.as_str())?;
        fields.serialize_field("route", route)?;
        fields.serialize_field("attempt", attempt)?;
        match status {
            Some(status) => fields.serialize_field("status", status)?,
            None => fields.skip_field("status")?,
        }
        match error {
            Some(kind) => fields.serialize_field("error", kind.name())?,
            None => fields.skip_field("error")?,
        }
        match wait {
            Some(wait) => fields.serialize_field("wait_ms", &milliseconds(wait))?,
            None => fields.skip_field("wait_ms")?,
        }
        fields.serialize_field("elapsed_ms", &milliseconds(elapsed))?;
        fields.serialize_field("bytes", bytes)?;
        fields.end()
    }
}

impl fmt::Display for Activity<'_> {
    /// Formats one line for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.method, self.route)?;
        match (self.kind, self.wait.unwrap_or_default().as_secs_f64()) {
            (ActivityKind::Request, _) => {}
            (ActivityKind::Retry, wait) => write!(f, "retries in {wait:.3} s: ")?,
            (ActivityKind::Throttled, wait) => write!(f, "pauses all requests for {wait:.3} s: ")?,
            (ActivityKind::TokenRenewed, _) => write!(f, "renewed the token: ")?,
            (ActivityKind::TokenRenewalFailed, _) => write!(f, "did not renew the token: ")?,
        }
        match (self.status, self.error) {
            (Some(status), _) => write!(f, "{status}")?,
            (None, Some(error)) => write!(f, "{error}")?,
            (None, None) => write!(f, "done")?,
        }
        write!(f, " (attempt {}, {} ms, {} bytes)", self.attempt, self.elapsed.as_millis(), self.bytes)
    }
}

/// Receives the events of a client, for logs and metrics of the application.
///
/// It is called on the thread that polls the call's future, during the call, and from several threads at once: it must return soon and must
/// not panic.
pub trait Observer: Send + Sync + 'static {
    /// Receives one event.
    fn observe(&self, activity: &Activity<'_>);
}

impl<F: Fn(&Activity<'_>) + Send + Sync + 'static> Observer for F {
    fn observe(&self, activity: &Activity<'_>) {
        self(activity);
    }
}

/// Counters of a client since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, including requests for tokens and failed ones.
    pub requests: u64,
    /// Requests that repeated an earlier one.
    pub retries: u64,
    /// Error answers that asked for a pause: those with status 429, and any others with `Retry-After`.
    pub throttled: u64,
    /// Access tokens fetched.
    pub token_renewals: u64,
    /// Pages of listings received.
    pub pages: u64,
    /// Bytes of answers' bodies after decompression.
    pub bytes: u64,
}

/// The counters of a client, and its observer.
#[derive(Default)]
pub(super) struct Observers {
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) token_renewals: AtomicU64,
    pub(super) pages: AtomicU64,
    pub(super) bytes: AtomicU64,
    observer: Option<Arc<dyn Observer>>,
}

/// Adds one to a counter.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Observers {
    pub(super) fn new(observer: Option<Arc<dyn Observer>>) -> Observers {
        Observers { observer, ..Observers::default() }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            throttled: self.throttled.load(Relaxed),
            token_renewals: self.token_renewals.load(Relaxed),
            pages: self.pages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }

    /// Writes the event to `tracing` and passes it to the observer.
    pub(super) fn report(&self, activity: &Activity<'_>) {
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "headcount",
                    tracing::Level::$level,
                    kind = activity.kind.name(),
                    operation = activity.operation,
                    method = %activity.method,
                    route = activity.route,
                    attempt = activity.attempt,
                    status = activity.status,
                    error = activity.error.map(ErrorKind::name),
                    wait_ms = activity.wait.map(|wait| wait.as_millis() as u64),
                    elapsed_ms = activity.elapsed.as_millis() as u64,
                    bytes = activity.bytes,
                )
            };
        }
        match activity.level() {
            Level::Debug => event!(DEBUG),
            Level::Info => event!(INFO),
            Level::Warning => event!(WARN),
        }
        if let Some(observer) = &self.observer {
            observer.observe(activity);
        }
    }
}
