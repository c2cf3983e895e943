//! Sends requests to URLs that the user gives: changes, and test webhooks.

use crate::failure::Failure;
use headcount::internal::is_loopback;
use headcount::internal::tls::{SystemRoots, config};
use headcount::webhook::SignedHeaders;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url};
use std::time::Duration;

/// Sends requests to one URL, whose text is never shown: it may contain a token.
pub(crate) struct Poster {
    client: Client,
    url: Url,
    timeout: Duration,
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long the server asks to wait (`Retry-After` in seconds).
    pub(crate) retry_after: Option<Duration>,
}

/// Returns the headers of a signed webhook.
///
/// # Errors
///
/// If the message's id has characters that a header cannot have.
pub(crate) fn signed_headers(signed: &SignedHeaders) -> Result<HeaderMap, InvalidHeaderValue> {
    signed
        .iter()
        .into_iter()
        .map(|(name, value)| Ok((HeaderName::from_static(name), HeaderValue::from_str(value)?)))
        .collect()
}

impl Poster {
    /// Makes a client for a URL. `http://` to another machine is refused unless `plain_http`, because requests have personal data. Redirects are not
    /// followed, and a proxy of the environment is not used for this machine.
    ///
    /// # Errors
    ///
    /// A usage error for text that is not such a URL; a failure if TLS cannot be set up.
    pub(crate) fn new(url: &str, timeout: Duration, plain_http: bool) -> Result<Poster, Failure> {
        let url = Url::parse(url)
            .map_err(|error| Failure::usage(format!("the URL cannot be read ({error}): expected https://host/path")))?;
        let is_local = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if is_local || plain_http => {}
            "http" => {
                return Err(Failure::usage(
                    "the URL is http:// to another machine: use https://, or pass --plain-http",
                ));
            }
            scheme => {
                return Err(Failure::usage(format!("the URL has the scheme {scheme}: expected https://host/path")));
            }
        }
        let roots = if url.scheme() == "https" { SystemRoots::IfAny } else { SystemRoots::Unused };
        let builder = Client::builder()
            .user_agent(concat!("headcount/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(config(roots, Vec::new())?);
        let builder = if is_local { builder.no_proxy() } else { builder };
        let client =
            builder.build().map_err(|error| Failure::new(format!("the HTTP client cannot be set up: {error}")))?;
        Ok(Poster { client, url, timeout })
    }

    /// Sends a request with a body of JSON, or none.
    ///
    /// # Errors
    ///
    /// Why there was no answer, without the URL.
    pub(crate) async fn send(&self, method: Method, headers: HeaderMap, body: String) -> Result<Answer, String> {
        let response = self.request(method, headers, body).await?;
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Answer { status: response.status().as_u16(), retry_after: seconds.map(Duration::from_secs) })
    }

    /// As [`send`](Poster::send), but returns the response.
    ///
    /// # Errors
    ///
    /// As [`send`](Poster::send).
    pub(crate) async fn request(&self, method: Method, headers: HeaderMap, body: String) -> Result<Response, String> {
        let request = self.client.request(method, self.url.clone()).timeout(self.timeout);
        let request = request.header("content-type", HeaderValue::from_static("application/json")).headers(headers);
        request.body(body).send().await.map_err(|error| reason(&error))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

/// Returns why a request failed, in words and without its URL.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer came in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match error.is_connect() {
        true => format!("the connection failed: {cause}"),
        false => format!("the request failed: {cause}"),
    }
}
