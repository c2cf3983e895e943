//! Seeing what a client does: counters, spans and events. None of them holds a token, a secret, an id or a query's value.

use crate::error::{ErrorKind, named};
use http::Method;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

named! {
    /// What an [`Activity`] tells.
    ActivityKind {
        /// A request was sent and its answer, or its failure, has come.
        Request = "request",
        /// The call will be tried again after [`Activity::wait`].
        Retry = "retry",
        /// The server asked to be left alone: no request of this client leaves for [`Activity::wait`].
        Throttled = "throttled",
        /// A new access token is in use.
        TokenRenewed = "token_renewed",
        /// The access token could not be renewed ahead of its end; the old one still serves.
        TokenRenewalFailed = "token_renewal_failed",
    }
}

named! {
    /// How much a log's reader should care.
    Level {
        /// What went as it should.
        Debug = "debug",
        /// What went wrong and is being mended.
        Info = "info",
        /// What somebody may want to look at.
        Warning = "warning",
    }
}

/// One thing that a client did, as an [`Observer`] is told it and a `tracing` subscriber under the target `headcount`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Activity<'a> {
    /// What it tells.
    pub kind: ActivityKind,
    /// What was being done, such as `list directory users`.
    pub operation: &'static str,
    /// The method of the request.
    pub method: &'a Method,
    /// The path of the request with names in the place of ids, such as `/api/v1/organizations/{organization}/directories`.
    pub route: &'a str,
    /// Which attempt of the call this is, from 1.
    pub attempt: u32,
    /// The status of the answer, where one has come.
    pub status: Option<u16>,
    /// What went wrong, where something did.
    pub error: Option<ErrorKind>,
    /// How long will be waited before the next request.
    pub wait: Option<Duration>,
    /// How long it took.
    pub elapsed: Duration,
    /// The bytes of the answer's body, decompressed.
    pub bytes: u64,
}

impl Activity<'_> {
    /// How much a log's reader should care.
    pub fn level(&self) -> Level {
        match self.kind {
            ActivityKind::Request | ActivityKind::TokenRenewed => Level::Debug,
            ActivityKind::Retry => Level::Info,
            ActivityKind::Throttled | ActivityKind::TokenRenewalFailed => Level::Warning,
        }
    }
}

impl fmt::Display for Activity<'_> {
    /// One line for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.method, self.route)?;
        match (self.kind, self.wait.unwrap_or_default().as_secs_f64()) {
            (ActivityKind::Request, _) => {}
            (ActivityKind::Retry, wait) => write!(f, "will be tried again in {wait:.3} s: ")?,
            (ActivityKind::Throttled, wait) => write!(f, "must wait, and all others, for {wait:.3} s: ")?,
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

/// Is told what a client does, for a log or a measurement of the application's own.
///
/// It is called from whichever thread drives the call, in the middle of it: it must return soon and must not panic.
pub trait Observer: Send + Sync + 'static {
    /// Something was done.
    fn observe(&self, activity: &Activity<'_>);
}

impl<F: Fn(&Activity<'_>) + Send + Sync + 'static> Observer for F {
    fn observe(&self, activity: &Activity<'_>) {
        self(activity);
    }
}

/// What a client has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, those for tokens and those that failed among them.
    pub requests: u64,
    /// Requests that repeated one before them.
    pub retries: u64,
    /// Answers that asked to be left alone: 429, or any with `Retry-After`.
    pub throttled: u64,
    /// Access tokens fetched.
    pub token_renewals: u64,
    /// Pages of listings that have come.
    pub pages: u64,
    /// Bytes of answers' bodies, decompressed.
    pub bytes: u64,
}

/// Counts, and tells whoever wants to know.
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

/// One more.
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

    pub(super) fn tell(&self, activity: &Activity<'_>) {
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
