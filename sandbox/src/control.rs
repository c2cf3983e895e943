//! The control API, `/sandbox/…`: changes and reads the data of a sandbox over HTTP, for programs in other languages.
//!
//! It needs no token, because the sandbox listens on loopback only and refuses requests of web pages (see `local`).

use crate::body::{Body, created, read};
use crate::environment::App;
use crate::error::Error;
use crate::input::{Advance, Endpoint, FaultPlan};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::PoisonError;

/// Makes the router of the control API, without the prefix `/sandbox`.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/settings", get(settings))
        .route("/endpoints", post(register_endpoint).delete(remove_endpoints))
        .route("/deliveries", get(deliveries))
        .route("/requests", get(requests))
        .route("/advance", post(advance))
        .route("/fault", put(set_faults).delete(clear_faults))
        .route("/users", post(create_user))
        .route("/users/{id}", patch(update_user).delete(delete_user))
        .route("/groups", post(create_group))
        .route("/groups/{id}", patch(update_group).delete(delete_group))
        .route("/groups/{group}/members/{user}", put(add_member).delete(remove_member))
}

async fn settings(State(app): State<App>) -> Json<Value> {
    Json(app.settings.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn register_endpoint(State(app): State<App>, body: Body) -> Result<StatusCode, Error> {
    let Endpoint { url } = read(body)?;
    app.outbox.register(&url)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_endpoints(State(app): State<App>) -> StatusCode {
    app.outbox.remove_endpoints();
    StatusCode::NO_CONTENT
}

async fn deliveries(State(app): State<App>) -> Json<Value> {
    Json(json!({ "deliveries": app.outbox.deliveries() }))
}

async fn requests(State(app): State<App>) -> Json<Value> {
    Json(json!(app.requests()))
}

async fn advance(State(app): State<App>, body: Body) -> Result<Json<Value>, Error> {
    let Advance { by } = read(body)?;
    app.clock.advance(by);
    app.outbox.wake();
    Ok(Json(json!({ "now": app.clock.now() })))
}

async fn set_faults(State(app): State<App>, body: Body) -> Result<StatusCode, Error> {
    let plan: FaultPlan = read(body)?;
    app.faults.set(plan.parse()?, plan.every);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(app): State<App>) -> StatusCode {
    app.faults.set(Vec::new(), 1);
    StatusCode::NO_CONTENT
}

async fn create_user(State(app): State<App>, body: Body) -> Result<Response, Error> {
    let (user, event) = app.state().create_user(read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(created(user))
}

async fn update_user(State(app): State<App>, Path(id): Path<String>, body: Body) -> Result<Json<Value>, Error> {
    let (user, event) = app.state().update_user(&id, read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(Json(user))
}

async fn delete_user(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let event = app.state().delete_user(&id)?;
    app.publish(event);
    Ok(StatusCode::NO_CONTENT)
}

async fn create_group(State(app): State<App>, body: Body) -> Result<Response, Error> {
    let (group, event) = app.state().create_group(read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(created(group))
}

async fn update_group(State(app): State<App>, Path(id): Path<String>, body: Body) -> Result<Json<Value>, Error> {
    let (group, event) = app.state().update_group(&id, read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(Json(group))
}

async fn delete_group(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let event = app.state().delete_group(&id)?;
    app.publish(event);
    Ok(StatusCode::NO_CONTENT)
}

async fn add_member(State(app): State<App>, Path((group, user)): Path<(String, String)>) -> Result<StatusCode, Error> {
    let event = app.state().set_member(&group, &user, true, app.clock.now())?;
    app.publish(event);
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_member(
    State(app): State<App>,
    Path((group, user)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let event = app.state().set_member(&group, &user, false, app.clock.now())?;
    app.publish(event);
    Ok(StatusCode::NO_CONTENT)
}
