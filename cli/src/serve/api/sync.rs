//! Syncs and plans.

use super::super::answer::{Items, Json, Path, Problem};
use super::super::app::App;
use super::super::schemas;
use super::routes::Api;
use axum::extract::State;
use axum::http::StatusCode;
use headcount::mirror::{Hold, SyncBuilder, SyncMode, SyncReport};
use headcount::{Change, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// The number of planned changes that the answer has if the request does not say.
const CHANGES: usize = 100;
/// The greatest number of planned changes in an answer.
const MOST: usize = 1_000;

pub(super) fn add(api: Api) -> Api {
    api.write(__path_sync_all, sync_all).write(__path_sync, sync).read(__path_plan, plan)
}

/// Which users and groups are listed: `auto`, `full` or `incremental`
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Auto,
    Full,
    Incremental,
}

impl From<Mode> for SyncMode {
    fn from(mode: Mode) -> SyncMode {
        match mode {
            Mode::Auto => SyncMode::Auto,
            Mode::Full => SyncMode::Full,
            Mode::Incremental => SyncMode::Incremental,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncAllRequest {
    #[serde(default)]
    #[schema(inline)]
    mode: Mode,
}

/// Sync all directories of the environment, and wait for the end
///
/// A directory that another process is syncing is left out, with the outcome `already_running`. If the connection ends before the answer, the sync ends as well: what it
/// has written stays.
#[utoipa::path(post, path = "/v1/sync", tag = "syncs", request_body = SyncAllRequest, responses((status = 200, description = "The reports, one for each directory", body = Items<schemas::SyncReport>)))]
async fn sync_all(
    State(app): State<Arc<App>>,
    Json(request): Json<SyncAllRequest>,
) -> Result<Json<Items<SyncReport>>, Problem> {
    needs_client(&app)?;
    reports(app.mirror.sync_all(), request.mode).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncRequest {
    /// Id of the directory; without it, all of the organization
    #[schema(min_length = 1)]
    directory_id: Option<String>,
    #[serde(default)]
    #[schema(inline)]
    mode: Mode,
}

/// Sync the directories of an organization, and wait for the end
///
/// As `/v1/sync`.
#[utoipa::path(post, path = "/v1/organizations/{id}/sync", tag = "syncs", params(("id" = String, Path, description = "Id of the organization (`org_…`)")), request_body = SyncRequest, responses((status = 200, description = "The reports, one for each directory", body = Items<schemas::SyncReport>)))]
async fn sync(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(request): Json<SyncRequest>,
) -> Result<Json<Items<SyncReport>>, Problem> {
    needs_client(&app)?;
    reports(app.mirror.sync(&id).directory(request.directory_id.as_deref()), request.mode).await
}

async fn reports(sync: SyncBuilder, mode: Mode) -> Result<Json<Items<SyncReport>>, Problem> {
    Ok(Json(Items::all(sync.mode(mode.into()).wait(false).reports().await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlanRequest {
    /// Id of the directory; without it, all of the organization
    #[schema(min_length = 1)]
    directory_id: Option<String>,
    #[serde(default)]
    #[schema(inline)]
    mode: Mode,
    /// The greatest number of changes in the answer, up to 1,000; default: 100
    #[schema(minimum = 0, maximum = 1000)]
    limit: Option<usize>,
}

/// What a sync would do.
#[derive(Serialize, ToSchema)]
struct Planned {
    /// How the sync would end: see the outcomes of syncs
    outcome: String,
    /// The number of changes of each kind
    counts: BTreeMap<String, u64>,
    /// Losses of access that would be held
    #[schema(value_type = Vec<schemas::Hold>)]
    holds: Vec<Hold>,
    /// Why the listing would not be applied as a whole; null if it would
    incomplete: Option<String>,
    /// The first changes
    #[schema(value_type = Vec<schemas::Change>)]
    changes: Vec<Change>,
    /// Whether there are more changes
    has_more: bool,
}

/// Plan a sync: what would it change? It lists the directory, and changes nothing
#[utoipa::path(post, path = "/v1/organizations/{id}/plan", tag = "syncs", params(("id" = String, Path, description = "Id of the organization (`org_…`)")), request_body = PlanRequest, responses((status = 200, description = "What a sync would change", body = Planned)))]
async fn plan(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(request): Json<PlanRequest>,
) -> Result<Json<Planned>, Problem> {
    needs_client(&app)?;
    let limit = request.limit.unwrap_or(CHANGES);
    if limit > MOST {
        return Err(Problem::invalid(format!("limit: expected at most {MOST}, got {limit}")));
    }
    let plan = app.mirror.plan(&id).directory(request.directory_id.as_deref());
    let plan = plan.mode(request.mode.into()).await?;
    let (mut planned, mut changes) = (plan.changes(), Vec::new());
    while changes.len() <= limit
        && let Some(change) = planned.next().await?
    {
        changes.push(change);
    }
    let has_more = changes.len() > limit;
    changes.truncate(limit);
    let answer = Planned {
        outcome: plan.outcome().to_string(),
        counts: plan.counts().iter().map(|(kind, count)| (kind.to_string(), *count)).collect(),
        holds: plan.holds().cloned().collect(),
        incomplete: plan.incomplete().map(str::to_owned),
        changes,
        has_more,
    };
    plan.close().await?;
    Ok(Json(answer))
}

fn needs_client(app: &App) -> Result<(), Problem> {
    match app.has_client {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::CONFLICT,
            ErrorKind::Config,
            "the service has no account of the API: set SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET",
        )),
    }
}
