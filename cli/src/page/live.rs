//! Tells browsers that something changed, with server-sent events.

use super::viewer::{State, Viewer};
use super::watcher::{Source, Watcher};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, extract};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// After this, a browser has to connect again, which its `EventSource` does by itself. Its session may have ended in the meantime.
const LONGEST: Duration = Duration::from_secs(600);

/// How often an idle connection gets a comment, so that proxies do not close it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends an event `changed` whenever something has changed, until the browser closes the connection.
///
/// If the server adds a `CancellationToken` to the request, the connection ends when it is cancelled, so that the server does not wait for it when it shuts down.
pub(super) async fn stream(
    _: Viewer,
    extract::State(state): extract::State<State>,
    ending: Option<Extension<CancellationToken>>,
) -> Response {
    let ending = ending.map(|Extension(ending)| ending).unwrap_or_default();
    news(&state.watcher, ending)
}

/// Makes a response that reports what a watcher sees, until the browser closes the connection or `ending` is cancelled.
pub(super) fn news<S: Source>(watcher: &Arc<Watcher<S>>, ending: CancellationToken) -> Response {
    let Some(receiver) = watcher.listen() else {
        let wait = [(header::RETRY_AFTER, HeaderValue::from_static("60"))];
        return (StatusCode::SERVICE_UNAVAILABLE, wait, "too many browsers are listening").into_response();
    };
    let ends = Instant::now() + LONGEST;
    // The first event tells the script that the connection works.
    let first = Event::default().event("hello").data("1");
    let events = stream::unfold((receiver, Some(first), ending), move |(mut receiver, first, ending)| async move {
        if let Some(first) = first {
            return Some((Ok::<Event, Infallible>(first), (receiver, None, ending)));
        }
        // An error means that the task has ended.
        let news = ending.run_until_cancelled(tokio::time::timeout_at(ends, receiver.changed()));
        news.await?.ok()?.ok()?;
        let number = *receiver.borrow_and_update();
        Some((Ok(Event::default().event("changed").data(number.to_string())), (receiver, None, ending)))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx would collect the events otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
