//! The contract's paths. Who calls is checked first; then a fault may come in between; then the call is answered.

mod directories;
mod organizations;
mod paging;
mod token;

use crate::Fault;
use crate::clock::SandboxClock;
use crate::control;
use crate::data::Credentials;
use crate::error::Error;
use crate::fault::Plan;
use crate::outbox::Outbox;
use crate::server::Broken;
use crate::state::{Happened, State};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, patch, post};
use headcount::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Everything that answering a call may need.
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) credentials: Credentials,
    pub(crate) token_ttl: Duration,
    pub(crate) clock: Arc<SandboxClock>,
    pub(crate) faults: Plan,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) state: Mutex<State>,
    /// Tokens that were given out, and when they end.
    pub(crate) tokens: Mutex<HashMap<String, Timestamp>>,
    pub(crate) requests: Mutex<BTreeMap<String, u64>>,
    pub(crate) connections: AtomicU64,
    /// What a program prints when it starts.
    pub(crate) settings: Mutex<serde_json::Value>,
}

impl Environment {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, happened: Happened) {
        self.outbox.post(&self.id, happened);
    }

    pub(crate) fn count(&self, route: String) -> u64 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(route).and_modify(|count| *count += 1).or_insert(1)
    }

    pub(crate) fn requests(&self) -> BTreeMap<String, u64> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) type App = Arc<Environment>;

pub(crate) fn router(app: App) -> Router {
    let rest = Router::new()
        .route("/api/v1/organizations", get(organizations::list).post(organizations::create))
        .route(
            "/api/v1/organizations/{id}",
            get(organizations::get).patch(organizations::update).delete(organizations::delete),
        )
        .route("/api/v1/organizations:external/{external_id}", get(organizations::get_by_external_id))
        .route("/api/v1/organizations/{organization_id}/directories", get(directories::list))
        .route("/api/v1/organizations/{organization_id}/directories/{directory_id}/users", get(directories::users))
        .route("/api/v1/organizations/{organization_id}/directories/{directory_id}/groups", get(directories::groups))
        .route("/api/v1/organizations/{organization_id}/directories/{id}", get(directories::get))
        .route("/api/v1/organizations/{organization_id}/directories/{id}", patch(directories::toggle))
        .route_layer(from_fn_with_state(Arc::clone(&app), authorize))
        .route_layer(from_fn_with_state(Arc::clone(&app), misbehave))
        .route("/oauth/token", post(token::grant))
        .route_layer(from_fn_with_state(Arc::clone(&app), count));
    rest.nest("/sandbox", control::router()).fallback(async || Error::not_found("path")).with_state(app)
}

/// Counts the call by its route, and gives it an id.
async fn count(Shared(app): Shared<App>, path: MatchedPath, request: Request, next: Next) -> Response {
    let number = app.count(format!("{} {}", request.method(), path.as_str()));
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::try_from(format!("req_{number}")) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Lets a fault come in between, where one is due. Token requests and control calls meet none.
async fn misbehave(Shared(app): Shared<App>, request: Request, next: Next) -> Response {
    match app.faults.next() {
        None => next.run(request).await,
        Some(Fault::RateLimit(seconds)) => {
            let mut response = Error::rate_limited().into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Some(Fault::Status(status)) => Error::asked_for(status).into_response(),
        Some(Fault::Reset) => Broken::reset(),
        Some(Fault::Truncate) => Broken::truncate(next.run(request).await).await,
        Some(Fault::Garbage) => json_text(Body::from("{\"users\":[{\"id\":\"diruser_1\",,,")),
        Some(Fault::Html) => Html("<html><body>Sign in to use the network</body></html>").into_response(),
        Some(Fault::WrongTypes) => json_text(Body::from(WRONG_TYPES)),
        Some(Fault::Junk) => json_text(Body::from(vec![b'7'; 10_000_000])),
        Some(Fault::Drip) => json_text(Broken::drip()),
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

const WRONG_TYPES: &str =
    r#"{"organization":7,"organizations":7,"directory":7,"directories":7,"users":7,"groups":7,"enabled":7}"#;

fn json_text(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Refuses a missing, unknown or expired token.
async fn authorize(Shared(app): Shared<App>, request: Request, next: Next) -> Response {
    let token =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(token) = token else {
        return Error::unauthenticated("the bearer token is missing").into_response();
    };
    let ends = app.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied();
    match ends {
        Some(ends) if app.clock.now() < ends => next.run(request).await,
        Some(_) => Error::unauthenticated("the token has expired").into_response(),
        None => Error::unauthenticated("the token is not valid").into_response(),
    }
}

/// A body with another status than 200.
pub(crate) fn created(body: serde_json::Value) -> Response {
    (StatusCode::CREATED, axum::Json(body)).into_response()
}
