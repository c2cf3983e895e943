//! The service: webhooks, syncs on a schedule, a JSON API, metrics and the page.
//!
//! `settings` has the options, which come from flags, the environment and a file, and `app` what the handlers of requests share. `listener` accepts connections. `access` checks where a request comes from (`sender`) and
//! what its token permits; `tokens` has the tokens and `limit` counts wrong ones. `webhooks`, `health` and `metrics` answer their requests, `counters` counts, `api` has the JSON API with its
//! OpenAPI document, whose schemas of records `schemas` names, and `answer` what the answers of the API have in common. `schedule` syncs. `session` signs in to the page, which is in
//! [`crate::page`].

mod access;
mod answer;
mod api;
mod app;
mod counters;
mod health;
mod limit;
mod listener;
mod metrics;
mod schedule;
mod schemas;
mod sender;
mod session;
mod settings;
mod tokens;
mod webhooks;

pub(crate) use api::document;
pub(crate) use settings::{Given, Settings};

use crate::failure::Failure;
use crate::output::Output;
use crate::page;
use app::App;
use axum::{Router, middleware};
use counters::Metrics;
use headcount::{Mirror, Webhook};
use limit::WrongTokens;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How many pages of changes are read at a time.
const PAGES: usize = 1;

/// Serves until `ending` is cancelled. Then it accepts no more requests, and waits until those that were accepted are answered and a running sync has ended, but no
/// longer than the settings say.
///
/// # Errors
///
/// If the address is in use or cannot be used, or the certificate cannot be read.
pub(crate) async fn serve(
    output: &Output,
    settings: Settings,
    mirror: Mirror,
    webhook: Option<Webhook>,
    ending: CancellationToken,
) -> Result<(), Failure> {
    let tls = settings.tls.as_ref().map(listener::acceptor).transpose()?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        Failure::new(format!(
            "{} cannot be listened on: {error}: choose another address with --listen",
            settings.listen
        ))
    })?;
    let address = listener.local_addr()?;
    let app = Arc::new(App {
        mirror,
        webhook,
        has_client: settings.has_client,
        tokens: settings.tokens,
        wrong_tokens: WrongTokens::new(settings.wrong_tokens),
        hosts: allowed_hosts(settings.hosts, address),
        is_https: tls.is_some(),
        metrics: Metrics::new(),
        pages: Semaphore::new(PAGES),
        ending: ending.clone(),
    });
    announce(output, &app, address, settings.sync_every)?;
    let schedule = settings.sync_every.map(|every| tokio::spawn(schedule::run(Arc::clone(&app), every)));
    let router = router(Arc::clone(&app));
    let served = listener::serve(listener, router, tls, Arc::clone(&app), settings.shutdown_timeout);
    served.await;
    if let Some(schedule) = schedule {
        // The sync of the schedule has had the same time to end as the requests.
        if tokio::time::timeout(settings.shutdown_timeout, schedule).await.is_err() {
            output.note("a sync did not end in time: it ends now, and the next one continues");
        }
    }
    output.note("ended");
    Ok(())
}

/// Writes where the service is, and what it does.
fn announce(output: &Output, app: &App, address: SocketAddr, sync_every: Option<Duration>) -> Result<(), Failure> {
    let url = format!("{}://{address}", if app.is_https { "https" } else { "http" });
    match output.is_json() {
        true => output.json(&json!({ "url": url }))?,
        false => output.line(&format!("listening on {url}"))?,
    }
    output.finish()?;
    if app.webhook.is_none() {
        output.note("webhooks are refused: set SCALEKIT_WEBHOOK_SECRET to take them at /webhooks");
    }
    match sync_every {
        Some(every) => {
            output.note(&format!("syncs every {} s, while no other process of the mirror does", every.as_secs()))
        }
        None => output.note("no syncs on a schedule: --sync-every is off"),
    }
    if app.tokens.is_open() {
        output.note("no token is set: every program on this machine may read and write");
    }
    Ok(())
}

/// Returns the names that the `Host` header may have. An address that only this machine can reach has no other names, and a page of another site that makes its
/// own name resolve to it (DNS rebinding) is refused.
fn allowed_hosts(given: Vec<String>, address: SocketAddr) -> Vec<String> {
    if given.is_empty() && address.ip().is_loopback() {
        return ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
    }
    given.into_iter().map(|host| host.to_ascii_lowercase()).collect()
}

fn router(app: Arc<App>) -> Router {
    let page = page::router(app.mirror.clone()).merge(session::router().with_state(Arc::clone(&app)));
    let page = page.layer(middleware::from_fn_with_state(Arc::clone(&app), access::to_page));
    Router::new()
        .merge(webhooks::router())
        .merge(health::router())
        .merge(metrics::router(&app))
        .merge(api::router(&app))
        .merge(session::public_router())
        .with_state(Arc::clone(&app))
        .merge(page::assets())
        .merge(page)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), access::to_host))
        .layer(middleware::from_fn_with_state(app, metrics::count))
}
