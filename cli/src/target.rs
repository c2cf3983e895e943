//! What changes are handed to: a command, a URL or a stream.

use crate::backoff::NotHanded;
use crate::failure::Failure;
use crate::nats::Relay;
use crate::post::Poster;
use crate::shell::{self, NotDone};
use crate::values;
use headcount::Change;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use std::time::Duration;

/// The variable with the bearer token for `--post`.
const TOKEN: &str = "HEADCOUNT_POST_TOKEN";

/// The options that choose a target.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetOptions {
    /// Run this command with `sh` for each change
    #[arg(long, value_name = "COMMAND", conflicts_with = "post")]
    exec: Option<String>,
    /// Send each change to this URL
    #[arg(long, value_name = "URL")]
    post: Option<String>,
    /// Permit http:// to another machine
    #[arg(long, requires = "post")]
    plain_http: bool,
    /// How long a command or a request may take
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "30s")]
    timeout: Duration,
}

impl TargetOptions {
    /// Returns how long a command or a request may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// What changes are handed to.
pub(crate) enum Target {
    Command { command: String, limit: Duration },
    Url(Box<Poster>, HeaderMap),
    Stream(Box<Relay>),
}

impl Target {
    /// Makes the target that the options choose, or returns `None` if they choose none.
    ///
    /// # Errors
    ///
    /// A usage error for text that is no URL, and for a token that cannot be sent.
    pub(crate) fn of(options: TargetOptions) -> Result<Option<Target>, Failure> {
        Ok(match (options.exec, options.post) {
            (Some(command), _) => Some(Target::Command { command, limit: options.timeout }),
            (None, Some(url)) => {
                let poster = Poster::new(&url, options.timeout, options.plain_http)?;
                Some(Target::Url(Box::new(poster), authorization()?))
            }
            (None, None) => None,
        })
    }

    /// Makes one attempt to hand a change over. `attempt` is its number, from 1, and `mirror_id` that of the mirror's feed.
    ///
    /// # Errors
    ///
    /// The outer error ends the command, because no other change would succeed; the inner one is why this attempt failed.
    pub(crate) async fn attempt(
        &self,
        change: &Change,
        attempt: u32,
        mirror_id: &str,
    ) -> Result<Result<(), NotHanded>, Failure> {
        let text = serde_json::to_string(change)
            .map_err(|error| Failure::new(format!("a change cannot be written: {error}")))?;
        match self {
            Target::Command { command, limit } => {
                let variables = [
                    ("HEADCOUNT_SEQ", change.seq.to_string()),
                    ("HEADCOUNT_KIND", change.kind.to_string()),
                    ("HEADCOUNT_ATTEMPT", attempt.to_string()),
                    ("HEADCOUNT_MIRROR_ID", mirror_id.to_owned()),
                ];
                match shell::run(command, format!("{text}\n"), &variables, *limit).await {
                    Ok(()) => Ok(Ok(())),
                    Err(NotDone::Failed(reason)) => Ok(Err(NotHanded::new(reason))),
                    Err(NotDone::Missing(reason)) => Err(Failure::new(format!(
                        "change {} ({}) is not acknowledged: {reason}",
                        change.seq, change.kind
                    ))),
                }
            }
            Target::Url(poster, headers) => {
                let mut headers = headers.clone();
                if let Ok(key) = HeaderValue::from_str(&format!("{mirror_id}-{}", change.seq)) {
                    headers.insert("idempotency-key", key);
                }
                Ok(post(poster, headers, text).await.map(drop))
            }
            Target::Stream(relay) => relay.publish(change, text, mirror_id).await,
        }
    }
}

/// Sends a body, and returns the status of the answer.
///
/// # Errors
///
/// If there was no answer, or its status is not 2xx.
pub(crate) async fn post(poster: &Poster, headers: HeaderMap, body: String) -> Result<u16, NotHanded> {
    match poster.send(Method::POST, headers, body).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer.status),
        Ok(answer) => {
            Err(NotHanded { reason: format!("the URL answered {}", answer.status), retry_after: answer.retry_after })
        }
        Err(reason) => Err(NotHanded::new(reason)),
    }
}

/// Returns the headers of all requests.
fn authorization() -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    if let Some(token) = std::env::var_os(TOKEN).filter(|token| !token.is_empty()) {
        let value = token.to_str().and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.trim())).ok());
        let mut value =
            value.ok_or_else(|| Failure::usage(format!("{TOKEN} has characters that a header cannot have")))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}
