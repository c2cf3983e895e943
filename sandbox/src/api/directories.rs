//! `/api/v1/organizations/{organization_id}/directories`.

use super::paging::{Params, Sizes};
use crate::environment::App;
use crate::error::Error;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};

type ListQuery = Result<Query<Params>, QueryRejection>;

/// Page sizes of users and of groups.
const SIZES: Sizes = Sizes { default: 10, smallest: 1, largest: 30 };

pub(super) async fn list(State(app): State<App>, Path(organization_id): Path<String>) -> Result<Json<Value>, Error> {
    let state = app.state();
    let organization = state.organization(&organization_id)?;
    let directories: Vec<Value> = organization
        .directories
        .iter()
        .filter_map(|id| state.directories.get(id))
        .map(|directory| directory.json())
        .collect();
    Ok(Json(json!({ "directories": directories })))
}

pub(super) async fn get(
    State(app): State<App>,
    Path((organization_id, id)): Path<(String, String)>,
) -> Result<Json<Value>, Error> {
    Ok(Json(json!({ "directory": app.state().directory(&organization_id, &id)?.json() })))
}

/// Handles `PATCH …/{id}:enable` and `PATCH …/{id}:disable`.
pub(super) async fn set_enabled(
    State(app): State<App>,
    Path((organization_id, id)): Path<(String, String)>,
) -> Result<Json<Value>, Error> {
    let (id, enabled) = match id.rsplit_once(':') {
        Some((id, "enable")) => (id, true),
        Some((id, "disable")) => (id, false),
        _ => return Err(Error::not_found("path")),
    };
    app.set_enabled(&organization_id, id, enabled).map(Json)
}

pub(super) async fn users(
    State(app): State<App>,
    Path((organization_id, directory_id)): Path<(String, String)>,
    query: ListQuery,
) -> Result<Json<Value>, Error> {
    let params = Params::read(query)?;
    let request = params.page_request(&format!("users {directory_id}"), SIZES)?;
    let (after, detail) = (params.updated_after()?, params.include_detail()?);
    let state = app.state();
    let directory = state.directory(&organization_id, &directory_id)?;
    let changed_user = |number: u64| {
        let user = directory.users.get(&number).filter(|user| after.is_none_or(|after| user.updated_at > after));
        user.map(|user| (number, user))
    };
    let (page, total) = match params.directory_group_id.as_deref().filter(|id| !id.is_empty()) {
        Some(group) => {
            // Like the vendor's API, this treats an unknown group as one without members, and not as an error.
            let members = directory
                .group_number(group)
                .and_then(|number| directory.members.get(&number))
                .cloned()
                .unwrap_or_default();
            let total = members.iter().filter(|number| changed_user(**number).is_some()).count();
            (request.select(|range| members.range(range).filter_map(|number| changed_user(*number))), total)
        }
        None => {
            // Without a filter, the number of users is known.
            let total = if after.is_none() {
                directory.users.len()
            } else {
                directory.users.keys().filter(|number| changed_user(**number).is_some()).count()
            };
            (
                request.select(|range| directory.users.range(range).filter_map(|(number, _)| changed_user(*number))),
                total,
            )
        }
    };
    let users: Vec<Value> = page.items.into_iter().map(|user| directory.user_json(user, detail)).collect();
    Ok(Json(json!({ "users": users, "total_size": total, "next_page_token": page.next, "prev_page_token": page.prev })))
}

pub(super) async fn groups(
    State(app): State<App>,
    Path((organization_id, directory_id)): Path<(String, String)>,
    query: ListQuery,
) -> Result<Json<Value>, Error> {
    let params = Params::read(query)?;
    let request = params.page_request(&format!("groups {directory_id}"), SIZES)?;
    let (after, detail) = (params.updated_after()?, params.include_detail()?);
    // The value is checked, but has no effect: all groups of a sandbox directory are synced.
    params.include_external_groups()?;
    let state = app.state();
    let directory = state.directory(&organization_id, &directory_id)?;
    let changed = |at| after.is_none_or(|after| at > after);
    let total = directory.groups.values().filter(|group| changed(group.updated_at)).count();
    let page = request.select(|range| {
        directory
            .groups
            .range(range)
            .filter(|(_, group)| changed(group.updated_at))
            .map(|(number, group)| (*number, (*number, group)))
    });
    let groups: Vec<Value> =
        page.items.into_iter().map(|(number, group)| directory.group_json(number, group, detail)).collect();
    Ok(Json(
        json!({ "groups": groups, "total_size": total, "next_page_token": page.next, "prev_page_token": page.prev }),
    ))
}
