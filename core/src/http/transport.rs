//! Sends requests: as many attempts as the retry policy, the retry budget and the deadline allow. `session` adds the access token.

use super::answer::{self, Dated};
use super::call::Label;
use super::connect;
use super::failure::{connection_error, had_no_effect};
use super::limit::Limit;
use super::observe::{Activity, ActivityKind, Observers, count};
use super::retry::Budget;
use super::settings::Settings;
use crate::error::Answer;
use crate::{Error, ErrorKind, ErrorStatus, Result};
use reqwest::Url;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::Instant;

/// Largest buffer that is reserved for a body before it is read, in bytes, because a `Content-Length` may be wrong. The buffer grows as bytes arrive.
const BODY_CAPACITY: u64 = 128 << 10;

/// How long a call may take, and how many attempts it has.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) timeout: Duration,
    pub(super) deadline: Instant,
    pub(super) max_attempts: u32,
    /// Whether repeating the request has the effect of sending it once (RFC 9110, 9.2.2).
    pub(super) idempotent: bool,
    /// Whether the call counts against `max_concurrency`.
    pub(super) limited: bool,
}

/// One attempt of a call.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    /// Number of the attempt, from 1.
    pub(super) number: u32,
    /// The deadline of this attempt.
    pub(super) until: Instant,
    /// Whether the server may have carried out an earlier attempt whose answer did not arrive.
    pub(super) uncertain: bool,
}

/// The error of one attempt of a call.
pub(super) struct Failed {
    error: Error,
    /// Whether the request for the access token failed, and not the call's own request. If the server asked for a pause, the token request has
    /// already started and counted it.
    is_of_token: bool,
}

impl Failed {
    /// Makes the error of an attempt from that of its token request.
    pub(super) fn of_token(error: Error) -> Failed {
        Failed { error, is_of_token: true }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed { error, is_of_token: false }
    }
}

/// HTTP transport: connection pool, retries, rate limits and observers.
pub(super) struct Transport {
    pub(super) settings: Settings,
    pub(super) client: reqwest::Client,
    pub(super) observers: Observers,
    limit: Limit,
    budget: Budget,
}

impl Transport {
    /// Makes the transport for the environment at `root`. Sends nothing.
    pub(super) fn new(settings: Settings, root: &Url) -> Result<Transport> {
        settings.check()?;
        Ok(Transport {
            client: connect::pool(&settings, root)?,
            limit: Limit::new(settings.max_concurrency),
            budget: Budget::new(settings.retry.budget),
            observers: Observers::new(settings.observer.clone()),
            settings,
        })
    }

    /// Repeats `attempt` while its error is temporary and there are attempts, time and budget left.
    pub(super) async fn repeat<T, F: Future<Output = Result<T, Failed>>>(
        &self,
        label: Label<'_>,
        bounds: Bounds,
        attempt: impl Fn(Attempt) -> F,
    ) -> Result<T> {
        let (mut number, mut uncertain) = (0, false);
        loop {
            let permit = match bounds.limited {
                true => self.limit.acquire(bounds.deadline).await.map(Some),
                false => self.limit.wait(bounds.deadline).await.map(|()| None),
            };
            let permit = permit.map_err(|error| if number > 0 { error.exhausted(number) } else { error })?;
            number += 1;
            if number > 1 {
                count(&self.observers.retries);
            }
            let started = Instant::now();
            let until = bounds.deadline.min(started + self.settings.attempt_timeout);
            let failed = match tokio::time::timeout_at(until, attempt(Attempt { number, until, uncertain })).await {
                Ok(Ok(value)) => {
                    self.budget.refill();
                    return Ok(value);
                }
                Ok(Err(failed)) => failed,
                Err(_) => {
                    self.observers.report(&Activity {
                        error: Some(ErrorKind::Timeout),
                        elapsed: started.elapsed(),
                        ..label.activity(ActivityKind::Request, number)
                    });
                    self.timed_out(bounds).into()
                }
            };
            drop(permit);
            let wait = self.wait_after(&failed, label, number);
            let error = failed.error;
            uncertain |= !had_no_effect(&error);
            let last = error.status() != ErrorStatus::Temporary
                || number >= bounds.max_attempts
                || (uncertain && !bounds.idempotent)
                || Instant::now() + wait >= bounds.deadline;
            if last {
                return Err(error.exhausted(number));
            }
            if !self.budget.take() {
                return Err(error.exhausted(number).with_context("retries", "the client's budget is used up"));
            }
            self.observers.report(&retry_activity(&error, label, number, wait));
            tokio::time::sleep(wait).await;
        }
    }

    /// Returns how long to wait before the next attempt: the backoff, or longer if the server asked for it. A pause that the
    /// server asks for applies to every caller of this client.
    fn wait_after(&self, Failed { error, is_of_token }: &Failed, label: Label<'_>, number: u32) -> Duration {
        let wait = self.settings.retry.backoff(number, self.settings.random.as_ref());
        let wait = error.retry_after().map_or(wait, |asked| asked.max(wait));
        if !is_of_token && (error.kind() == ErrorKind::RateLimit || error.retry_after().is_some()) {
            count(&self.observers.throttled);
            let pause = self.limit.pause(wait);
            let activity = retry_activity(error, label, number, pause);
            self.observers.report(&Activity { kind: ActivityKind::Throttled, ..activity });
        }
        wait
    }

    fn timed_out(&self, bounds: Bounds) -> Error {
        let seconds = if Instant::now() >= bounds.deadline { bounds.timeout } else { self.settings.attempt_timeout };
        let seconds = seconds.as_secs_f64();
        Error::new(ErrorKind::Timeout, format!("no complete answer within {seconds} seconds")).temporary()
    }

    /// Sends one request, reads its whole answer and decodes it.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        label: Label<'_>,
        attempt: u32,
    ) -> Result<Dated<T>> {
        count(&self.observers.requests);
        let started = Instant::now();
        let mut activity = label.activity(ActivityKind::Request, attempt);
        let result = self.exchange(request, &mut activity).await;
        activity.elapsed = started.elapsed();
        activity.error = result.as_ref().err().map(Error::kind);
        self.observers.report(&activity);
        result
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        activity: &mut Activity<'_>,
    ) -> Result<Dated<T>> {
        let most = self.settings.max_response_bytes;
        let only = self.settings.ca_variable().filter(|variable| variable.replaces).map(|variable| variable.name);
        let failed = |error| connection_error(error, only);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        activity.status = Some(status.as_u16());
        let too_long = || {
            let message =
                format!("the answer is longer than {most} bytes: raise max_response_bytes if that is expected");
            let answer = Answer { http_status: Some(status.as_u16()), ..Answer::default() };
            Error::new(ErrorKind::Decode, message).with_answer(answer)
        };
        let length = response.content_length().unwrap_or_default();
        if length > most as u64 {
            return Err(too_long());
        }
        let mut body = Vec::with_capacity(length.min(BODY_CAPACITY) as usize);
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            activity.bytes += chunk.len() as u64;
            self.observers.bytes.fetch_add(chunk.len() as u64, Relaxed);
            if body.len() + chunk.len() > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            let value = answer::decode(status, response.headers(), &body)?;
            Ok(Dated { value, date: answer::date(response.headers()) })
        } else {
            Err(answer::refusal(status, response.headers(), &body, self.settings.clock.as_ref()))
        }
    }
}

fn retry_activity<'a>(error: &Error, label: Label<'a>, number: u32, wait: Duration) -> Activity<'a> {
    Activity {
        status: error.http_status(),
        error: Some(error.kind()),
        wait: Some(wait),
        ..label.activity(ActivityKind::Retry, number)
    }
}
