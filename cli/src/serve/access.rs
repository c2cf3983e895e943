//! Checks requests before they are handled: the name by which the service was reached, the site that a browser sends them from, and the token.

use super::answer::Problem;
use super::app::App;
use super::sender::{host, is_from_other_site, without_port, wrong_token};
use super::session::{cookie_of, sign_in_for};
use super::tokens::{Scope, Session};
use crate::page::Viewer;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headcount::ErrorKind;
use headcount::system::{Clock, SystemClock};
use std::sync::Arc;

/// Refuses a request for a name that is not one of the service's. Otherwise a page of another site, whose name resolves to this address, could read what the service
/// answers (DNS rebinding).
pub(super) async fn to_host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = host(request.headers(), request.uri());
    let name = host.as_deref().map(without_port);
    let is_own =
        app.hosts.is_empty() || name.is_some_and(|name| app.hosts.iter().any(|own| own.eq_ignore_ascii_case(name)));
    if !is_own {
        let message = "the service is not reached by this name: name it with --host";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, ErrorKind::InvalidArgument, message).into_response();
    }
    next.run(request).await
}

/// Refuses a request of the API that a page of another site sends, or whose token does not permit `needed`.
pub(super) async fn to_api(app: Arc<App>, needed: Scope, request: Request, next: Next) -> Response {
    if is_from_other_site(&request) {
        return Problem::forbidden("a page of another site may not use this service").into_response();
    }
    let scope = match scope_of(&app, &request) {
        Ok(scope) => scope,
        Err(problem) => return problem.into_response(),
    };
    if scope < needed {
        return Problem::forbidden("the token may only read: use one that may write").into_response();
    }
    next.run(request).await
}

/// Refuses a request that changes something and that a page of another site sends. Signs in the browser's session, or asks for a token.
pub(super) async fn to_page(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_safe && is_from_other_site(&request) {
        return Problem::forbidden("a page of another site may not use this service").into_response();
    }
    let is_open = app.tokens.is_open();
    let session = match is_open {
        true => Some(app.tokens.open_session()),
        false => {
            cookie_of(&app, request.headers()).and_then(|cookie| app.tokens.session_of(&cookie, SystemClock.now()))
        }
    };
    let Some(Session { scope, csrf }) = session else { return sign_in_for(&request) };
    let viewer = Viewer { may_write: scope >= Scope::Write, csrf, can_sign_out: !is_open };
    request.extensions_mut().insert(viewer);
    // Ends the connections of browsers that wait for news.
    request.extensions_mut().insert(app.ending.clone());
    next.run(request).await
}

/// Returns what the token of a request permits.
fn scope_of(app: &App, request: &Request) -> Result<Scope, Problem> {
    if app.tokens.is_open() {
        return Ok(Scope::Write);
    }
    let Some(given) = request.headers().get(AUTHORIZATION) else { return Err(Problem::unauthenticated()) };
    let token = given.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    token.and_then(|(_, token)| app.tokens.scope_of(token.trim_ascii())).ok_or_else(|| wrong_token(app, request))
}
