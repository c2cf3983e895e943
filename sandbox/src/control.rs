//! The sandbox's own calls over HTTP, for programs in other languages. Nobody is asked who they are: it listens on loopback alone.

use crate::api::{App, created};
use crate::clock::parse_duration;
use crate::error::Error;
use crate::fault::Fault;
use crate::state::{NewGroup, NewUser, UserChange};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::PoisonError;

type Body<T> = Result<Json<T>, JsonRejection>;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/settings", get(settings))
        .route("/endpoints", post(register).delete(forget))
        .route("/deliveries", get(deliveries))
        .route("/requests", get(requests))
        .route("/advance", post(advance))
        .route("/fault", put(fault).delete(heal))
        .route("/users", post(create_user))
        .route("/users/{id}", patch(update_user).delete(delete_user))
        .route("/groups", post(create_group))
        .route("/groups/{id}", patch(update_group).delete(delete_group))
        .route("/groups/{group}/members/{user}", put(add_member).delete(remove_member))
}

fn read<T>(body: Body<T>) -> Result<T, Error> {
    body.map(|Json(body)| body).map_err(|error| Error::invalid(error.body_text()))
}

async fn settings(State(app): State<App>) -> Json<Value> {
    Json(app.settings.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[derive(Deserialize)]
struct Endpoint {
    url: String,
}

async fn register(State(app): State<App>, body: Body<Endpoint>) -> Result<StatusCode, Error> {
    app.outbox.register(&read(body)?.url);
    Ok(StatusCode::NO_CONTENT)
}

async fn forget(State(app): State<App>) -> StatusCode {
    app.outbox.forget_endpoints();
    StatusCode::NO_CONTENT
}

async fn deliveries(State(app): State<App>) -> Json<Value> {
    Json(json!({ "deliveries": app.outbox.deliveries() }))
}

async fn requests(State(app): State<App>) -> Json<Value> {
    Json(json!(app.requests()))
}

#[derive(Deserialize)]
struct Advance {
    by: String,
}

async fn advance(State(app): State<App>, body: Body<Advance>) -> Result<Json<Value>, Error> {
    let by = read(body)?.by;
    app.clock
        .advance(parse_duration(&by).ok_or_else(|| Error::invalid("by: expected a time such as 90s, 5m, 6h or 1d"))?);
    app.outbox.ring();
    Ok(Json(json!({ "now": app.clock.now() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultPlan {
    fault: Option<String>,
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default = "one")]
    every: u32,
}

fn one() -> u32 {
    1
}

async fn fault(State(app): State<App>, body: Body<FaultPlan>) -> Result<StatusCode, Error> {
    let plan = read(body)?;
    let faults: Vec<Fault> =
        plan.fault.iter().chain(&plan.faults).map(|text| text.parse()).collect::<Result<_, _>>()?;
    app.faults.set(faults, plan.every);
    Ok(StatusCode::NO_CONTENT)
}

async fn heal(State(app): State<App>) -> StatusCode {
    app.faults.set(Vec::new(), 1);
    StatusCode::NO_CONTENT
}

async fn create_user(State(app): State<App>, body: Body<NewUser>) -> Result<Response, Error> {
    let (user, happened) = app.state().create_user(read(body)?, app.clock.now())?;
    app.tell(happened);
    Ok(created(user))
}

async fn update_user(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Body<UserChange>,
) -> Result<Json<Value>, Error> {
    let (user, happened) = app.state().update_user(&id, read(body)?, app.clock.now())?;
    app.tell(happened);
    Ok(Json(user))
}

async fn delete_user(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let happened = app.state().delete_user(&id)?;
    app.tell(happened);
    Ok(StatusCode::NO_CONTENT)
}

async fn create_group(State(app): State<App>, body: Body<NewGroup>) -> Result<Response, Error> {
    let (group, happened) = app.state().create_group(read(body)?, app.clock.now())?;
    app.tell(happened);
    Ok(created(group))
}

#[derive(Deserialize)]
struct GroupChange {
    display_name: String,
}

async fn update_group(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Body<GroupChange>,
) -> Result<Json<Value>, Error> {
    let (group, happened) = app.state().update_group(&id, read(body)?.display_name, app.clock.now())?;
    app.tell(happened);
    Ok(Json(group))
}

async fn delete_group(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let happened = app.state().delete_group(&id)?;
    app.tell(happened);
    Ok(StatusCode::NO_CONTENT)
}

async fn add_member(State(app): State<App>, Path((group, user)): Path<(String, String)>) -> Result<StatusCode, Error> {
    let happened = app.state().set_member(&group, &user, true, app.clock.now())?;
    app.tell(happened);
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_member(
    State(app): State<App>,
    Path((group, user)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let happened = app.state().set_member(&group, &user, false, app.clock.now())?;
    app.tell(happened);
    Ok(StatusCode::NO_CONTENT)
}
