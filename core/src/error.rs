//! What can go wrong, in one place: every error is a kind, a status, a message, some context and a source.
//!
//! Bindings translate the kind by a table ([`ErrorKind::ALL`] lets them prove it complete) and copy the rest. Whether a
//! retry may help is a property of the error, set where it is made, not guessed where it is caught.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Defines an enum of names together with its `ALL` table and `name`, so that none of the three can miss a member.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type { $($(#[$doc])* $variant,)* }

        impl $type {
            /// Every member, for tables that must be complete.
            pub const ALL: &[$type] = &[$($type::$variant,)*];

            /// The name that every language uses for it.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

#[cfg(feature = "client")]
pub(crate) use named;

named! {
    /// What kind of thing went wrong.
    ErrorKind {
        /// A setting is missing or malformed; the message names it.
        Config = "config",
        /// An argument cannot be used as it was given: an empty id, a page size of zero, text that is not UTF-8.
        InvalidArgument = "invalid_argument",
        /// The server could not be reached, or the connection broke before the whole answer had come.
        Connection = "connection",
        /// The deadline passed first.
        Timeout = "timeout",
        /// The server answered with a status that has no kind of its own.
        Api = "api",
        /// 400, 409, 412 or 422: the server refused the request as it stands.
        BadRequest = "bad_request",
        /// 401: the client id, the client secret or the token was refused.
        Authentication = "authentication",
        /// 403: the credentials do not reach this resource.
        PermissionDenied = "permission_denied",
        /// 404 or 410: there is no such resource.
        NotFound = "not_found",
        /// 429: too many requests.
        RateLimit = "rate_limit",
        /// 5xx: the server failed.
        Server = "server",
        /// The server's answer is not what the contract says; the message names the field.
        Decode = "decode",
        /// A webhook was refused; [`Error::reason`] says why.
        WebhookVerification = "webhook_verification",
        /// A sync would remove more users than the guard allows.
        MassRemoval = "mass_removal",
        /// The local store failed.
        Store = "store",
        /// The caller cancelled the call.
        Cancelled = "cancelled",
        /// A defect in headcount itself, caught at a language border.
        Internal = "internal",
    }
}

impl ErrorKind {
    /// The name of the kind's class in the languages that have exception classes.
    pub const fn class_name(self) -> &'static str {
        match self {
            ErrorKind::Config => "ConfigError",
            ErrorKind::InvalidArgument => "InvalidArgumentError",
            ErrorKind::Connection => "ConnectionError",
            ErrorKind::Timeout => "TimeoutError",
            ErrorKind::Api => "ApiError",
            ErrorKind::BadRequest => "BadRequestError",
            ErrorKind::Authentication => "AuthenticationError",
            ErrorKind::PermissionDenied => "PermissionDeniedError",
            ErrorKind::NotFound => "NotFoundError",
            ErrorKind::RateLimit => "RateLimitError",
            ErrorKind::Server => "ServerError",
            ErrorKind::Decode => "DecodeError",
            ErrorKind::WebhookVerification => "WebhookVerificationError",
            ErrorKind::MassRemoval => "MassRemovalError",
            ErrorKind::Store => "StoreError",
            ErrorKind::Cancelled => "CancelledError",
            ErrorKind::Internal => "InternalError",
        }
    }
}

/// Runs what stands at a language border, and turns a panic into [`ErrorKind::Internal`].
///
/// # Errors
///
/// What `call` gives.
pub fn catch_panic<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic may leave half done is the core's own, and its locks say so when they are next taken.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let error = Error::internal(format!(
            "a defect in headcount, please report it: {}",
            said.unwrap_or("a panic without a message").replace(['\r', '\n'], " ")
        ));
        // What was thrown may throw when it is dropped.
        std::mem::forget(panic);
        Err(error)
    })
}

named! {
    /// Why a webhook, or the secret to verify it with, was refused.
    Reason {
        /// One of the id, timestamp and signature headers is absent or empty.
        MissingHeader = "missing_header",
        /// The timestamp is not a whole number of seconds in ASCII digits.
        InvalidTimestamp = "invalid_timestamp",
        /// The timestamp lies further in the past than the tolerance.
        TooOld = "too_old",
        /// The timestamp lies further in the future than the tolerance.
        TooNew = "too_new",
        /// No signature matches under any secret.
        NoMatch = "no_match",
        /// The secret is empty, too short or not base64.
        InvalidSecret = "invalid_secret",
        /// The body is larger than the limit.
        BodyTooLarge = "body_too_large",
        /// The signature is right, but the body is not an event.
        MalformedEvent = "malformed_event",
    }
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStatus {
    /// The same call will fail again.
    Permanent,
    /// The same call may succeed later.
    Temporary,
    /// It was temporary, and the retries that the policy and the deadline allow are used up.
    Exhausted,
}

/// An error from any part of headcount.
///
/// Its text is one line: what was expected, what came, what to do where that is known. It never holds a secret, a token
/// or a personal datum.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    status: ErrorStatus,
    message: String,
    context: Vec<(&'static str, String)>,
    answer: Answer,
    reason: Option<Reason>,
    removals: Option<Arc<Removals>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// Whom a sync would have removed, where the guard held it back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removals {
    /// The directory that lacks them.
    pub directory_id: String,
    /// How many they are.
    pub count: u64,
    /// How many would have been removed without asking.
    pub limit: u64,
    /// Who they are: the first thousand, in the order of their ids. The mirror has them all.
    pub user_ids: Vec<String>,
}

/// What a server's refusal carried.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) http_status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) details: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            status: ErrorStatus::Permanent,
            message: message.into(),
            context: Vec::new(),
            answer: Answer::default(),
            reason: None,
            removals: None,
            source: None,
        }))
    }

    /// A setting that is missing or malformed. For the language borders.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, message)
    }

    /// An argument that cannot be used as it was given. For the language borders.
    pub fn invalid_argument(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidArgument, message)
    }

    /// A defect caught at a language border, such as a panic. For the language borders.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// The guard held removals back.
    #[cfg(feature = "mirror")]
    pub(crate) fn mass_removal(message: impl Into<String>, removals: Removals) -> Error {
        let mut error = Error::new(ErrorKind::MassRemoval, message);
        error.0.removals = Some(Arc::new(removals));
        error
    }

    /// The caller cancelled the call. For the language borders.
    pub fn cancelled() -> Error {
        Error::new(ErrorKind::Cancelled, "the call was cancelled")
    }

    /// A store that failed. For the language borders, and for stores of your own.
    pub fn store(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Store, message)
    }

    #[cfg(feature = "webhook")]
    pub(crate) fn refused(reason: Reason, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::WebhookVerification, message).with_reason(reason)
    }

    #[cfg(feature = "webhook")]
    pub(crate) fn with_reason(mut self, reason: Reason) -> Error {
        self.0.reason = Some(reason);
        self
    }

    #[cfg(feature = "webhook")]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Error {
        self.0.kind = kind;
        self
    }

    #[cfg(any(feature = "client", feature = "sqlite"))]
    pub(crate) fn temporary(mut self) -> Error {
        self.0.status = ErrorStatus::Temporary;
        self
    }

    /// A temporary error that was not retried again becomes an exhausted one.
    #[cfg(feature = "client")]
    pub(crate) fn exhausted(mut self, attempts: u32) -> Error {
        if self.0.status == ErrorStatus::Temporary {
            self.0.status = ErrorStatus::Exhausted;
            self.0.context.push(("attempts", attempts.to_string()));
        }
        self
    }

    /// The same failure in words that fit what the caller asked for.
    #[cfg(feature = "client")]
    pub(crate) fn replace(mut self, kind: ErrorKind, message: impl Into<String>) -> Error {
        self.0.kind = kind;
        self.0.message = message.into();
        self
    }

    #[cfg(feature = "client")]
    pub(crate) fn with_answer(mut self, answer: Answer) -> Error {
        self.0.answer = answer;
        self
    }

    #[cfg(feature = "client")]
    pub(crate) fn with_context(mut self, name: &'static str, value: impl Into<String>) -> Error {
        self.0.context.push((name, value.into()));
        self
    }

    #[cfg(any(feature = "client", feature = "sqlite"))]
    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again can help.
    pub fn status(&self) -> ErrorStatus {
        self.0.status
    }

    /// What went wrong, without the context that [`Display`](fmt::Display) adds.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was being done: the operation, the ids it was for, the attempts it took.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// The HTTP status of the server's answer, where one came.
    pub fn http_status(&self) -> Option<u16> {
        self.0.answer.http_status
    }

    /// The vendor's code for it, such as `RESOURCE_NOT_FOUND`.
    pub fn code(&self) -> Option<&str> {
        self.0.answer.code.as_deref()
    }

    /// The `details` of the error body, as raw JSON.
    pub fn details(&self) -> Option<&str> {
        self.0.answer.details.as_deref()
    }

    /// The server's id of the request, for its support desk.
    pub fn request_id(&self) -> Option<&str> {
        self.0.answer.request_id.as_deref()
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.answer.retry_after
    }

    /// Why a webhook or its secret was refused.
    pub fn reason(&self) -> Option<Reason> {
        self.0.reason
    }

    /// Whom a sync would have removed, where the guard held it back.
    pub fn removals(&self) -> Option<&Removals> {
        self.0.removals.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (index, (name, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{name}: {value}", if index == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("status", &self.0.status)
            .field("message", &self.0.message)
            .field("context", &self.0.context)
            .field("http_status", &self.0.answer.http_status)
            .field("code", &self.0.answer.code)
            .field("request_id", &self.0.answer.request_id)
            .field("reason", &self.0.reason)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        for names in [
            ErrorKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            Reason::ALL.iter().map(|reason| reason.name()).collect::<Vec<_>>(),
        ] {
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "{names:?}");
        }
    }

    #[test]
    #[cfg(feature = "client")]
    fn text_is_one_line_with_its_context() {
        let error = Error::new(ErrorKind::NotFound, "no such directory")
            .with_context("operation", "get directory")
            .with_context("directory", "dir_1");
        assert_eq!(error.to_string(), "no such directory (operation: get directory, directory: dir_1)");
        assert_eq!(error.message(), "no such directory");
    }
}
