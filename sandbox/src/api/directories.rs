//! `/api/v1/organizations/{organization_id}/directories`.

use super::App;
use super::paging::Params;
use crate::error::Error;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};

type Ask = Result<Query<Params>, QueryRejection>;

/// The sizes of pages of users and of groups: the default, the smallest and the largest.
const SIZES: (usize, usize, usize) = (10, 1, 30);

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

/// `PATCH …/{id}:enable` and `…/{id}:disable`.
pub(super) async fn toggle(
    State(app): State<App>,
    Path((organization_id, id)): Path<(String, String)>,
) -> Result<Json<Value>, Error> {
    let (id, enabled) = match id.rsplit_once(':') {
        Some((id, "enable")) => (id, true),
        Some((id, "disable")) => (id, false),
        _ => return Err(Error::not_found("path")),
    };
    let (answer, happened) = app.state().toggle(&organization_id, id, enabled, app.clock.now())?;
    if let Some(happened) = happened {
        app.tell(happened);
    }
    Ok(Json(answer))
}

pub(super) async fn users(
    State(app): State<App>,
    Path((organization_id, directory_id)): Path<(String, String)>,
    query: Ask,
) -> Result<Json<Value>, Error> {
    let params = Params::read(query)?;
    let page = params.page(&format!("users {directory_id}"), SIZES.0, SIZES.1, SIZES.2)?;
    let (after, detail) = (params.updated_after()?, params.include_detail()?);
    let state = app.state();
    let directory = state.directory(&organization_id, &directory_id)?;
    let changed = |number: u64| {
        directory
            .users
            .get(&number)
            .filter(|user| after.is_none_or(|after| user.updated_at > after))
            .map(|user| (number, user))
    };
    let (cut, total) = match params.directory_group_id.as_deref().filter(|id| !id.is_empty()) {
        Some(group) => {
            // A group that does not exist has no members.
            let members = directory
                .group_number(group)
                .and_then(|number| directory.members.get(&number))
                .cloned()
                .unwrap_or_default();
            let total = members.iter().filter(|number| changed(**number).is_some()).count();
            (page.cut(|range| members.range(range).filter_map(|number| changed(*number))), total)
        }
        None => {
            let total = if after.is_none() {
                directory.users.len()
            } else {
                directory.users.keys().filter(|number| changed(**number).is_some()).count()
            };
            (page.cut(|range| directory.users.range(range).filter_map(|(number, _)| changed(*number))), total)
        }
    };
    let users: Vec<Value> = cut.items.into_iter().map(|user| directory.user_json(user, detail)).collect();
    Ok(Json(json!({ "users": users, "total_size": total, "next_page_token": cut.next, "prev_page_token": cut.prev })))
}

pub(super) async fn groups(
    State(app): State<App>,
    Path((organization_id, directory_id)): Path<(String, String)>,
    query: Ask,
) -> Result<Json<Value>, Error> {
    let params = Params::read(query)?;
    let page = params.page(&format!("groups {directory_id}"), SIZES.0, SIZES.1, SIZES.2)?;
    let (after, detail) = (params.updated_after()?, params.include_detail()?);
    // There is no provider behind the sandbox whose other groups it could list.
    params.include_external_groups()?;
    let state = app.state();
    let directory = state.directory(&organization_id, &directory_id)?;
    let changed = |at| after.is_none_or(|after| at > after);
    let total = directory.groups.values().filter(|group| changed(group.updated_at)).count();
    let cut = page.cut(|range| {
        directory
            .groups
            .range(range)
            .filter(|(_, group)| changed(group.updated_at))
            .map(|(number, group)| (*number, (*number, group)))
    });
    let groups: Vec<Value> =
        cut.items.into_iter().map(|(number, group)| directory.group_json(number, group, detail)).collect();
    Ok(Json(json!({ "groups": groups, "total_size": total, "next_page_token": cut.next, "prev_page_token": cut.prev })))
}
