//! The paths of the contract, which is the vendor's OpenAPI document, and the router of all paths of the sandbox.
//!
//! A REST call is first counted. Then a planned fault may replace or delay its response. Then its token is checked, and the handler of
//! its path answers it.

mod directories;
mod organizations;
mod paging;
mod token;

use crate::broken;
use crate::control;
use crate::environment::App;
use crate::error::Error;
use crate::fault::Fault;
use crate::local::refuse_foreign;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, patch, post, put};
use std::sync::{Arc, PoisonError};

/// Makes the router of the REST API, of the token endpoint and of the control API. `more` are routes beside them, such as a page, which get the same checks of the host and
/// of the origin.
pub(crate) fn router(app: App, more: Router) -> Router {
    let rest = Router::new()
        .route("/api/v1/organizations", get(organizations::list).post(organizations::create))
        .route(
            "/api/v1/organizations/{id}",
            get(organizations::get).patch(organizations::update).delete(organizations::delete),
        )
        .route("/api/v1/organizations/{id}/settings", patch(organizations::update_settings))
        .route("/api/v1/organizations/{id}/portal_links", put(organizations::generate_portal_link))
        .route("/api/v1/organizations:external/{external_id}", get(organizations::get_by_external_id))
        .route("/api/v1/organizations/{organization_id}/directories", get(directories::list))
        .route("/api/v1/organizations/{organization_id}/directories/{directory_id}/users", get(directories::users))
        .route("/api/v1/organizations/{organization_id}/directories/{directory_id}/groups", get(directories::groups))
        .route("/api/v1/organizations/{organization_id}/directories/{id}", get(directories::get))
        .route("/api/v1/organizations/{organization_id}/directories/{id}", patch(directories::set_enabled))
        .route_layer(from_fn_with_state(Arc::clone(&app), authorize))
        .route_layer(from_fn_with_state(Arc::clone(&app), inject_fault))
        .route("/oauth/token", post(token::grant))
        .route("/portal/{link}", get(organizations::open_portal_link))
        .route_layer(from_fn_with_state(Arc::clone(&app), count));
    rest.nest("/sandbox", control::router())
        .with_state(app)
        .merge(more)
        .fallback(async || Error::not_found("path"))
        .layer(from_fn(refuse_foreign))
}

/// Counts a call by its route, and adds a request id to its response. The id is the count, so another route may have the same.
async fn count(Shared(app): Shared<App>, path: MatchedPath, request: Request, next: Next) -> Response {
    let number = app.count(format!("{} {}", request.method(), path.as_str()));
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::try_from(format!("req_{number}")) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Replaces or delays the response if a fault is due. Only the paths of the contract have this layer.
async fn inject_fault(Shared(app): Shared<App>, request: Request, next: Next) -> Response {
    match app.faults.next() {
        None => next.run(request).await,
        Some(Fault::RateLimit(seconds)) => {
            let mut response = Error::rate_limited().into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Some(Fault::Status(status)) => Error::planned(status).into_response(),
        Some(Fault::Reset) => broken::reset(),
        Some(Fault::Truncate) => broken::truncate(next.run(request).await).await,
        Some(Fault::Garbage) => json_response(Body::from("{\"users\":[{\"id\":\"diruser_1\",,,")),
        Some(Fault::Html) => Html("<html><body>Sign in to use the network</body></html>").into_response(),
        Some(Fault::WrongTypes) => json_response(Body::from(WRONG_TYPES)),
        Some(Fault::Junk) => json_response(Body::from(vec![b'7'; 10_000_000])),
        Some(Fault::Drip) => json_response(broken::drip()),
        Some(Fault::Redirect) => Redirect::temporary("https://elsewhere.example/").into_response(),
        Some(Fault::Latency(time)) => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Some(Fault::ExpireToken) => {
            app.tokens.lock().unwrap_or_else(PoisonError::into_inner).clear();
            next.run(request).await
        }
    }
}

/// The members of the contract's responses, except sizes and tokens of pages. Each has a number, which the contract permits for none of them.
const WRONG_TYPES: &str =
    r#"{"organization":7,"organizations":7,"directory":7,"directories":7,"users":7,"groups":7,"enabled":7,"link":7}"#;

/// Makes a response with status 200 whose content type is JSON, whatever the body is.
fn json_response(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Answers 401 to a call whose token is missing, unknown or expired.
async fn authorize(Shared(app): Shared<App>, request: Request, next: Next) -> Response {
    let token =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(token) = token else {
        return Error::unauthenticated("the bearer token is missing").into_response();
    };
    let expiry = app.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied();
    match expiry {
        Some(expiry) if app.clock.now() < expiry => next.run(request).await,
        Some(_) => Error::unauthenticated("the token has expired").into_response(),
        None => Error::unauthenticated("the token is not valid").into_response(),
    }
}
