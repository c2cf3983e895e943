//! Signing in to the page with a token, and out of it.

use super::answer::{Problem, read_body};
use super::app::App;
use super::sender::{is_from_other_site, wrong_token};
use super::tokens::SESSION;
use crate::page::{self, Viewer};
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use headcount::system::{Clock, SystemClock};
use std::sync::Arc;

const MAX_FORM: usize = 4 * 1024;

/// The routes for viewers who have signed in.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/signout", post(sign_out))
}

/// The routes that need no session.
pub(super) fn public_router() -> Router<Arc<App>> {
    Router::new().route("/signin", get(show).post(sign_in))
}

/// Returns the answer to a request of the page without a session: the form, after which the browser returns to what it asked for.
pub(super) fn sign_in_for(request: &Request) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    let next = if is_safe { wanted } else { "/" };
    let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    redirect(&format!("/signin?next={query}"))
}

/// Returns the session cookie of a request.
pub(super) fn cookie_of(app: &App, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(app);
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

async fn show(request: Request) -> Response {
    page::sign_in(&next_of(request.uri().query().unwrap_or_default()), false)
}

async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Response {
    if is_from_other_site(&request) {
        return Problem::forbidden("a page of another site may not use this service").into_response();
    }
    let (parts, body) = request.into_parts();
    let bytes = match read_body(body, MAX_FORM).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let token = form_urlencoded::parse(&bytes).find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    let next = next_of(std::str::from_utf8(&bytes).unwrap_or_default());
    match app.tokens.session(token.unwrap_or_default().trim().as_bytes(), SystemClock.now()) {
        Some(session) => with_cookie(&app, redirect(&next), &session, SESSION.as_secs()),
        None => {
            let request = Request::from_parts(parts, axum::body::Body::empty());
            let mut response = page::sign_in(&next, true);
            *response.status_mut() = wrong_token(&app, &request).status();
            response
        }
    }
}

async fn sign_out(State(app): State<Arc<App>>, Extension(viewer): Extension<Viewer>, request: Request) -> Response {
    let bytes = match read_body(request.into_body(), MAX_FORM).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let csrf = form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf").map(|(_, csrf)| csrf.into_owned());
    if let Err(failure) = viewer.check_session(&csrf.unwrap_or_default()) {
        return failure.into_response();
    }
    with_cookie(&app, redirect("/signin"), "", 0)
}

/// Returns the page to go to after signing in: a path of this service, and no address of another one.
fn next_of(form: &str) -> String {
    let next =
        form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "next").map(|(_, next)| next.into_owned());
    let is_path = |next: &String| {
        next.starts_with('/')
            // `//host` and, in browsers, `/\host` are addresses of another host.
            && !next[1..].starts_with(['/', '\\'])
            && next.bytes().all(|byte| byte.is_ascii_graphic())
    };
    next.filter(is_path).unwrap_or_else(|| "/".to_owned())
}

fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// Sets the session cookie of an answer, which scripts cannot read and other sites do not send.
fn with_cookie(app: &App, mut response: Response, session: &str, seconds: u64) -> Response {
    let secure = if app.is_https { "; Secure" } else { "" };
    let name = cookie_name(app);
    let cookie = format!("{name}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// The prefix `__Host-` keeps other hosts of the domain from setting the cookie, and needs HTTPS.
fn cookie_name(app: &App) -> &'static str {
    if app.is_https { "__Host-headcount" } else { "headcount" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_a_path_of_this_service_alone() {
        for (form, next) in [
            ("next=%2Fusers%2Fa%3Fq%3D1", "/users/a?q=1"),
            ("token=x&next=%2F", "/"),
            ("next=https%3A%2F%2Fevil.example", "/"),
            ("next=%2F%2Fevil.example", "/"),
            ("next=%2F%5Cevil.example", "/"),
            ("next=%2Fa%0D%0Aset-cookie%3A%20x", "/"),
            ("", "/"),
        ] {
            assert_eq!(next_of(form), next, "{form}");
        }
    }
}
