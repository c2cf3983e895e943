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
/// How long an attempt waits for the endpoint's response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

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
        }
        Ok(())
    }

    /// Removes all endpoints. Queued deliveries to them are still sent.
    pub(crate) fn remove_endpoints(&self) {
        self.lock().endpoints.clear();
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.lock().deliveries.clone()
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
        let number = 60_000_000_000_000_000 + inner.events;
        let event_id = format!("evt_{number}");
        let body = event.body(&event_id, now, environment_id).to_string();
        for index in 0..inner.endpoints.len() {
            let delivery = Delivery {
                message_id: format!("msg_{number}_{index}"),
                event_id: event_id.clone(),
                event_type: event.type_.to_owned(),
                url: inner.endpoints[index].clone(),
                body: body.clone(),
                state: DeliveryState::Pending,
                attempts: Vec::new(),
                next_attempt_at: Some(now),
            };
            inner.deliveries.push(delivery);
        }
        drop(inner);
        self.wake();
    }

    /// Sends due deliveries, each in a task of its own, and waits for the next due time. Never returns.
    pub(crate) async fn run(self: Arc<Outbox>) {
        loop {
            let now = self.clock.now();
            let (mut due, mut next) = (Vec::new(), None::<Timestamp>);
            for (index, delivery) in self.lock().deliveries.iter_mut().enumerate() {
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
            for (index, delivery) in due {
                let outbox = Arc::clone(&self);
                tokio::spawn(async move {
                    let result = outbox.send(&delivery).await;
                    outbox.record_attempt(index, result);
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

    /// Makes one attempt. Returns the response's status, or why there was no response.
    ///
    /// The signature has the system's time, not the sandbox's, because receivers compare it with the system's time.
    async fn send(&self, delivery: &Delivery) -> Result<u16, String> {
        let headers = self
            .webhook
            .sign(delivery.body.as_bytes(), Some(&delivery.message_id), Some(SystemClock.now().as_second()))
            .map_err(|error| error.to_string())?;
        let mut request =
            self.http.post(&delivery.url).header("content-type", "application/json").timeout(RESPONSE_TIMEOUT);
        for (name, value) in headers.iter() {
            request = request.header(name, value);
        }
        match request.body(delivery.body.clone()).send().await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(error.without_url().to_string()),
        }
    }

    /// Records the result of an attempt at the delivery with this index, its new state, and the time of the next attempt.
    fn record_attempt(&self, index: usize, result: Result<u16, String>) {
        let now = self.clock.now();
        if let Some(delivery) = self.lock().deliveries.get_mut(index) {
            let accepted = matches!(result, Ok(200..=299));
            let (status, error) = result.map_or_else(|error| (None, Some(error)), |status| (Some(status), None));
            delivery.attempts.push(Attempt { at: now, status, error });
            let wait = RETRY_DELAYS.get(delivery.attempts.len() - 1).filter(|_| !accepted);
            delivery.next_attempt_at =
                wait.and_then(|seconds| now.checked_add(SignedDuration::from_secs(*seconds)).ok());
            delivery.state = match (accepted, delivery.next_attempt_at) {
                (true, _) => DeliveryState::Delivered,
                (false, Some(_)) => DeliveryState::Pending,
                (false, None) => DeliveryState::Failed,
            };
        }
        self.wake();
    }
}
