//! Sends webhooks: each event, signed, to every endpoint. A delivery that is not answered with 2xx is sent again on the vendor's schedule.

use crate::clock::SandboxClock;
use crate::error::Error;
use crate::local::check_endpoint;
use crate::state::Event;
use headcount::system::{Clock, SystemClock};
use headcount::{Timestamp, Webhook};
use jiff::SignedDuration;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The vendor's retry schedule: seconds from a failed attempt to the next one. The first attempt is immediate.
const RETRY_DELAYS: [i64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
/// The header `user-agent` of webhooks.
const USER_AGENT: &str = "headcount-sandbox";
/// How long an attempt waits for the endpoint's response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);
/// The most bytes of a response's body that are kept.
const LONGEST_BODY: usize = 4096;
/// How long an attempt waits for the part of a response's body that is kept. The status is known by then, and decides whether the endpoint accepted.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// One event for one endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// The header `webhook-id`, which is the same in all attempts.
    pub message_id: String,
    /// The event's `id`.
    pub event_id: String,
    /// The event's `type`.
    pub event_type: String,
    /// URL of the endpoint.
    pub url: String,
    /// Time of the event, by the sandbox's clock.
    pub created_at: Timestamp,
    /// The signed body: the event as JSON.
    pub body: String,
    /// Whether the delivery is waiting, being sent, delivered or failed.
    pub state: DeliveryState,
    /// All attempts so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// Time at which the next attempt is due by the sandbox's clock, or `None` if there will be none. While an attempt is being sent, the
    /// time at which that attempt was due.
    pub next_attempt_at: Option<Timestamp>,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its first or next attempt.
    Pending,
    /// An attempt has started and not ended.
    Sending,
    /// The endpoint answered 2xx.
    Delivered,
    /// Every attempt of the schedule failed.
    Failed,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// Time at which the attempt ended, by the sandbox's clock.
    pub at: Timestamp,
    /// HTTP status of the response, or `None` if there was no response.
    pub status: Option<u16>,
    /// Why there was no response, or `None` if there was one.
    pub error: Option<String>,
    /// Names and values of the request's headers that the sandbox sets, among them those of the signature.
    pub request_headers: Vec<(String, String)>,
    /// Names and values of the response's headers; empty if there was no response.
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the response's body as text, at most 4,096 bytes; empty if there was no response. Bytes that are not UTF-8 are replaced by `\u{fffd}`.
    pub response_body: String,
    /// Whether the response's body goes on after `response_body`.
    pub is_body_cut: bool,
}

/// A response of an endpoint, as far as it is kept.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    is_body_cut: bool,
}

/// The queue of webhooks.
pub(crate) struct Outbox {
    clock: Arc<SandboxClock>,
    webhook: Webhook,
    http: reqwest::Client,
    remote_endpoints: bool,
    inner: Mutex<Inner>,
    /// Ends the current wait of [`run`](Outbox::run), because a delivery may be due earlier than expected.
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    endpoints: Vec<String>,
    deliveries: Vec<Delivery>,
    /// Number of events since the start.
    events: u64,
    /// By how much the first attempt of a later delivery is delayed.
    delay: Duration,
    /// Number of changes of the fields above.
    version: u64,
}

impl Outbox {
    /// Makes an empty outbox. `remote_endpoints` permits endpoints on other machines.
    pub(crate) fn new(
        clock: Arc<SandboxClock>,
        webhook: Webhook,
        http: reqwest::Client,
        remote_endpoints: bool,
    ) -> Outbox {
        Outbox { clock, webhook, http, remote_endpoints, inner: Mutex::default(), changed: Notify::new() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an endpoint, unless it is registered already. Refuses a URL on another machine, unless the sandbox permits those.
    pub(crate) fn register(&self, url: &str) -> Result<(), Error> {
        check_endpoint(url, self.remote_endpoints)?;
        let mut inner = self.lock();
        if !inner.endpoints.iter().any(|other| other == url) {
            inner.endpoints.push(url.to_owned());
            inner.version += 1;
        }
        Ok(())
    }

    /// Removes an endpoint, or returns an error if it is not registered. Queued deliveries to it are still sent.
    pub(crate) fn remove(&self, url: &str) -> Result<(), Error> {
        let mut inner = self.lock();
        let index = inner.endpoints.iter().position(|other| other == url);
        inner.endpoints.remove(index.ok_or_else(|| Error::not_found("endpoint"))?);
        inner.version += 1;
        Ok(())
    }

    /// Removes all endpoints. Queued deliveries to them are still sent.
    pub(crate) fn remove_endpoints(&self) {
        let mut inner = self.lock();
        inner.endpoints.clear();
        inner.version += 1;
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.lock().endpoints.clone()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.lock().deliveries.clone()
    }

    /// Returns the newest deliveries with a number below `before`, each with its number: newest first, at most `limit`.
    pub(crate) fn recent(&self, before: Option<usize>, limit: usize) -> Vec<(usize, Delivery)> {
        let inner = self.lock();
        let end = before.unwrap_or(usize::MAX).min(inner.deliveries.len());
        (0..end).rev().take(limit).map(|index| (index, inner.deliveries[index].clone())).collect()
    }

    /// Returns the delivery with this message id.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(crate) fn delivery(&self, message_id: &str) -> Result<Delivery, Error> {
        let inner = self.lock();
        let found = inner.deliveries.iter().rfind(|delivery| delivery.message_id == message_id);
        found.cloned().ok_or_else(|| Error::not_found("delivery"))
    }

    /// Makes the next attempt at a delivery due now, whatever its state is.
    ///
    /// # Errors
    ///
    /// 404 if there is no such delivery, 409 while an attempt is being sent.
    pub(crate) fn send_again(&self, message_id: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let found = inner.deliveries.iter_mut().rfind(|delivery| delivery.message_id == message_id);
        let delivery = found.ok_or_else(|| Error::not_found("delivery"))?;
        if delivery.state == DeliveryState::Sending {
            return Err(Error::conflict("an attempt is being sent: wait until it has ended"));
        }
        delivery.state = DeliveryState::Pending;
        delivery.next_attempt_at = Some(now);
        inner.version += 1;
        drop(inner);
        self.wake();
        Ok(())
    }

    pub(crate) fn delay(&self) -> Duration {
        self.lock().delay
    }

    /// Delays the first attempt of each later delivery.
    pub(crate) fn set_delay(&self, delay: Duration) {
        let mut inner = self.lock();
        inner.delay = delay;
        inner.version += 1;
    }

    /// Returns the number of changes of endpoints, deliveries and events since the start.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Makes [`run`](Outbox::run) look for due deliveries again, after a change of the queue or of the clock.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Queues an event for every registered endpoint.
    pub(crate) fn publish(&self, environment_id: &str, event: Event) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.events += 1;
        inner.version += 1;
        let due = SignedDuration::try_from(inner.delay).ok().and_then(|delay| now.checked_add(delay).ok());
        let due = due.unwrap_or(Timestamp::MAX);
        let number = 60_000_000_000_000_000 + inner.events;
        let event_id = format!("evt_{number}");
        let body = event.body(&event_id, now, environment_id).to_string();
        for index in 0..inner.endpoints.len() {
            let delivery = Delivery {
                message_id: format!("msg_{number}_{index}"),
                event_id: event_id.clone(),
                event_type: event.type_.to_owned(),
                url: inner.endpoints[index].clone(),
                created_at: now,
                body: body.clone(),
                state: DeliveryState::Pending,
                attempts: Vec::new(),
                next_attempt_at: Some(due),
            };
            inner.deliveries.push(delivery);
        }
        drop(inner);
        self.wake();
    }

    /// Sends due deliveries, each in a task of its own, and waits for the next due time. Never returns.
    pub(crate) async fn run(self: Arc<Outbox>) {
        loop {
            let (due, next) = self.take_due();
            for (index, delivery) in due {
                let outbox = Arc::clone(&self);
                tokio::spawn(async move {
                    let (headers, result) = outbox.send(&delivery).await;
                    outbox.record_attempt(index, headers, result);
                });
            }
            let wait = next.map_or(Duration::from_secs(3600), |at| self.clock.wait(at));
            tokio::select! {
                () = self.changed.notified() => {}
                // Limited to a day: near the end of the clock's range, the wait would be too long for a timer.
                () = tokio::time::sleep(wait.min(Duration::from_secs(86400))) => {}
            }
        }
    }

    /// Marks the due deliveries as being sent, and returns them with their numbers, and the time at which the next one is due.
    fn take_due(&self) -> (Vec<(usize, Delivery)>, Option<Timestamp>) {
        let now = self.clock.now();
        let (mut due, mut next) = (Vec::new(), None::<Timestamp>);
        let mut inner = self.lock();
        for (index, delivery) in inner.deliveries.iter_mut().enumerate() {
            match delivery.next_attempt_at {
                Some(at) if delivery.state == DeliveryState::Pending && at <= now => {
                    delivery.state = DeliveryState::Sending;
                    due.push((index, delivery.clone()));
                }
                Some(at) if delivery.state == DeliveryState::Pending => {
                    next = Some(next.map_or(at, |other| other.min(at)))
                }
                _ => {}
            }
        }
        inner.version += u64::from(!due.is_empty());
        (due, next)
    }

    /// Makes one attempt. Returns the request's headers that the sandbox sets, and the response, or why there was none.
    ///
    /// The signature has the system's time, not the sandbox's, because receivers compare it with the system's time.
    async fn send(&self, delivery: &Delivery) -> (Vec<(String, String)>, Result<Answer, String>) {
        let signed = self.webhook.sign(
            delivery.body.as_bytes(),
            Some(&delivery.message_id),
            Some(SystemClock.now().as_second()),
        );
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        match signed {
            Ok(signed) => headers.extend(signed.iter().map(|(name, value)| (name.to_owned(), value.to_owned()))),
            Err(error) => return (headers, Err(error.to_string())),
        }
        headers.push(("user-agent".to_owned(), USER_AGENT.to_owned()));
        let mut request = self.http.post(&delivery.url).timeout(RESPONSE_TIMEOUT);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let result = match request.body(delivery.body.clone()).send().await {
            Ok(response) => Ok(answer_of(response).await),
            Err(error) => Err(error.without_url().to_string()),
        };
        (headers, result)
    }

    /// Records the result of an attempt at the delivery with this index, its new state, and the time of the next attempt.
    fn record_attempt(&self, index: usize, request_headers: Vec<(String, String)>, result: Result<Answer, String>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.version += 1;
        if let Some(delivery) = inner.deliveries.get_mut(index) {
            let accepted = matches!(result, Ok(Answer { status: 200..=299, .. }));
            let mut attempt = Attempt {
                at: now,
                status: None,
                error: None,
                request_headers,
                response_headers: Vec::new(),
                response_body: String::new(),
                is_body_cut: false,
            };
            match result {
                Ok(answer) => {
                    attempt.status = Some(answer.status);
                    attempt.response_headers = answer.headers;
                    attempt.response_body = answer.body;
                    attempt.is_body_cut = answer.is_body_cut;
                }
                Err(error) => attempt.error = Some(error),
            }
            delivery.attempts.push(attempt);
            let wait = RETRY_DELAYS.get(delivery.attempts.len() - 1).filter(|_| !accepted);
            delivery.next_attempt_at =
                wait.and_then(|seconds| now.checked_add(SignedDuration::from_secs(*seconds)).ok());
            delivery.state = match (accepted, delivery.next_attempt_at) {
                (true, _) => DeliveryState::Delivered,
                (false, Some(_)) => DeliveryState::Pending,
                (false, None) => DeliveryState::Failed,
            };
        }
        drop(inner);
        self.wake();
    }
}

/// Reads what is kept of a response. A body that cannot be read, or not soon enough, is cut.
async fn answer_of(mut response: reqwest::Response) -> Answer {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let read = async {
        while body.len() <= LONGEST_BODY {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_BODY + 1)]),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    };
    let is_whole = tokio::time::timeout(BODY_TIMEOUT, read).await.unwrap_or(false);
    body.truncate(LONGEST_BODY);
    Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned(), is_body_cut: !is_whole }
}
