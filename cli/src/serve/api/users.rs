//! Who is mirrored: users, groups and directories.

use super::super::answer::{Items, Json, Path, Problem, Query};
use super::super::app::App;
use super::super::schemas;
use super::routes::{Api, cursor_of, limit_of, moment};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use headcount::mirror::{DirectoryStatus, ExportFormat, MirrorDirectory, MirrorGroup};
use headcount::{MirrorUser, Timestamp};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

pub(super) fn add(api: Api) -> Api {
    api.read(__path_status, status)
        .read(__path_directories, directories)
        .read(__path_users, users)
        .read(__path_users_by_email, users_by_email)
        .read(__path_user, user)
        .write(__path_link, link)
        .write(__path_unlink, unlink)
        .write(__path_protect, protect)
        .write(__path_unprotect, unprotect)
        .read(__path_groups, groups)
        .read(__path_group, group)
        .read(__path_export, export)
}

/// Read how up to date each directory is
#[utoipa::path(get, path = "/v1/status", tag = "directories", responses((status = 200, description = "The directories, by their ids, with their open holds", body = Items<schemas::DirectoryStatus>)))]
async fn status(State(app): State<Arc<App>>) -> Result<Json<Items<DirectoryStatus>>, Problem> {
    Ok(Json(Items::all(app.mirror.status().await?)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfOrganization {
    /// Id of the organization; without it, all
    organization_id: Option<String>,
}

/// List directories
#[utoipa::path(get, path = "/v1/directories", tag = "directories", params(OfOrganization), responses((status = 200, description = "The directories, by their ids", body = Items<schemas::MirrorDirectory>)))]
async fn directories(
    State(app): State<Arc<App>>,
    Query(query): Query<OfOrganization>,
) -> Result<Json<Items<MirrorDirectory>>, Problem> {
    Ok(Json(Items::all(app.mirror.directories(query.organization_id.as_deref()).await?)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// Id of the organization
    organization_id: String,
    /// Only users of this directory
    directory_id: Option<String>,
    /// Only members of this group
    group_id: Option<String>,
    /// Only users who have this role
    role: Option<String>,
    /// The value of `next` in the answer before
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    /// The greatest number of users, from 1 to 500
    #[param(default = 100, minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List the users of an organization, in the order in which they were first mirrored
#[utoipa::path(get, path = "/v1/users", tag = "users", params(UsersQuery), responses((status = 200, description = "A part of the users", body = Items<schemas::MirrorUser>)))]
async fn users(
    State(app): State<Arc<App>>,
    Query(query): Query<UsersQuery>,
) -> Result<Json<Items<MirrorUser>>, Problem> {
    let users = app.mirror.users(&query.organization_id).directory(query.directory_id.as_deref());
    let users = users.group(query.group_id.as_deref()).role(query.role.as_deref());
    let mut users = users.after(cursor_of(query.after.as_deref())?).page_size(limit_of(query.limit)?);
    let page = users.next_page().await?;
    Ok(Json(Items::page(page, users.cursor())))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EmailQuery {
    /// The address; upper and lower case are the same
    email: String,
    /// Only users of this organization
    organization_id: Option<String>,
}

/// Find users by an email address, in all organizations or in one
#[utoipa::path(get, path = "/v1/users-by-email", tag = "users", params(EmailQuery), responses((status = 200, description = "The users who have the address", body = Items<schemas::MirrorUser>)))]
async fn users_by_email(
    State(app): State<Arc<App>>,
    Query(query): Query<EmailQuery>,
) -> Result<Json<Items<MirrorUser>>, Problem> {
    let mut users = app.mirror.find_users(&query.email).await?;
    users.retain(|user| query.organization_id.as_ref().is_none_or(|id| *id == user.organization_id));
    Ok(Json(Items::all(users)))
}

/// Read a user
#[utoipa::path(get, path = "/v1/users/{id}", tag = "users", params(("id" = String, Path, description = "Id of the user (`diruser_…`)")), responses((status = 200, description = "The user", body = schemas::MirrorUser)))]
async fn user(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<MirrorUser>, Problem> {
    app.mirror.user(&id).await?.map(Json).ok_or_else(no_user)
}

fn no_user() -> Problem {
    Problem::not_found("no user with this id is mirrored")
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Link {
    /// The application's id of the user's account
    linked_id: String,
}

/// Store the application's account id of a user
///
/// It comes with every later change of the user, so that the application need not look it up.
#[utoipa::path(put, path = "/v1/users/{id}/link", tag = "users", params(("id" = String, Path, description = "Id of the user")), request_body = Link, responses((status = 204, description = "It is stored")))]
async fn link(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(link): Json<Link>,
) -> Result<StatusCode, Problem> {
    known(&app, &id).await?;
    app.mirror.link(&id, Some(&link.linked_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the application's account id of a user
#[utoipa::path(delete, path = "/v1/users/{id}/link", tag = "users", params(("id" = String, Path, description = "Id of the user")), responses((status = 204, description = "It is removed")))]
async fn unlink(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    known(&app, &id).await?;
    app.mirror.link(&id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Protection {
    /// Why, such as `last admin`
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Protect a user: a loss of access is held until it is approved
#[utoipa::path(put, path = "/v1/users/{id}/protection", tag = "users", params(("id" = String, Path, description = "Id of the user")), request_body = Protection, responses((status = 204, description = "The user is protected")))]
async fn protect(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(protection): Json<Protection>,
) -> Result<StatusCode, Problem> {
    known(&app, &id).await?;
    app.mirror.protect(&id, &protection.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End the protection of a user
#[utoipa::path(delete, path = "/v1/users/{id}/protection", tag = "users", params(("id" = String, Path, description = "Id of the user")), responses((status = 204, description = "The user is not protected")))]
async fn unprotect(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    known(&app, &id).await?;
    app.mirror.unprotect(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that a user is mirrored, so that the answer is 404 if not.
async fn known(app: &App, id: &str) -> Result<(), Problem> {
    app.mirror.user(id).await?.map(drop).ok_or_else(no_user)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GroupsQuery {
    /// Id of the organization
    organization_id: String,
    /// Only groups of this directory
    directory_id: Option<String>,
}

/// List the groups of an organization
#[utoipa::path(get, path = "/v1/groups", tag = "groups", params(GroupsQuery), responses((status = 200, description = "The groups", body = Items<schemas::MirrorGroup>)))]
async fn groups(
    State(app): State<Arc<App>>,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<Items<MirrorGroup>>, Problem> {
    Ok(Json(Items::all(app.mirror.groups(&query.organization_id, query.directory_id.as_deref()).await?)))
}

/// Read a group
#[utoipa::path(get, path = "/v1/groups/{id}", tag = "groups", params(("id" = String, Path, description = "Id of the group (`dirgroup_…`)")), responses((status = 200, description = "The group", body = schemas::MirrorGroup)))]
async fn group(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<MirrorGroup>, Problem> {
    let group = app.mirror.group(&id).await?;
    group.map(Json).ok_or_else(|| Problem::not_found("no group with this id is mirrored"))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Id of the organization
    organization_id: String,
    /// The format
    #[param(inline)]
    format: Format,
    /// The users of a past time: RFC 3339, or a date
    #[serde(default, deserialize_with = "moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Csv,
    Ndjson,
}

/// Export the users of an organization as CSV or NDJSON
///
/// The answer is written while it is read from the mirror. If that fails, the connection is closed before the end of the answer.
#[utoipa::path(get, path = "/v1/export", tag = "users", params(ExportQuery), responses((status = 200, description = "The users", content((String = "text/csv"), (String = "application/x-ndjson")))))]
async fn export(State(app): State<Arc<App>>, Query(query): Query<ExportQuery>) -> Result<Response, Problem> {
    let users = match query.at {
        Some(at) => app.mirror.at(at, &query.organization_id),
        None => app.mirror.users(&query.organization_id),
    };
    let (format, content_type) = match query.format {
        Format::Csv => (ExportFormat::Csv, "text/csv; charset=utf-8"),
        Format::Ndjson => (ExportFormat::Ndjson, "application/x-ndjson"),
    };
    let mut export = users.export(format);
    // The first piece is read before the answer begins, so that an error has a status.
    let first = export.next().await?.unwrap_or_default();
    let rest = export.stream().map_err(|error| {
        tracing::warn!(target: "headcount", "an export ended early: {error}");
        error
    });
    let pieces = futures_util::StreamExt::chain(futures_util::stream::iter([Ok(first)]), rest);
    Ok(([(CONTENT_TYPE, content_type)], Body::from_stream(pieces)).into_response())
}
