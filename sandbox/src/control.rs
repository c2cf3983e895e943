//! The control API, `/sandbox/…`: changes and reads the data of a sandbox over HTTP, for programs in other languages.
//!
//! It needs no token, because the sandbox listens on loopback only and refuses requests of web pages (see `local`).

use crate::body::{Body, created, read};
use crate::environment::App;
use crate::error::Error;
use crate::input::{Advance, Endpoint, FaultPlan, MassLeave, WebhookSettings};
use crate::views::{FaultView, GroupView, UserQuery, UserView};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

/// Number of users that a listing has if the request names no other one.
const USERS: usize = 100;

/// Makes the router of the control API, without the prefix `/sandbox`.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/settings", get(settings))
        .route("/endpoints", get(endpoints).post(register_endpoint).delete(remove_endpoints))
        .route("/webhooks", get(webhooks).put(set_webhooks))
        .route("/deliveries", get(deliveries))
        .route("/deliveries/{message_id}", get(delivery))
        .route("/deliveries/{message_id}/again", post(send_again))
        .route("/requests", get(requests))
        .route("/clock", get(clock))
        .route("/advance", post(advance))
        .route("/fault", get(faults).put(set_faults).delete(clear_faults))
        .route("/directories", get(directories))
        .route("/directories/{id}/users", get(users))
        .route("/directories/{id}/groups", get(groups))
        .route("/directories/{id}/leave", post(mass_leave))
        .route("/users", post(create_user))
        .route("/users/{id}", get(user).patch(update_user).delete(delete_user))
        .route("/groups", post(create_group))
        .route("/groups/{id}", get(group).patch(update_group).delete(delete_group))
        .route("/groups/{group}/members/{user}", put(add_member).delete(remove_member))
}

/// Which endpoint to remove; all of them without a URL.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointQuery {
    url: Option<String>,
}

/// Which users of a directory to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    search: String,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

/// Reads the parameters of a request.
fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Error> {
    let Query(query) = query.map_err(|error| Error::invalid(error.body_text()))?;
    Ok(query)
}

async fn settings(State(app): State<App>) -> Json<Value> {
    Json(app.settings())
}

// ---- webhooks ----------------------------------------------------------------------------------------------------------------

async fn endpoints(State(app): State<App>) -> Json<Value> {
    Json(json!({ "endpoints": app.endpoints() }))
}

async fn register_endpoint(State(app): State<App>, body: Body) -> Result<StatusCode, Error> {
    let Endpoint { url } = read(body)?;
    app.register_endpoint(&url)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_endpoints(
    State(app): State<App>,
    parameters: Result<Query<EndpointQuery>, QueryRejection>,
) -> Result<StatusCode, Error> {
    match query(parameters)?.url {
        Some(url) => app.remove_endpoint(&url)?,
        None => app.outbox.remove_endpoints(),
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn webhooks(State(app): State<App>) -> Json<Value> {
    Json(json!({ "delay_seconds": app.webhook_delay().as_secs_f64() }))
}

async fn set_webhooks(State(app): State<App>, body: Body) -> Result<StatusCode, Error> {
    let WebhookSettings { delay } = read(body)?;
    app.delay_webhooks(delay);
    Ok(StatusCode::NO_CONTENT)
}

async fn deliveries(State(app): State<App>) -> Json<Value> {
    Json(json!({ "deliveries": app.outbox.deliveries() }))
}

async fn delivery(State(app): State<App>, Path(message_id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(json!(app.delivery(&message_id)?)))
}

async fn send_again(State(app): State<App>, Path(message_id): Path<String>) -> Result<StatusCode, Error> {
    app.send_again(&message_id)?;
    Ok(StatusCode::NO_CONTENT)
}

// ---- the API and the clock ---------------------------------------------------------------------------------------------------

async fn requests(State(app): State<App>) -> Json<Value> {
    Json(json!(app.requests()))
}

async fn clock(State(app): State<App>) -> Json<Value> {
    Json(json!({ "now": app.now() }))
}

async fn advance(State(app): State<App>, body: Body) -> Result<Json<Value>, Error> {
    let Advance { by } = read(body)?;
    app.advance(by);
    Ok(Json(json!({ "now": app.now() })))
}

async fn faults(State(app): State<App>) -> Json<FaultView> {
    Json(app.fault_plan())
}

async fn set_faults(State(app): State<App>, body: Body) -> Result<StatusCode, Error> {
    let plan: FaultPlan = read(body)?;
    app.set_faults(&plan)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(app): State<App>) -> StatusCode {
    app.clear_faults();
    StatusCode::NO_CONTENT
}

// ---- directories, users and groups -------------------------------------------------------------------------------------------

async fn directories(State(app): State<App>) -> Json<Value> {
    Json(json!({ "directories": app.directories() }))
}

async fn users(
    State(app): State<App>,
    Path(id): Path<String>,
    parameters: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Value>, Error> {
    let Listing { search, offset, limit } = query(parameters)?;
    let (users, total) = app.users(&UserQuery {
        directory_id: Some(id),
        search,
        offset,
        limit: limit.unwrap_or(USERS),
        ..UserQuery::default()
    })?;
    Ok(Json(json!({ "users": users, "total": total })))
}

async fn groups(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(json!({ "groups": app.groups(&id)? })))
}

async fn mass_leave(State(app): State<App>, Path(id): Path<String>, body: Body) -> Result<Json<Value>, Error> {
    let MassLeave { percent } = read(body)?;
    Ok(Json(json!({ "users": app.mass_leave(&id, percent)? })))
}

async fn user(State(app): State<App>, Path(id): Path<String>) -> Result<Json<UserView>, Error> {
    app.user(&id).map(Json)
}

async fn create_user(State(app): State<App>, body: Body) -> Result<Response, Error> {
    Ok(created(app.create_user(read(body)?)?))
}

async fn update_user(State(app): State<App>, Path(id): Path<String>, body: Body) -> Result<Json<Value>, Error> {
    app.update_user(&id, read(body)?).map(Json)
}

async fn delete_user(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    app.delete_user(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn group(State(app): State<App>, Path(id): Path<String>) -> Result<Json<GroupView>, Error> {
    app.group(&id).map(Json)
}

async fn create_group(State(app): State<App>, body: Body) -> Result<Response, Error> {
    Ok(created(app.create_group(read(body)?)?))
}

async fn update_group(State(app): State<App>, Path(id): Path<String>, body: Body) -> Result<Json<Value>, Error> {
    app.update_group(&id, read(body)?).map(Json)
}

async fn delete_group(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    app.delete_group(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_member(State(app): State<App>, Path((group, user)): Path<(String, String)>) -> Result<StatusCode, Error> {
    app.set_member(&group, &user, true)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_member(
    State(app): State<App>,
    Path((group, user)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    app.set_member(&group, &user, false)?;
    Ok(StatusCode::NO_CONTENT)
}
