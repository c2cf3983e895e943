//! Descriptions of API calls, from which `transport` makes requests.

use super::observe::{Activity, ActivityKind};
use http::Method;
use std::time::Duration;

/// One call of the REST API.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path below the environment's root, percent-encoded.
    pub(crate) path: String,
    /// The path with placeholders instead of ids, for logs.
    pub(crate) route: String,
    pub(crate) query: Vec<(&'static str, String)>,
    /// JSON text, or `None` for a request without a body.
    pub(crate) body: Option<String>,
    /// Name of the operation, for errors and logs.
    pub(crate) operation: &'static str,
    /// Names and values of the ids that errors show, such as `organization` and `org_…`.
    pub(crate) context: Vec<(&'static str, String)>,
}

impl Call {
    pub(super) fn label(&self) -> Label<'_> {
        Label { operation: self.operation, method: &self.method, route: &self.route }
    }
}

/// The parts of a call that observers and logs may see: none of them contains an id or a secret.
#[derive(Clone, Copy)]
pub(super) struct Label<'a> {
    operation: &'static str,
    method: &'a Method,
    route: &'a str,
}

impl Label<'static> {
    /// The request for an access token.
    pub(super) const TOKEN: Label<'static> =
        Label { operation: "fetch token", method: &Method::POST, route: "/oauth/token" };
}

impl<'a> Label<'a> {
    pub(super) fn activity(self, kind: ActivityKind, attempt: u32) -> Activity<'a> {
        Activity {
            kind,
            operation: self.operation,
            method: self.method,
            route: self.route,
            attempt,
            status: None,
            error: None,
            wait: None,
            elapsed: Duration::ZERO,
            bytes: 0,
        }
    }
}
