//! Takes webhooks. Their signature is their authentication, so they need no token.

use super::answer::read_body;
use super::app::App;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use headcount::{ErrorKind, Reason};
use std::sync::Arc;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/webhooks", post(receive))
}

/// Verifies a webhook and applies it: 201 once it is stored. The vendor delivers it again after any other answer, none of which has a body.
async fn receive(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> StatusCode {
    let Some(webhook) = &app.webhook else { return StatusCode::NOT_FOUND };
    let body = match read_body(body, webhook.max_body()).await {
        Ok(body) => body,
        Err(problem) => return problem.status(),
    };
    match app.mirror.receive(&headers, &body).await {
        Ok(_) => StatusCode::CREATED,
        Err(error) if error.reason() == Some(Reason::BodyTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        Err(error) if error.kind() == ErrorKind::WebhookVerification => StatusCode::BAD_REQUEST,
        Err(error) => {
            tracing::warn!(target: "headcount", "a webhook was not stored: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
