//! The feed of changes: consumers read it with long polling, and acknowledge what they have handled.

use super::super::answer::{Items, Json, Path, Problem, Query};
use super::super::app::App;
use super::super::schemas;
use super::routes::{Api, limit_of};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use headcount::mirror::{Consumer, ParkedChange};
use headcount::{Change, ErrorKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// The longest wait for a change, in seconds.
const LONGEST_WAIT: u64 = 60;

pub(super) fn add(api: Api) -> Api {
    api.read(__path_consumers, consumers)
        .write(__path_drop_consumer, drop_consumer)
        .write(__path_changes, changes)
        .write(__path_acknowledge, acknowledge)
        .write(__path_start_from_snapshot, start_from_snapshot)
        .read(__path_parked, parked)
        .write(__path_park, park)
        .write(__path_drop_parked, drop_parked)
}

/// List consumers
#[utoipa::path(get, path = "/v1/consumers", tag = "feed", responses((status = 200, description = "The consumers, with how far they are", body = Items<schemas::Consumer>)))]
async fn consumers(State(app): State<Arc<App>>) -> Result<Json<Items<Consumer>>, Problem> {
    Ok(Json(Items::all(app.mirror.consumers().await?)))
}

/// Remove a consumer, so that the changes that it has not acknowledged are no longer kept for it
#[utoipa::path(delete, path = "/v1/consumers/{name}", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200)), responses((status = 204, description = "It is removed")))]
async fn drop_consumer(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    match app.mirror.drop_consumer(&name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("there is no consumer of this name")),
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// Only changes after this number: for a client that reads on before it has acknowledged
    after: Option<i64>,
    /// The greatest number of changes, from 1 to 500
    #[param(default = 100, minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// How many seconds to wait for a change if there is none, up to 60
    #[param(default = 0, minimum = 0, maximum = 60)]
    wait: Option<u64>,
}

/// Read the next changes of a consumer, and wait for them
///
/// The changes that the consumer has not acknowledged, oldest first. A new consumer starts with the feed's oldest change. One client at a time reads the changes of a
/// consumer: two get the same changes. After `wait` seconds without a change the answer has no items.
#[utoipa::path(get, path = "/v1/consumers/{name}/changes", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200), ChangesQuery), responses((status = 200, description = "The next changes", body = Items<schemas::Change>)))]
async fn changes(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(query): Query<ChangesQuery>,
) -> Result<Response, Problem> {
    let limit = limit_of(query.limit)?;
    let wait = query.wait.unwrap_or_default();
    if wait > LONGEST_WAIT {
        return Err(Problem::invalid(format!("wait: expected 0 to {LONGEST_WAIT} seconds, got {wait}")));
    }
    if let Some(page) = page(&app, &name, query.after, limit).await? {
        return Ok(page);
    }
    let waiting = app.mirror.wait_after(&name, query.after, 1, Some(Duration::from_secs(wait)));
    // A service that ends answers at once, so that its clients go on with another process.
    let first = app.ending.run_until_cancelled(waiting).await.unwrap_or_else(|| Ok(Vec::new()))?;
    let page = if first.is_empty() { None } else { page(&app, &name, query.after, limit).await? };
    Ok(page.unwrap_or_else(|| Json(Items::<Change>::all(Vec::new())).into_response()))
}

/// Reads and writes a page of changes, or returns `None` if there are none. Many clients can wait for the same change, and each of them has its turn, so that answers to
/// webhooks do not wait for the pages of all of them.
async fn page(app: &App, name: &str, after: Option<i64>, limit: usize) -> headcount::Result<Option<Response>> {
    let _turn = app.pages.acquire().await;
    let changes = app.mirror.poll_after(name, after, limit).await?;
    Ok((!changes.is_empty()).then(|| Json(Items::all(changes)).into_response()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    /// The number of the last change that was handled
    seq: i64,
}

/// Acknowledge all changes up to a number: the consumer does not get them again
///
/// It can be repeated, and a smaller number has no effect.
#[utoipa::path(post, path = "/v1/consumers/{name}/acknowledgement", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200)), request_body = Acknowledgement, responses((status = 204, description = "It is stored")))]
async fn acknowledge(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(acknowledgement): Json<Acknowledgement>,
) -> Result<StatusCode, Problem> {
    let acknowledged = app.mirror.ack(&name, acknowledgement.seq).await;
    or_unknown(&app, &name, acknowledged).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start a consumer again with the current groups and users: once, if its next change is no longer kept (410)
#[utoipa::path(post, path = "/v1/consumers/{name}/snapshot", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200)), responses((status = 204, description = "The next changes are those of a snapshot")))]
async fn start_from_snapshot(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    app.mirror.start_from_snapshot(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the changes that a consumer has parked
#[utoipa::path(get, path = "/v1/consumers/{name}/parked", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200)), responses((status = 200, description = "The parked changes", body = Items<schemas::ParkedChange>)))]
async fn parked(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Items<ParkedChange>>, Problem> {
    Ok(Json(Items::all(app.mirror.parked_changes(&name).await?)))
}

#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Park {
    /// The number of the change, which is the consumer's next one
    seq: i64,
    /// Why it could not be handled
    reason: String,
}

/// Park a change that cannot be handled, and acknowledge all changes up to it
#[utoipa::path(post, path = "/v1/consumers/{name}/parked", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200)), request_body = Park, responses((status = 204, description = "It is parked")))]
async fn park(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(park): Json<Park>,
) -> Result<StatusCode, Problem> {
    let parked = app.mirror.park(&name, park.seq, &park.reason).await;
    or_unknown(&app, &name, parked).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the answer 404 if a call failed because there is no consumer of this name, and otherwise 409 if it failed because of where the consumer is in the feed.
async fn or_unknown<T>(app: &App, name: &str, result: headcount::Result<T>) -> Result<T, Problem> {
    match result {
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            let is_known = app.mirror.consumers().await?.iter().any(|consumer| consumer.name == name);
            let status = if is_known { StatusCode::CONFLICT } else { StatusCode::NOT_FOUND };
            let kind = if is_known { ErrorKind::InvalidArgument } else { ErrorKind::NotFound };
            Err(Problem::new(status, kind, error.message()))
        }
        result => Ok(result?),
    }
}

/// Remove a parked change that was handled
#[utoipa::path(delete, path = "/v1/consumers/{name}/parked/{seq}", tag = "feed", params(("name" = String, Path, description = "Name of the consumer", min_length = 1, max_length = 200), ("seq" = i64, Path, description = "The number of the change")), responses((status = 204, description = "It is removed")))]
async fn drop_parked(
    State(app): State<Arc<App>>,
    Path((name, seq)): Path<(String, i64)>,
) -> Result<StatusCode, Problem> {
    match app.mirror.drop_parked(&name, seq).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("the consumer has no parked change of this number")),
    }
}
