//! Webhooks in [axum](https://docs.rs/axum/0.8): a complete endpoint ([`receive`]) or an extractor ([`WebhookEvent`]).
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
//!     .route_service("/as-an-endpoint", receive(webhook, |event: Event| async move {
//!         println!("{} {}", event.type_(), event.id());
//!     }));
//! # let _ = app; Ok(()) }
//! ```
//!
//! If the application's state is an `Arc`, wrap the `Arc` in a type of the application, because Rust does not permit an application to implement
//! [`FromRef`] for an `Arc`. [`Error`] implements `IntoResponse`, so that a handler can return the errors of the mirror:
//!
//! ```
//! use axum::extract::{FromRef, State};
//! use axum::{Router, routing::post};
//! use headcount::axum::{Accepted, WebhookEvent};
//! use headcount::{Error, Mirror, Webhook};
//! use std::sync::Arc;
//!
//! struct App {
//!     webhook: Webhook,
//!     mirror: Mirror,
//! }
//!
//! #[derive(Clone)]
//! struct Shared(Arc<App>);
//!
//! impl FromRef<Shared> for Webhook {
//!     fn from_ref(shared: &Shared) -> Webhook {
//!         shared.0.webhook.clone()
//!     }
//! }
//!
//! async fn changed(State(Shared(app)): State<Shared>, WebhookEvent(event): WebhookEvent) -> Result<Accepted, Error> {
//!     app.mirror.apply(&event).await?;
//!     Ok(Accepted)
//! }
//!
//! # async fn build(webhook: Webhook) -> headcount::Result<()> {
//! let mirror = Mirror::builder().webhook(webhook.clone()).open(":memory:").await?;
//! let shared = Shared(Arc::new(App { webhook, mirror }));
//! let app: Router = Router::new().route("/webhook", post(changed)).with_state(shared);
//! # let _ = app; Ok(()) }
//! ```
//!
//! Answers have no body: 201 for an event that was handled, 400 for a request whose signature is not valid, 413 for a body larger than
//! [`Webhook::max_body`], and 405 for any method except POST. Why a signature is not valid is not part of the answer, because it would
//! help an attacker; it is logged by `tracing` as a warning with the target `headcount`.
//!
//! # Other readers of the body
//!
//! The signature is that of the request's bytes. A handler has at most one extractor that reads the body, as its last argument, so this does not
//! compile:
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
//! A middleware that reads the body has to pass on the same bytes, not the parsed value serialized again.

use crate::webhook::verifier::log_refusal;
use crate::webhook::{Replay, ReplayGuard};
use crate::{Error, ErrorKind, Event, Reason, Webhook};
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

/// Extractor for the event of a verified request.
///
/// The verifier is the [`Webhook`] in the router's state: the state itself, or a part of it by [`FromRef`]. At most [`Webhook::max_body`]
/// bytes of the body are read; axum's own limit (`DefaultBodyLimit`) does not apply.
///
/// # Errors
///
/// [`Refused`], which is also the answer.
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

/// The answer to an event that was handled: 201, which acknowledges it to the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted;

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        StatusCode::CREATED.into_response()
    }
}

/// The answer to a refused request: a status without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(StatusCode);

impl Refused {
    /// Returns the status: 400, 405 or 413.
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

/// The answer to an error of a call in a handler: 400 if the error is that a webhook was refused, such as an event whose data does not match its
/// type; 500 for any other error, so that the vendor delivers the event again. It has no body, and the error is not logged.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let refused = self.kind() == ErrorKind::WebhookVerification;
        let status = if refused { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
        status.into_response()
    }
}

/// Makes a complete endpoint for `Router::route_service`: it verifies each request, passes its event to `handler`, and answers.
///
/// `handler` returns a response, as every handler does. If that is a success (`()`, `Ok(())`), the answer is 201 without a body. Otherwise
/// (`Err(StatusCode::INTERNAL_SERVER_ERROR)`, or an error type of the application) it is the answer, and the vendor delivers the event again.
pub fn receive<H, F>(webhook: Webhook, handler: H) -> Receive<H>
where
    H: Fn(Event) -> F + Send + Sync + 'static,
    F: Future<Output: IntoResponse> + Send + 'static,
{
    Receive { webhook, handler: Arc::new(handler), guard: None }
}

/// An endpoint; made by [`receive`]. Clones are cheap.
///
/// The future of a request may be dropped, as servers do when the connection ends: the handler's future is then dropped as well, and the replay guard
/// records the message only if the handler has answered 2xx.
pub struct Receive<H> {
    webhook: Webhook,
    handler: Arc<H>,
    guard: Option<ReplayGuard>,
}

impl<H> Receive<H> {
    /// Sets a replay guard: a message that was handled already is answered with 201, without a call of the handler. A message is recorded after
    /// its handler has answered 2xx, so that one whose handler failed is handled when it is delivered again. If the guard fails, or keeps ids
    /// for less than twice the verifier's tolerance ([`ReplayGuard::check_tolerance`]), the answer is 500 and the vendor delivers the message
    /// again.
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
    /// Verifies the request, checks the replay guard, calls the handler and records the message.
    async fn answer(&self, request: Request) -> Response {
        let event = match read(&self.webhook, request).await {
            Ok(event) => event,
            Err(refused) => return refused.into_response(),
        };
        if let Some(guard) = &self.guard {
            let checked = event.clone();
            let webhook = self.webhook.clone();
            let check = move |guard: &ReplayGuard| guard.check_tolerance(&webhook).and_then(|()| guard.check(&checked));
            match in_background(guard, check).await {
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
            && let Err(answer) = in_background(guard, move |guard| guard.commit(&event)).await
        {
            return answer.into_response();
        }
        Accepted.into_response()
    }
}

/// Calls the guard on a thread that may block, because its store can be a file or a server.
async fn in_background<T: Send + 'static>(
    guard: &ReplayGuard,
    call: impl FnOnce(&ReplayGuard) -> crate::Result<T> + Send + 'static,
) -> Result<T, StatusCode> {
    let guard = guard.clone();
    let result = tokio::task::spawn_blocking(move || crate::error::catch_panic(|| call(&guard))).await;
    result.unwrap_or_else(|_| Err(Error::internal("the runtime ended"))).map_err(|error| {
        tracing::warn!(target: "headcount", "a webhook's replay guard failed, so the message was not accepted: {error}");
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

/// Reads the body of a request and verifies it.
async fn read(webhook: &Webhook, request: Request) -> Result<Event, Refused> {
    if request.method() != Method::POST {
        return Err(Refused(StatusCode::METHOD_NOT_ALLOWED));
    }
    let (head, body) = request.into_parts();
    let limit = webhook.max_body();
    // The declared length is checked before any of the body is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let body = Limited::new(body, limit).collect().await.map_err(|error| unread(error.as_ref()))?.to_bytes();
    webhook.verify(&head.headers, &body).map_err(|error| {
        log_refusal(&error);
        Refused(match error.reason() {
            Some(Reason::BodyTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        })
    })
}

/// Returns the answer to a body that could not be read to its end: 413 if it exceeds this limit or that of an outer layer, otherwise 400.
fn unread(error: &(dyn std::error::Error + 'static)) -> Refused {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    Refused(match causes.any(|cause| cause.is::<LengthLimitError>()) {
        true => StatusCode::PAYLOAD_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    })
}
