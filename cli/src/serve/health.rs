//! Whether the service runs, and whether it can do its work. Both need no token, and say nothing about the mirror.

use super::answer::Json;
use super::app::App;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthy)).route("/readyz", get(ready))
}

/// The process answers.
async fn healthy() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// The store can be read, and the service is not ending.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let no = |why: &str| {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready", "why": why }))).into_response()
    };
    if app.ending.is_cancelled() {
        return no("the service is ending");
    }
    match tokio::time::timeout(TIMEOUT, app.mirror.settings()).await {
        Ok(Ok(_)) => Json(json!({ "status": "ok" })).into_response(),
        Ok(Err(_)) | Err(_) => no("the store does not answer"),
    }
}
