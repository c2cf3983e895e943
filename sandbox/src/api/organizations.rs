//! `/api/v1/organizations`.

use super::paging::{Params, Sizes};
use crate::body::{Body, created, read};
use crate::environment::App;
use crate::error::Error;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::PoisonError;

/// The contract says "must be between 10 and 100", but the vendor's quickstart asks for 5. A size out of range is therefore replaced
/// by the nearest one in range, not refused.
const SIZES: Sizes = Sizes { default: 10, smallest: 10, largest: 100 };

pub(super) async fn list(
    State(app): State<App>,
    query: Result<Query<Params>, QueryRejection>,
) -> Result<Json<Value>, Error> {
    let params = Params::read(query)?;
    let request = params.page_request("organizations", SIZES)?;
    let state = app.state();
    let wanted = params.external_id.as_deref().filter(|external_id| !external_id.is_empty());
    let matches = |external_id: &str| wanted.is_none_or(|wanted| wanted == external_id);
    let total = match wanted {
        None => state.organizations.len(),
        Some(_) => state.organizations.values().filter(|organization| matches(&organization.external_id)).count(),
    };
    let page = request.select(|range| {
        let rows = state.organizations.range(range).map(|(number, organization)| (*number, organization));
        rows.filter(|(_, organization)| matches(&organization.external_id))
    });
    let organizations: Vec<Value> = page.items.into_iter().map(|organization| organization.json()).collect();
    Ok(Json(
        json!({ "organizations": organizations, "total_size": total, "next_page_token": page.next, "prev_page_token": page.prev }),
    ))
}

pub(super) async fn create(State(app): State<App>, body: Body) -> Result<Response, Error> {
    let (organization, event) = app.state().create_organization(read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(created(json!({ "organization": organization })))
}

pub(super) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(json!({ "organization": app.state().organization(&id)?.json() })))
}

pub(super) async fn get_by_external_id(
    State(app): State<App>,
    Path(external_id): Path<String>,
) -> Result<Json<Value>, Error> {
    let state = app.state();
    let organization = state.organizations.values().find(|organization| organization.external_id == external_id);
    Ok(Json(json!({ "organization": organization.ok_or_else(|| Error::not_found("organization"))?.json() })))
}

pub(super) async fn update(State(app): State<App>, Path(id): Path<String>, body: Body) -> Result<Json<Value>, Error> {
    let (organization, event) = app.state().update_organization(&id, read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(Json(json!({ "organization": organization })))
}

pub(super) async fn update_settings(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Error> {
    let (organization, event) = app.state().update_settings(&id, read(body)?, app.clock.now())?;
    app.publish(event);
    Ok(Json(json!({ "organization": organization })))
}

pub(super) async fn generate_portal_link(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Value>, Error> {
    let Query(query) = query.map_err(|_| Error::invalid("the query is malformed"))?;
    let features: Vec<_> = query.into_iter().filter(|(name, _)| name == "features").map(|(_, value)| value).collect();
    let (link, expire_time) = app.state().create_portal_link(&id, &features, app.clock.now())?;
    let root = app.settings.lock().unwrap_or_else(PoisonError::into_inner)["environment_url"].clone();
    let location = format!("{}/portal/{link}", root.as_str().unwrap_or_default());
    Ok(Json(json!({ "link": { "id": link, "location": location, "expire_time": expire_time } })))
}

/// Answers the browser that opens a portal link.
pub(super) async fn open_portal_link(State(app): State<App>, Path(link): Path<String>) -> Result<String, Error> {
    let name = app.state().open_portal_link(&link, app.clock.now())?;
    Ok(format!("Admin portal of {name}. The sandbox does not have the portal's pages.\n"))
}

pub(super) async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    let event = app.state().delete_organization(&id, app.clock.now())?;
    app.publish(event);
    Ok(Json(json!({})))
}
