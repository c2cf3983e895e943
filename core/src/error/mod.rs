//! The error type: a kind, a status, a message, context pairs and a source.
//!
//! Bindings translate the kind by a table, which they check against [`ErrorKind::ALL`], and copy the other parts. Whether a retry can succeed is
//! set where the error is made, because the code that catches it lacks the information. This module uses no other module of the crate.

mod grpc;
mod json;
mod kind;
mod panic;

#[cfg(feature = "client")]
pub(crate) use kind::named;
pub use kind::{ErrorKind, Reason, UnknownName};
pub use panic::catch_panic;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whether repeating the call can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStatus {
    /// The same call will fail again.
    Permanent,
    /// The same call may succeed later.
    Temporary,
    /// The error was temporary, and the retries that the policy and the deadline allow are used up.
    Exhausted,
}

/// An error from any part of headcount.
///
/// Its text is one line: what was expected, what was received, and what to do where that is known. It contains no secrets, no tokens, and no
/// personal data of the mirror or of a webhook. If a server refused a request, the text includes the server's message, without this client's
/// secrets and cut to 300 characters; that message may name a person. [`source`](std::error::Error::source) returns `None` if the error's text
/// already contains that of its cause. Clones are cheap and share the source.
///
/// # Examples
///
/// ```
/// use headcount::{Error, ErrorKind, ErrorStatus};
///
/// fn exit_code(error: &Error) -> i32 {
///     match error.kind() {
///         ErrorKind::Config | ErrorKind::Authentication => 2, // the settings have to be corrected
///         _ if error.status() == ErrorStatus::Permanent => 1,
///         _ => 75, // EX_TEMPFAIL: the same call may succeed later
///     }
/// }
/// assert_eq!(exit_code(&Error::config("SCALEKIT_CLIENT_ID is not set")), 2);
/// ```
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
    /// Whether the message contains the source's text. If so, `source` returns `None`, so that code which prints an error with its sources does not
    /// print the text twice.
    repeats_source: bool,
}

/// The users that a sync would have removed, had the guard not held the removal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removals {
    /// Id of the directory whose listing lacks the users.
    pub directory_id: String,
    /// Number of users that would have been removed.
    pub count: u64,
    /// Number of removals that the guard allows without an approval.
    pub limit: u64,
    /// Ids of the first 1,000 of those users, in ascending order. `Mirror::held_removals` gives all of them.
    pub user_ids: Vec<String>,
}

/// The parts of a server's error answer.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) http_status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) details: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Error {
    /// Makes a permanent error. For implementations of this crate's traits, such as a source or a store. The message must be one line without
    /// secrets or personal data.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Error, ErrorKind, ErrorStatus};
    ///
    /// let refused = std::io::Error::other("connection refused");
    /// let error = Error::new(ErrorKind::Store, "the database cannot be reached").temporary().with_source(refused);
    /// assert_eq!(error.status(), ErrorStatus::Temporary);
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            status: ErrorStatus::Permanent,
            message: message.into(),
            context: Vec::new(),
            answer: Answer::default(),
            reason: None,
            removals: None,
            source: None,
            repeats_source: false,
        }))
    }

    /// Makes an error for a missing or malformed setting. For language bindings.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, message)
    }

    /// Makes an error for an argument that cannot be used. For language bindings.
    pub fn invalid_argument(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidArgument, message)
    }

    /// Makes an error for a defect in headcount, such as a panic. For language bindings.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// Makes the error of a sync whose removals the guard held.
    #[cfg(feature = "mirror")]
    pub(crate) fn mass_removal(message: impl Into<String>, removals: Removals) -> Error {
        let mut error = Error::new(ErrorKind::MassRemoval, message);
        error.0.removals = Some(Arc::new(removals));
        error
    }

    /// Makes the error of a call that its caller cancelled. For language bindings.
    pub fn cancelled() -> Error {
        Error::new(ErrorKind::Cancelled, "the call was cancelled")
    }

    /// Makes an error of a store. For language bindings, and for implementations of stores outside this crate.
    pub fn store(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Store, message)
    }

    /// Makes a permanent error for a request that a server refused. The HTTP status decides the kind; `code` is the server's own error code. For the
    /// sandbox and language bindings.
    pub fn from_http_status(status: u16, code: Option<&str>, message: impl Into<String>) -> Error {
        let mut error = Error::new(ErrorKind::from_http_status(status), message);
        error.0.answer.http_status = Some(status);
        error.0.answer.code = code.map(str::to_owned);
        error
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

    /// Marks the error as temporary: the same call may succeed later.
    pub fn temporary(mut self) -> Error {
        self.0.status = ErrorStatus::Temporary;
        self
    }

    /// Marks a temporary error as exhausted, after `attempts` attempts. Permanent errors stay as they are.
    #[cfg(feature = "client")]
    pub(crate) fn exhausted(mut self, attempts: u32) -> Error {
        if self.0.status == ErrorStatus::Temporary {
            self.0.status = ErrorStatus::Exhausted;
            self.0.context.push(("attempts", attempts.to_string()));
        }
        self
    }

    /// Replaces kind and message, and keeps everything else.
    #[cfg(feature = "client")]
    pub(crate) fn replace(mut self, kind: ErrorKind, message: impl Into<String>) -> Error {
        self.0.kind = kind;
        self.0.message = message.into();
        self
    }

    /// Replaces `secret` in every text that comes from the server's answer.
    #[cfg(feature = "client")]
    pub(crate) fn redact(mut self, secret: &str) -> Error {
        let answer = &mut self.0.answer;
        let texts =
            [Some(&mut self.0.message), answer.code.as_mut(), answer.details.as_mut(), answer.request_id.as_mut()];
        for text in texts.into_iter().flatten().filter(|text| text.contains(secret)) {
            *text = text.replace(secret, "[redacted]");
        }
        self
    }

    #[cfg(feature = "client")]
    pub(crate) fn with_answer(mut self, answer: Answer) -> Error {
        self.0.answer = answer;
        self
    }

    /// Adds a name and a value to the error's context, which its text shows in parentheses. The value must not contain secrets or personal data.
    pub fn with_context(mut self, name: &'static str, value: impl Into<String>) -> Error {
        self.0.context.push((name, value.into()));
        self
    }

    /// Sets the error's cause, which [`source`](std::error::Error::source) returns.
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Sets the error's cause, whose text the message contains.
    #[cfg(feature = "client")]
    pub(crate) fn with_repeated_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.0.repeats_source = true;
        self.with_source(source)
    }

    /// Returns the error's cause, even if the message contains its text.
    pub(crate) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }

    /// Returns what kind of error occurred.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether repeating the call can succeed.
    pub fn status(&self) -> ErrorStatus {
        self.0.status
    }

    /// Returns the message, without the context that [`Display`](fmt::Display) appends.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the context as pairs of name and value: `operation`, the ids that the call was about, `attempts`.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// Returns the HTTP status of the server's answer, or `None` if no answer was received.
    pub fn http_status(&self) -> Option<u16> {
        self.0.answer.http_status
    }

    /// Returns the vendor's code for the error, such as `RESOURCE_NOT_FOUND`, or `None` if the server sent none.
    pub fn code(&self) -> Option<&str> {
        self.0.answer.code.as_deref()
    }

    /// Returns the member `details` of the server's error body as JSON text, or `None` if the server sent none.
    pub fn details(&self) -> Option<&str> {
        self.0.answer.details.as_deref()
    }

    /// Returns the server's id of the request, which the vendor's support asks for, or `None` if the server sent none.
    pub fn request_id(&self) -> Option<&str> {
        self.0.answer.request_id.as_deref()
    }

    /// Returns how long the server asked to wait before the next request (`Retry-After`), or `None` if it did not ask.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.answer.retry_after
    }

    /// Returns why a webhook or its secret was refused, or `None` for other kinds of errors.
    pub fn reason(&self) -> Option<Reason> {
        self.0.reason
    }

    /// Returns the users that a sync would have removed, or `None` for kinds other than [`ErrorKind::MassRemoval`].
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
        self.cause().filter(|_| !self.0.repeats_source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
