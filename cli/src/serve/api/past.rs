//! What happened: the history, why somebody has or lost access, syncs and received events.

use super::super::answer::{Items, Json, Path, Problem, Query};
use super::super::app::App;
use super::super::schemas;
use super::routes::{Api, cursor_of, limit_of, moment};
use axum::extract::State;
use headcount::Timestamp;
use headcount::mirror::{EventQuery, Explanation, History, HistoryEntry, ReceivedEvent, Run, RunQuery};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

pub(super) fn add(api: Api) -> Api {
    api.read(__path_history, history)
        .read(__path_history_of_user, history_of_user)
        .read(__path_history_of_group, history_of_group)
        .read(__path_explanation, explanation)
        .read(__path_runs, runs)
        .read(__path_events, events)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// Only changes at this time or later: RFC 3339, or a date
    #[serde(default, deserialize_with = "moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only changes before this time
    #[serde(default, deserialize_with = "moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The value of `next` in the answer before
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfOrganization {
    /// Only changes in this organization
    organization_id: Option<String>,
    /// Only changes at this time or later: RFC 3339, or a date
    #[serde(default, deserialize_with = "moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only changes before this time
    #[serde(default, deserialize_with = "moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The value of `next` in the answer before
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
}

/// Read what changed, when and because of what, oldest first
#[utoipa::path(get, path = "/v1/history", tag = "history", params(OfOrganization), responses((status = 200, description = "A part of the history", body = Items<schemas::HistoryEntry>)))]
async fn history(
    State(app): State<Arc<App>>,
    Query(query): Query<OfOrganization>,
) -> Result<Json<Items<HistoryEntry>>, Problem> {
    let OfOrganization { organization_id, since, until, after } = query;
    let history = app.mirror.history().organization(organization_id.as_deref());
    page_of(history, HistoryQuery { since, until, after }).await
}

/// Read what changed about a user
#[utoipa::path(get, path = "/v1/users/{id}/history", tag = "history", params(("id" = String, Path, description = "Id of the user, who may have been removed"), HistoryQuery), responses((status = 200, description = "A part of the user's history, oldest first", body = Items<schemas::HistoryEntry>)))]
async fn history_of_user(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Items<HistoryEntry>>, Problem> {
    page_of(app.mirror.history().user(id.as_str()), query).await
}

/// Read what changed about a group: who joined and left it is in the history of the users
#[utoipa::path(get, path = "/v1/groups/{id}/history", tag = "history", params(("id" = String, Path, description = "Id of the group, which may have been deleted"), HistoryQuery), responses((status = 200, description = "A part of the group's history, oldest first", body = Items<schemas::HistoryEntry>)))]
async fn history_of_group(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Items<HistoryEntry>>, Problem> {
    page_of(app.mirror.history().group(id.as_str()), query).await
}

async fn page_of(history: History, query: HistoryQuery) -> Result<Json<Items<HistoryEntry>>, Problem> {
    let history = history.since(query.since).until(query.until);
    let mut history = history.after(cursor_of(query.after.as_deref())?);
    let page = history.next_page().await?;
    Ok(Json(Items::page(page, history.cursor())))
}

/// Explain why a user has or lost access
#[utoipa::path(get, path = "/v1/users/{id}/explanation", tag = "history", params(("id" = String, Path, description = "Id of the user, who may have been removed")), responses((status = 200, description = "The user's state, roles and newest changes, and why", body = schemas::Explanation)))]
async fn explanation(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Explanation>, Problem> {
    Ok(Json(app.mirror.explain(&id).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunsQuery {
    /// Only syncs of this organization
    organization_id: Option<String>,
    /// Only syncs of this directory
    directory_id: Option<String>,
    /// The value of `next` in the answer before
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    /// The greatest number of syncs, from 1 to 500
    #[param(default = 100, minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List past syncs, newest first
#[utoipa::path(get, path = "/v1/runs", tag = "history", params(RunsQuery), responses((status = 200, description = "A part of the syncs", body = Items<schemas::Run>)))]
async fn runs(State(app): State<Arc<App>>, Query(query): Query<RunsQuery>) -> Result<Json<Items<Run>>, Problem> {
    let limit = limit_of(query.limit)?;
    let wanted = RunQuery {
        organization_id: query.organization_id,
        directory_id: query.directory_id,
        before: cursor_of(query.after.as_deref())?,
        limit,
        ..RunQuery::default()
    };
    Ok(Json(Items::numbered(app.mirror.runs(wanted).await?, limit, |run| run.number)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Only events of this organization
    organization_id: Option<String>,
    /// Only events about the user, group, directory or organization with this id
    subject_id: Option<String>,
    /// The value of `next` in the answer before
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    /// The greatest number of events, from 1 to 500
    #[param(default = 100, minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List received events, newest first
#[utoipa::path(get, path = "/v1/events", tag = "history", params(EventsQuery), responses((status = 200, description = "A part of the events", body = Items<schemas::ReceivedEvent>)))]
async fn events(
    State(app): State<Arc<App>>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Items<ReceivedEvent>>, Problem> {
    let limit = limit_of(query.limit)?;
    let wanted = EventQuery {
        organization_id: query.organization_id,
        subject_id: query.subject_id,
        before: cursor_of(query.after.as_deref())?,
        limit,
        ..EventQuery::default()
    };
    Ok(Json(Items::numbered(app.mirror.events(wanted).await?, limit, |event| event.number)))
}
