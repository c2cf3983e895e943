//! `POST /oauth/token`: the client-credentials grant (RFC 6749, 4.4).

use super::App;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use std::sync::PoisonError;

#[derive(Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

pub(super) async fn grant(State(app): State<App>, form: Result<Form<Ask>, FormRejection>) -> Response {
    let Ok(Form(ask)) = form else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "expected a form");
    };
    if ask.grant_type != "client_credentials" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", "expected client_credentials");
    }
    if ask.client_id != app.credentials.client_id || ask.client_secret != app.credentials.client_secret {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", "the client id or the client secret is wrong");
    }
    let now = app.clock.now();
    let ttl = SignedDuration::try_from(app.token_ttl).unwrap_or(SignedDuration::MAX);
    let number = app.count("tokens".to_owned());
    // Different in every sandbox, so that a token of one means nothing to another.
    let token = format!("sandbox_{}_{number}", now.as_nanosecond());
    let mut tokens = app.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.retain(|_, ends| *ends > now);
    tokens.insert(token.clone(), now.saturating_add(ttl).unwrap_or(now));
    Json(json!({ "access_token": token, "token_type": "bearer", "expires_in": app.token_ttl.as_secs_f64().ceil() as u64 })).into_response()
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    (status, Json(json!({ "error": error, "error_description": description }))).into_response()
}
