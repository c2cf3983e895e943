//! Webhook endpoints in axum: the ready-made endpoint, and a handler with the extractor. Reads `SCALEKIT_WEBHOOK_SECRET` and `PORT`.
#![allow(clippy::print_stdout, reason = "the program's output")]

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use headcount::axum::{Accepted, WebhookEvent, receive};
use headcount::{Event, Webhook};
use serde_json::Value;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let webhook = Webhook::from_env()?;
    let mut app = Router::new()
        .route("/webhooks/extracted", post(extracted))
        .with_state(webhook.clone())
        .route_service("/webhooks/scalekit", receive(webhook, handle));
    if std::env::var_os("AFTER_A_PARSER").is_some() {
        app = app.layer(from_fn(parse));
    }
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}/webhooks/scalekit", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn handle(event: Event) -> Result<(), StatusCode> {
    let data: Value = event.data().decode().unwrap_or_default();
    // Simulates a failed handler: the request is answered with 500.
    if data["id"] == "fail" {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    println!("{} {}", event.type_(), event.id());
    Ok(())
}

/// Does the same in a handler of axum, which may have other extractors before the event.
async fn extracted(WebhookEvent(event): WebhookEvent) -> Result<Accepted, StatusCode> {
    handle(event).await?;
    Ok(Accepted)
}

/// A middleware that parses the body before the endpoint reads it, and passes on the unchanged bytes.
async fn parse(request: Request, next: Next) -> Result<Response, StatusCode> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, 5 << 20).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let _parsed = Json::<Value>::from_bytes(&bytes);
    Ok(next.run(Request::from_parts(head, Body::from(bytes))).await)
}
