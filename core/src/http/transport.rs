//! Sending: one call, as many attempts as the policy, the budget and the deadline allow.

use super::answer;
use super::cancel::Cancel;
use super::connect;
use super::limit::Limit;
use super::observe::{Activity, ActivityKind, Observers, Stats, count};
use super::retry::Budget;
use super::settings::{Account, CallOptions, Settings};
use super::token::{self, Grant, Tokens};
use crate::{Error, ErrorKind, ErrorStatus, Result};
use http::{Method, header};
use serde::de::DeserializeOwned;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

/// What to ask the server, before it is a request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Below the environment's root, percent-encoded.
    pub(crate) path: String,
    /// The same with names in the place of ids.
    pub(crate) route: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<String>,
    /// What errors say was being done.
    pub(crate) operation: &'static str,
    /// The ids that errors name.
    pub(crate) context: Vec<(&'static str, String)>,
}

impl Call {
    fn exchange(&self) -> Exchange<'_> {
        Exchange { operation: self.operation, method: &self.method, route: &self.route }
    }
}

/// What logs say about a request.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    operation: &'static str,
    method: &'a Method,
    route: &'a str,
}

impl Exchange<'static> {
    pub(super) const TOKEN: Exchange<'static> =
        Exchange { operation: "fetch token", method: &Method::POST, route: "/oauth/token" };
}

impl<'a> Exchange<'a> {
    pub(super) fn activity(self, kind: ActivityKind, attempt: u32) -> Activity<'a> {
        Activity {
            kind,
            operation: self.operation,
            method: self.method,
            route: self.route,
            attempt,
            status: None,
            error: None,
            wait: None,
            elapsed: Duration::ZERO,
            bytes: 0,
        }
    }
}

/// How long a call may take, and how often it may be tried.
#[derive(Clone, Copy)]
struct Bounds {
    timeout: Duration,
    deadline: Instant,
    max_attempts: u32,
    /// Whether asking twice does what asking once does (RFC 9110, 9.2.2).
    idempotent: bool,
}

/// One attempt of a call.
#[derive(Clone, Copy)]
struct Attempt {
    number: u32,
    until: Instant,
    /// Whether an attempt before this one may have done what was asked without saying so.
    doubtful: bool,
}

/// A connection pool, a token and the manners to go with them. What runs for nobody any more ends with it.
pub(crate) struct Http(Arc<Inner>);

impl Drop for Http {
    fn drop(&mut self) {
        self.0.tokens.stop();
    }
}

pub(super) struct Inner {
    account: Account,
    pub(super) settings: Settings,
    client: reqwest::Client,
    pub(super) tokens: Tokens,
    limit: Limit,
    budget: Budget,
    pub(super) observers: Observers,
}

impl Http {
    pub(crate) fn new(account: Account, settings: Settings) -> Result<Http> {
        settings.check()?;
        Ok(Http(Arc::new(Inner {
            client: connect::pool(&settings, &account.root.join(""))?,
            tokens: Tokens::default(),
            limit: Limit::new(settings.max_concurrency),
            budget: Budget::new(settings.retry.budget),
            observers: Observers::new(settings.observer.clone()),
            account,
            settings,
        })))
    }

    pub(crate) fn stats(&self) -> Stats {
        self.0.observers.stats()
    }

    /// One more page of a listing has come.
    pub(crate) fn count_page(&self) {
        count(&self.0.observers.pages);
    }

    /// Makes the call and decodes its answer.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: &Call, options: &CallOptions) -> Result<T> {
        let span = tracing::debug_span!(
            target: "headcount", "call", operation = call.operation, method = %call.method, route = call.route
        );
        let work = async {
            options.check()?;
            let timeout = options.timeout.unwrap_or(self.0.settings.timeout);
            let bounds = Bounds {
                timeout,
                deadline: Instant::now() + timeout,
                max_attempts: options.max_attempts.unwrap_or(self.0.settings.retry.max_attempts),
                idempotent: call.method != Method::POST,
            };
            self.0.until_answered(call.exchange(), bounds, |attempt| self.0.attempt(call, attempt)).await
        };
        let work = unless_cancelled(options.cancel.as_ref(), work).instrument(span);
        work.await.map_err(|error| {
            let error = error.with_context("operation", call.operation);
            call.context.iter().fold(error, |error, (name, value)| error.with_context(name, value.clone()))
        })
    }
}

impl Inner {
    /// Fetches a token, by the client-credentials grant (RFC 6749, 4.4).
    pub(super) async fn grant(&self, deadline: Instant) -> Result<Grant> {
        let url = self.account.root.join("oauth/token");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.account.client_id.as_str()),
            ("client_secret", self.account.client_secret.expose()),
        ];
        let timeout = deadline - Instant::now();
        let bounds = Bounds { timeout, deadline, max_attempts: self.settings.retry.max_attempts, idempotent: true };
        let ask = async |attempt: Attempt| {
            self.send(self.client.post(url.clone()).form(&form), Exchange::TOKEN, attempt.number).await
        };
        self.until_answered(Exchange::TOKEN, bounds, ask)
            .await
            .map_err(|error| token::explain(error).with_context("token", "POST /oauth/token"))
    }

    /// One attempt, with one more where the server did not like the token.
    async fn attempt<T: DeserializeOwned>(self: &Arc<Self>, call: &Call, attempt: Attempt) -> Result<T> {
        let mut url = self.account.root.join(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut renewed = false;
        loop {
            let token = Tokens::get(self, attempt.until).await?;
            let mut request = self
                .client
                .request(call.method.clone(), url.clone())
                .header(header::ACCEPT, "application/json")
                .header(header::AUTHORIZATION, token.header.clone());
            if let Some(body) = &call.body {
                request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
            }
            match self.send(request, call.exchange(), attempt.number).await {
                Err(error) if error.http_status() == Some(401) => {
                    self.tokens.refused(&token);
                    if renewed {
                        return Err(error);
                    }
                    renewed = true;
                }
                // It is gone because the attempt before, whose answer was lost, has removed it.
                Err(error) if error.http_status() == Some(404) && call.method == Method::DELETE && attempt.doubtful => {
                    return answer::decode(b"{}", &header::HeaderMap::new());
                }
                answer => return answer,
            }
        }
    }

    /// Repeats `attempt` while its error is temporary and there are attempts, time and budget left.
    async fn until_answered<T, F: Future<Output = Result<T>>>(
        &self,
        exchange: Exchange<'_>,
        bounds: Bounds,
        attempt: impl Fn(Attempt) -> F,
    ) -> Result<T> {
        let (mut number, mut doubtful) = (0, false);
        loop {
            // The token is fetched on the turn of the call that needs it: it takes none of its own.
            let turn = match exchange.route == Exchange::TOKEN.route {
                true => self.limit.wait(bounds.deadline).await.map(|()| None),
                false => self.limit.pass(bounds.deadline).await.map(Some),
            };
            let turn = turn.map_err(|error| if number > 0 { error.exhausted(number) } else { error })?;
            number += 1;
            if number > 1 {
                count(&self.observers.retries);
            }
            let started = Instant::now();
            let until = bounds.deadline.min(started + self.settings.attempt_timeout);
            let error = match tokio::time::timeout_at(until, attempt(Attempt { number, until, doubtful })).await {
                Ok(Ok(value)) => {
                    self.budget.refill();
                    return Ok(value);
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    self.observers.tell(&Activity {
                        error: Some(ErrorKind::Timeout),
                        elapsed: started.elapsed(),
                        ..exchange.activity(ActivityKind::Request, number)
                    });
                    self.timed_out(bounds)
                }
            };
            drop(turn);
            let wait = self.settings.retry.backoff(number, self.settings.random.as_ref());
            let wait = error.retry_after().map_or(wait, |asked| asked.max(wait));
            let told = Activity {
                status: error.http_status(),
                error: Some(error.kind()),
                wait: Some(wait),
                ..exchange.activity(ActivityKind::Retry, number)
            };
            if error.kind() == ErrorKind::RateLimit || error.retry_after().is_some() {
                count(&self.observers.throttled);
                let wait = Some(self.limit.hold(wait));
                self.observers.tell(&Activity { kind: ActivityKind::Throttled, wait, ..told });
            }
            doubtful |= !had_no_effect(&error);
            let over = error.status() != ErrorStatus::Temporary
                || number >= bounds.max_attempts
                || (doubtful && !bounds.idempotent)
                || Instant::now() + wait >= bounds.deadline;
            if over {
                return Err(error.exhausted(number));
            }
            if !self.budget.take() {
                return Err(error.exhausted(number).with_context("retries", "the client's budget is used up"));
            }
            self.observers.tell(&told);
            tokio::time::sleep(wait).await;
        }
    }

    fn timed_out(&self, bounds: Bounds) -> Error {
        let seconds = if Instant::now() >= bounds.deadline { bounds.timeout } else { self.settings.attempt_timeout };
        let seconds = seconds.as_secs_f64();
        Error::new(ErrorKind::Timeout, format!("no complete answer within {seconds} seconds")).temporary()
    }

    /// Sends one request and reads its whole answer.
    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        exchange: Exchange<'_>,
        attempt: u32,
    ) -> Result<T> {
        count(&self.observers.requests);
        let started = Instant::now();
        let mut told = exchange.activity(ActivityKind::Request, attempt);
        let result = self.exchange(request, &mut told).await;
        told.elapsed = started.elapsed();
        told.error = result.as_ref().err().map(Error::kind);
        self.observers.tell(&told);
        result
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        told: &mut Activity<'_>,
    ) -> Result<T> {
        let most = self.settings.max_response_bytes;
        let too_long = || {
            let message = format!("the answer is longer than {most} bytes: raise max_response_bytes if it should be");
            Error::new(ErrorKind::Decode, message)
        };
        let mut response = request.send().await.map_err(broken)?;
        told.status = Some(response.status().as_u16());
        let length = response.content_length().unwrap_or_default();
        if length > most as u64 {
            return Err(too_long());
        }
        // What is declared is not yet sent: room for a page, and more as it comes.
        let mut body = Vec::with_capacity(length.min(1 << 17) as usize);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            told.bytes += chunk.len() as u64;
            self.observers.bytes.fetch_add(chunk.len() as u64, Relaxed);
            if body.len() + chunk.len() > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        if response.status().is_success() {
            answer::decode(&body, response.headers())
        } else {
            Err(answer::refusal(response.status(), response.headers(), &body, self.settings.clock.as_ref()))
        }
    }
}

/// Runs `work` until it is done or `cancel` ends it, whichever comes first.
async fn unless_cancelled<T>(cancel: Option<&Cancel>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(cancel) = cancel else { return work.await };
    let (mut cancelled, mut work) = (pin!(cancel.cancelled()), pin!(work));
    poll_fn(|cx| match cancelled.as_mut().poll(cx) {
        Poll::Ready(error) => Poll::Ready(Err(error)),
        Poll::Pending => work.as_mut().poll(cx),
    })
    .await
}

/// Whether what was asked is certain not to have been done: the request was turned away, or never sent.
fn had_no_effect(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<reqwest::Error>());
    error.kind() == ErrorKind::RateLimit
        || error.kind() == ErrorKind::Authentication
        || source.is_some_and(reqwest::Error::is_connect)
}

/// What reqwest reports: the connection could not be made, or broke. A certificate that is not trusted stays so.
fn broken(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let permanent = error.is_builder() || causes(&error).any(|cause| cause.downcast_ref::<rustls::Error>().is_some());
    let message = if error.is_connect() {
        format!("the server cannot be reached: {}", root_cause(&error))
    } else {
        format!("the connection broke before the whole answer had come: {}", root_cause(&error))
    };
    let error = Error::new(ErrorKind::Connection, message).with_source(error);
    if permanent { error } else { error.temporary() }
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // An I/O error does not own up to the error it carries.
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        }
    })
}

pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
