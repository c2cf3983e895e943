//! Writes what the service has counted and the numbers of the mirror as OpenMetrics text.

use super::access::to_api;
use super::answer::Problem;
use super::app::App;
use super::tokens::Scope;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use headcount::mirror::{METRICS_CONTENT_TYPE, MetricsOptions};
use std::sync::Arc;
use tokio::time::Instant;

/// The end of a text, which comes once.
const END: &str = "# EOF\n";

pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let shared = Arc::clone(app);
    let access = middleware::from_fn(move |request: Request, next: Next| {
        to_api(Arc::clone(&shared), Scope::Read, request, next)
    });
    Router::new().route("/metrics", get(show).layer(access))
}

async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let mut text = app.mirror.metrics(MetricsOptions::default()).await?;
    if text.ends_with(END) {
        text.truncate(text.len() - END.len());
    }
    app.metrics.write(&mut text);
    Ok(([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], text).into_response())
}

/// Counts a request.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    app.metrics.count_request(route, response.status().as_str().to_owned(), started.elapsed());
    response
}
