//! Sending: one call, as many attempts as the policy and the deadline allow.

use super::answer;
use super::limit::Limit;
use super::retry::RetryPolicy;
use super::token::{self, Grant, Tokens};
use crate::config::EnvironmentUrl;
use crate::source::{Chance, Clock};
use crate::{Error, ErrorKind, ErrorStatus, Result, Secret};
use http::{Method, header};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The most bytes of an answer that are read. The largest page of the contract has some 100 kB.
const MAX_ANSWER: usize = 32 << 20;

/// Everything that a client is told once.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) root: EnvironmentUrl,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// For one call with all its attempts.
    pub(crate) timeout: Duration,
    /// For one attempt.
    pub(crate) attempt_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
}

/// What to ask the server, before it is a request. All calls of the contract's subset can be repeated without harm.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Below the environment's root, percent-encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    /// What errors say was being done.
    pub(crate) operation: &'static str,
    /// The ids that errors name.
    pub(crate) context: Vec<(&'static str, String)>,
}

/// A connection pool, a token and the manners to go with them.
pub(crate) struct Http {
    settings: Settings,
    client: reqwest::Client,
    tokens: Tokens,
    limit: Limit,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Result<Http> {
        // Another user of rustls in this process may have chosen a provider already; theirs does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("headcount/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            // A redirect would carry the token to wherever it points.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::config(format!("the HTTP client cannot be set up: {}", root_cause(&error))))?;
        Ok(Http { settings, client, tokens: Tokens::default(), limit: Limit::default() })
    }

    /// Makes the call and decodes its answer.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let deadline = Instant::now() + self.settings.timeout;
        let result = self.until_answered(deadline, |attempt_deadline| self.attempt(call, attempt_deadline)).await;
        result.map_err(|error| {
            let error = error.with_context("operation", call.operation);
            call.context.iter().fold(error, |error, (name, value)| error.with_context(name, value.clone()))
        })
    }

    /// Fetches a token, by the client-credentials grant (RFC 6749, 4.4).
    pub(super) async fn grant(&self, deadline: Instant) -> Result<Grant> {
        let url = self.settings.root.join("oauth/token");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
        ];
        let attempt = async |_| self.send(self.client.post(url.clone()).form(&form)).await;
        self.until_answered(deadline, attempt)
            .await
            .map_err(|error| token::explain(error).with_context("token", "POST /oauth/token"))
    }

    /// One attempt, with one more where the server did not like the token.
    async fn attempt<T: DeserializeOwned>(&self, call: &Call, deadline: Instant) -> Result<T> {
        let mut url = self.settings.root.join(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut renewed = false;
        loop {
            let token = self.tokens.get(self, deadline).await?;
            let request = self
                .client
                .request(call.method.clone(), url.clone())
                .header(header::ACCEPT, "application/json")
                .header(header::AUTHORIZATION, token.header.clone());
            match self.send(request).await {
                Err(error) if error.http_status() == Some(401) => {
                    self.tokens.refused(&token);
                    if renewed {
                        return Err(error);
                    }
                    renewed = true;
                }
                answer => return answer,
            }
        }
    }

    /// Repeats `attempt` while its error is temporary and there are attempts and time left.
    async fn until_answered<T, F: Future<Output = Result<T>>>(
        &self,
        deadline: Instant,
        attempt: impl Fn(Instant) -> F,
    ) -> Result<T> {
        let mut attempts = 0;
        loop {
            self.limit.pass(deadline).await?;
            attempts += 1;
            let until = deadline.min(Instant::now() + self.settings.attempt_timeout);
            let error = match tokio::time::timeout_at(until, attempt(until)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => self.timed_out(deadline),
            };
            let wait = self.settings.retry.backoff(attempts, self.settings.chance.as_ref());
            let wait = error.retry_after().map_or(wait, |asked| asked.max(wait));
            if error.kind() == ErrorKind::RateLimit || error.retry_after().is_some() {
                self.limit.hold(wait);
            }
            let over = error.status() != ErrorStatus::Temporary
                || attempts >= self.settings.retry.max_attempts
                || Instant::now() + wait >= deadline;
            if over {
                return Err(error.exhausted(attempts));
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn timed_out(&self, deadline: Instant) -> Error {
        let seconds = if Instant::now() >= deadline { self.settings.timeout } else { self.settings.attempt_timeout }
            .as_secs_f64();
        Error::new(ErrorKind::Timeout, format!("no complete answer within {seconds} seconds")).temporary()
    }

    /// Sends one request and reads its whole answer.
    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T> {
        let mut response = request.send().await.map_err(broken)?;
        let mut body = Vec::with_capacity(response.content_length().unwrap_or_default().min(1 << 20) as usize);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Error::new(ErrorKind::Decode, format!("the answer is longer than {MAX_ANSWER} bytes")));
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

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
