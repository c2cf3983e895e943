//! Webhooks in [axum](https://docs.rs/axum/0.8): a whole endpoint ([`receive`]), or an extractor ([`WebhookEvent`]).
//!
//! ```
//! use axum::{Router, routing::post};
//! use headcount::axum::{Accepted, WebhookEvent, receive};
//! use headcount::{Event, Webhook};
//!
//! async fn hired(WebhookEvent(event): WebhookEvent) -> Accepted {
//!     println!("{} {}", event.type_(), event.id());
//!     Accepted
//! }
//!
//! # fn main() -> headcount::Result<()> {
//! let webhook = Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])?;
//! let app: Router = Router::new()
//!     .route("/as-an-extractor", post(hired))
//!     .with_state(webhook.clone())
//!     .route_service("/as-a-whole", receive(webhook, |event: Event| async move {
//!         println!("{} {}", event.type_(), event.id());
//!     }));
//! # let _ = app; Ok(()) }
//! ```
//!
//! What is answered: 201 to an event that was handled, 400 to what was not signed as it should be, 413 to a body over
//! [`Webhook::max_body`], 405 to any method but POST; a status and nothing else, so that whoever tries signatures out learns
//! nothing. The reason is logged by `tracing` at INFO under the target `headcount`.
//!
//! # Behind what reads bodies
//!
//! The signature is over the request's own bytes. A handler cannot take them from under it: what reads the body stands last among
//! a handler's arguments, and there is room for one. So this does not compile:
//!
//! ```compile_fail
//! use axum::{Json, Router, routing::post};
//! use headcount::axum::{Accepted, WebhookEvent};
//!
//! async fn both(Json(parsed): Json<serde_json::Value>, WebhookEvent(event): WebhookEvent) -> Accepted {
//!     Accepted
//! }
//! let app: Router<headcount::Webhook> = Router::new().route("/", post(both));
//! ```
//!
//! A middleware that reads the body passes a request on, and has to make it a body again: from the bytes that it read, not from what
//! it parsed.

use crate::{Error, Event, Reason, Replay, ReplayGuard, Webhook};
use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// The event of a verified request, as an extractor.
///
/// The verifier is the [`Webhook`] in the router's state: the state itself, or a part of it by [`FromRef`]. No more of the body is read
/// than [`Webhook::max_body`]; axum's own limit (`DefaultBodyLimit`) does not count here.
///
/// # Errors
///
/// [`Refused`], which is an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent(pub Event);

impl<S> FromRequest<S> for WebhookEvent
where
    Webhook: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<WebhookEvent, Refused> {
        read(&Webhook::from_ref(state), request).await.map(WebhookEvent)
    }
}

/// The answer to an event that was handled: 201, which the vendor takes for an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted;

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        StatusCode::CREATED.into_response()
    }
}

/// The answer to a request that is refused: a status and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(StatusCode);

impl Refused {
    /// 400, 405 or 413.
    pub fn status(&self) -> StatusCode {
        self.0
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        if self.0 == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request was refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// A whole endpoint, for `Router::route_service`: verifies each request, gives its event to `handler`, and answers.
///
/// What `handler` gives is a response as any handler's: where it is a success (`()`, `Ok(())`) the answer is 201 without a body, and where it
/// is none (`Err(StatusCode::INTERNAL_SERVER_ERROR)`, an error type of your own) it is the answer, and the vendor delivers the event again.
pub fn receive<H, F>(webhook: Webhook, handler: H) -> Receive<H>
where
    H: Fn(Event) -> F + Send + Sync + 'static,
    F: Future<Output: IntoResponse> + Send + 'static,
{
    Receive { webhook, handler: Arc::new(handler), guard: None }
}

/// The endpoint that [`receive`] makes. Cheap to clone.
pub struct Receive<H> {
    webhook: Webhook,
    handler: Arc<H>,
    guard: Option<ReplayGuard>,
}

impl<H> Receive<H> {
    /// Answers 201 to a message that was handled already, without calling the handler. A message is recorded after its handler has succeeded:
    /// one whose handler failed is handled when it comes again. Where the guard fails the answer is 500, and the vendor tries again.
    pub fn replay_guard(mut self, guard: ReplayGuard) -> Self {
        self.guard = Some(guard);
        self
    }
}

impl<H, F> Service<Request> for Receive<H>
where
    H: Fn(Event) -> F + Send + Sync + 'static,
    F: Future<Output: IntoResponse> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let endpoint = self.clone();
        Box::pin(async move { Ok(endpoint.answer(request).await) })
    }
}

impl<H, F> Receive<H>
where
    H: Fn(Event) -> F,
    F: Future<Output: IntoResponse>,
{
    /// Verifies, asks the guard, handles, records.
    async fn answer(&self, request: Request) -> Response {
        let event = match read(&self.webhook, request).await {
            Ok(event) => event,
            Err(refused) => return refused.into_response(),
        };
        if let Some(guard) = &self.guard {
            let asked = event.clone();
            match apart(guard, move |guard| guard.check(&asked)).await {
                Ok(Replay::First) => {}
                Ok(Replay::Again) => return Accepted.into_response(),
                Err(answer) => return answer.into_response(),
            }
        }
        let answer = (self.handler)(event.clone()).await.into_response();
        if !answer.status().is_success() {
            return answer;
        }
        if let Some(guard) = &self.guard
            && let Err(answer) = apart(guard, move |guard| guard.commit(&event)).await
        {
            return answer.into_response();
        }
        Accepted.into_response()
    }
}

/// Asks the guard on a thread that may wait: its store may be a file, or a server.
async fn apart<T: Send + 'static>(
    guard: &ReplayGuard,
    ask: impl FnOnce(&ReplayGuard) -> crate::Result<T> + Send + 'static,
) -> Result<T, StatusCode> {
    let guard = guard.clone();
    let asked = tokio::task::spawn_blocking(move || crate::catch_panic(|| ask(&guard))).await;
    asked.unwrap_or_else(|_| Err(Error::internal("the runtime ended"))).map_err(|error| {
        tracing::warn!(target: "headcount", "a webhook's replay guard failed, and the message is to come again: {error}");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

impl<H> Clone for Receive<H> {
    fn clone(&self) -> Self {
        Receive { webhook: self.webhook.clone(), handler: Arc::clone(&self.handler), guard: self.guard.clone() }
    }
}

impl<H> fmt::Debug for Receive<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receive").field("webhook", &self.webhook).field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// The event of a request.
async fn read(webhook: &Webhook, request: Request) -> Result<Event, Refused> {
    if request.method() != Method::POST {
        return Err(Refused(StatusCode::METHOD_NOT_ALLOWED));
    }
    let (head, body) = request.into_parts();
    let limit = webhook.max_body();
    // By the length that was declared, before any of it is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let body = Limited::new(body, limit).collect().await.map_err(|error| unread(error.as_ref()))?.to_bytes();
    webhook.verify(&head.headers, &body).map_err(|error| {
        tracing::info!(target: "headcount", reason = error.reason().map(Reason::name), "a webhook was refused: {error}");
        Refused(match error.reason() {
            Some(Reason::BodyTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        })
    })
}

/// Why a body could not be read to its end: it is longer than this limit, or than one that was set outside of it; or it broke off.
fn unread(error: &(dyn std::error::Error + 'static)) -> Refused {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    Refused(match causes.any(|cause| cause.is::<LengthLimitError>()) {
        true => StatusCode::PAYLOAD_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    })
}
