//! Makes calls with an access token. The client uses `http` through this module.

use super::answer::{self, Dated};
use super::call::Call;
use super::observe::{Stats, count};
use super::settings::{Account, CallOptions, Settings};
use super::token::Tokens;
use super::transport::{Attempt, Bounds, Failed, Transport};
use crate::{Error, Result};
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::Url;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Instrument;

/// HTTP transport with credentials: connection pool, access token, retries and rate limits. Dropping it ends its background tasks.
pub(crate) struct Http {
    root: crate::config::EnvironmentUrl,
    transport: Arc<Transport>,
    tokens: Arc<Tokens>,
}

impl Drop for Http {
    fn drop(&mut self) {
        self.tokens.stop();
    }
}

impl Http {
    /// Makes the transport. Sends nothing.
    pub(crate) fn new(account: Account, settings: Settings) -> Result<Http> {
        let root = account.root.clone();
        let transport = Arc::new(Transport::new(settings, &root.join(""))?);
        let tokens = Arc::new(Tokens::new(account, Arc::clone(&transport)));
        Ok(Http { root, transport, tokens })
    }

    /// Returns the name by which a mirror recognizes the environment; see [`EnvironmentUrl::host`](crate::config::EnvironmentUrl::host).
    #[cfg(feature = "mirror")]
    pub(crate) fn host(&self) -> String {
        self.root.host()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.transport.observers.stats()
    }

    /// Counts one more page of a listing.
    pub(crate) fn count_page(&self) {
        count(&self.transport.observers.pages);
    }

    /// Makes the call and decodes its answer.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: &Call, options: &CallOptions) -> Result<Dated<T>> {
        let span = tracing::debug_span!(
            target: "headcount", "call", operation = call.operation, method = %call.method, route = call.route
        );
        let work = async {
            options.check()?;
            let settings = &self.transport.settings;
            let timeout = options.timeout.unwrap_or(settings.timeout);
            let bounds = Bounds {
                timeout,
                deadline: Instant::now() + timeout,
                max_attempts: options.max_attempts.unwrap_or(settings.retry.max_attempts),
                idempotent: call.method != Method::POST,
                limited: true,
            };
            let url = self.url(call);
            self.transport.repeat(call.label(), bounds, |attempt| self.attempt(call, &url, attempt)).await
        };
        let work = async {
            match &options.cancel {
                Some(cancel) => cancel.run(work).await,
                None => work.await,
            }
        };
        work.instrument(span).await.map_err(|error| {
            let error = error.with_context("operation", call.operation);
            call.context.iter().fold(error, |error, (name, value)| error.with_context(name, value.clone()))
        })
    }

    fn url(&self, call: &Call) -> Url {
        let mut url = self.root.join(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }

    /// Makes one attempt, and sends the request once more with a new token if the server refuses the token.
    async fn attempt<T: DeserializeOwned>(&self, call: &Call, url: &Url, attempt: Attempt) -> Result<Dated<T>, Failed> {
        let mut renewed = false;
        loop {
            let token = Tokens::get(&self.tokens, attempt.until).await.map_err(Failed::of_token)?;
            let mut request = self
                .transport
                .client
                .request(call.method.clone(), url.clone())
                .header(header::ACCEPT, "application/json")
                .header(header::AUTHORIZATION, token.header.clone());
            if let Some(body) = &call.body {
                request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
            }
            let result = self.transport.send(request, call.label(), attempt.number).await;
            // The server's answer may repeat the request's headers.
            match result.map_err(|error| answer::without_secret(error, token.text())) {
                Err(error) if error.http_status() == Some(401) => {
                    self.tokens.discard(&token);
                    if renewed {
                        return Err(error.into());
                    }
                    renewed = true;
                }
                // An earlier attempt, whose answer was lost, has deleted the resource.
                Err(error) if is_deleted(&error, call, attempt) => {
                    let value = answer::decode(StatusCode::OK, &HeaderMap::new(), b"{}")?;
                    return Ok(Dated { value, date: None });
                }
                result => return result.map_err(Failed::from),
            }
        }
    }
}

fn is_deleted(error: &Error, call: &Call, attempt: Attempt) -> bool {
    error.http_status() == Some(404) && call.method == Method::DELETE && attempt.uncertain
}
