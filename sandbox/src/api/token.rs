//! `POST /oauth/token`: the client-credentials grant (RFC 6749, section 4.4).

use crate::environment::App;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use std::sync::PoisonError;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

pub(super) async fn grant(State(app): State<App>, form: Result<Form<TokenRequest>, FormRejection>) -> Response {
    let Ok(Form(request)) = form else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "expected a form");
    };
    if request.grant_type != "client_credentials" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", "expected client_credentials");
    }
    if request.client_id != app.credentials.client_id || request.client_secret != app.credentials.client_secret {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", "the client id or the client secret is wrong");
    }
    let now = app.clock.now();
    let ttl = SignedDuration::try_from(app.token_ttl).unwrap_or(SignedDuration::MAX);
    let number = app.count("tokens".to_owned());
    // The time makes tokens of different sandboxes different, so that a token of one is refused by another.
    let token = format!("sandbox_{}_{number}", now.as_nanosecond());
    let mut tokens = app.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.retain(|_, expiry| *expiry > now);
    tokens.insert(token.clone(), now.saturating_add(ttl).unwrap_or(now));
    Json(json!({ "access_token": token, "token_type": "bearer", "expires_in": app.token_ttl.as_secs_f64().ceil() as u64 })).into_response()
}

/// Makes an error response of RFC 6749, section 5.2.
fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    (status, Json(json!({ "error": error, "error_description": description }))).into_response()
}
