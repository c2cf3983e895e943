//! Losses of access that the guard holds, and decisions about them.

use super::super::answer::{Items, Json, Path, Problem, Query};
use super::super::app::App;
use super::super::schemas;
use super::routes::{Api, cursor_of, limit_of};
use axum::extract::State;
use headcount::mirror::{Hold, MirrorUsers};
use headcount::{ErrorKind, MirrorUser};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

pub(super) fn add(api: Api) -> Api {
    api.read(__path_holds, holds)
        .read(__path_hold_users, hold_users)
        .write(__path_approve, approve)
        .write(__path_dismiss, dismiss)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HoldsQuery {
    /// Only holds of this organization
    organization_id: Option<String>,
    /// Only holds of this directory
    directory_id: Option<String>,
}

/// List the open holds
#[utoipa::path(get, path = "/v1/holds", tag = "holds", params(HoldsQuery), responses((status = 200, description = "The open holds", body = Items<schemas::Hold>)))]
async fn holds(State(app): State<Arc<App>>, Query(query): Query<HoldsQuery>) -> Result<Json<Items<Hold>>, Problem> {
    let mut holds = match &query.organization_id {
        Some(organization) => app.mirror.holds(organization, query.directory_id.as_deref()).await?,
        None => app.mirror.status().await?.into_iter().flat_map(|status| status.holds).collect(),
    };
    holds.retain(|hold| query.directory_id.as_ref().is_none_or(|id| *id == hold.directory_id));
    Ok(Json(Items::all(holds)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The value of `next` in the answer before
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    /// The greatest number of users, from 1 to 500
    #[param(default = 100, minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List the users that a hold names
#[utoipa::path(get, path = "/v1/holds/{id}/users", tag = "holds", params(("id" = String, Path, description = "Id of the hold (`hold_…`)"), Page), responses((status = 200, description = "A part of the users; none if no open hold has this id", body = Items<schemas::MirrorUser>)))]
async fn hold_users(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<Page>,
) -> Result<Json<Items<MirrorUser>>, Problem> {
    let users = users_of(&app, &id)?.after(cursor_of(query.after.as_deref())?);
    let mut users = users.page_size(limit_of(query.limit)?);
    let page = users.next_page().await?;
    let next = users.cursor();
    Ok(Json(Items::page(page, next)))
}

/// Returns the users of a hold. A text that is no id of a hold is the id of none.
fn users_of(app: &App, id: &str) -> Result<MirrorUsers, Problem> {
    app.mirror.hold_users(id).map_err(|error| match error.kind() {
        ErrorKind::InvalidArgument => Problem::not_found(error.message()),
        _ => Problem::from(error),
    })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// Who decides, at most 200 bytes
    #[schema(min_length = 1, max_length = 200)]
    by: String,
    /// Why, at most 2,000 bytes
    #[serde(default)]
    #[schema(max_length = 2000)]
    note: String,
}

#[derive(Serialize, ToSchema)]
struct Decided {
    /// The number of users whom the decision is about
    users: u64,
}

/// Approve a hold: exactly the users that it names lose access
#[utoipa::path(post, path = "/v1/holds/{id}/approve", tag = "holds", params(("id" = String, Path, description = "Id of the hold as it was read: users who were added later stay held")), request_body = Decision, responses((status = 200, description = "The losses of access are applied", body = Decided)))]
async fn approve(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(decision): Json<Decision>,
) -> Result<Json<Decided>, Problem> {
    users_of(&app, &id)?;
    Ok(Json(Decided { users: app.mirror.approve(&id, &decision.by, &decision.note).await? }))
}

/// Dismiss a hold: its users stay as they are, until a later listing or event says otherwise
#[utoipa::path(post, path = "/v1/holds/{id}/dismiss", tag = "holds", params(("id" = String, Path, description = "Id of the hold as it was read")), request_body = Decision, responses((status = 200, description = "The hold is dismissed", body = Decided)))]
async fn dismiss(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(decision): Json<Decision>,
) -> Result<Json<Decided>, Problem> {
    users_of(&app, &id)?;
    Ok(Json(Decided { users: app.mirror.dismiss(&id, &decision.by, &decision.note).await? }))
}
