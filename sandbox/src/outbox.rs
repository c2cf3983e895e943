//! Telling what happened: each event to every endpoint, signed, again and again on the vendor's schedule until it is accepted.

use crate::clock::SandboxClock;
use crate::state::Happened;
use headcount::{Clock, SystemClock, Timestamp, Webhook};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The vendor's schedule: how long after a failed attempt the next one comes, in seconds. The first attempt is at once.
const RETRY_AFTER: [i64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// `webhook-id`: the same for every attempt.
    pub message_id: String,
    /// The event's own id.
    pub event_id: String,
    /// What happened.
    pub event_type: String,
    /// Where it goes.
    pub url: String,
    /// The body, as it is signed.
    pub body: String,
    /// How far it is.
    pub state: DeliveryState,
    /// What was tried, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it will be tried next, by the sandbox's clock.
    pub next_attempt_at: Option<Timestamp>,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Pending,
    /// An attempt is under way.
    Sending,
    /// The endpoint answered 2xx.
    Delivered,
    /// Every attempt failed.
    Failed,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When it was, by the sandbox's clock.
    pub at: Timestamp,
    /// The endpoint's answer, where one came.
    pub status: Option<u16>,
    /// What went wrong, where none came.
    pub error: Option<String>,
}

pub(crate) struct Outbox {
    clock: Arc<SandboxClock>,
    webhook: Webhook,
    http: reqwest::Client,
    inner: Mutex<Inner>,
    /// Rings when something is due sooner than was known.
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    endpoints: Vec<String>,
    deliveries: Vec<Delivery>,
    events: u64,
}

impl Outbox {
    pub(crate) fn new(clock: Arc<SandboxClock>, webhook: Webhook, http: reqwest::Client) -> Outbox {
        Outbox { clock, webhook, http, inner: Mutex::default(), bell: Notify::new() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register(&self, url: &str) {
        let mut inner = self.lock();
        if !inner.endpoints.iter().any(|other| other == url) {
            inner.endpoints.push(url.to_owned());
        }
    }

    pub(crate) fn forget_endpoints(&self) {
        self.lock().endpoints.clear();
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.lock().deliveries.clone()
    }

    /// Something is due, or the clock was moved.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Puts an event on its way to every endpoint.
    pub(crate) fn post(&self, environment_id: &str, happened: Happened) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.events += 1;
        let number = 60_000_000_000_000_000 + inner.events;
        let event_id = format!("evt_{number}");
        let body = json!({
            "spec_version": "1",
            "id": event_id,
            "type": happened.kind,
            "object": happened.object,
            "occurred_at": now,
            "environment_id": environment_id,
            "organization_id": happened.organization_id,
            "data": happened.data,
            "display_name": happened.display_name,
        })
        .to_string();
        for index in 0..inner.endpoints.len() {
            let delivery = Delivery {
                message_id: format!("msg_{number}_{index}"),
                event_id: event_id.clone(),
                event_type: happened.kind.to_owned(),
                url: inner.endpoints[index].clone(),
                body: body.clone(),
                state: DeliveryState::Pending,
                attempts: Vec::new(),
                next_attempt_at: Some(now),
            };
            inner.deliveries.push(delivery);
        }
        drop(inner);
        self.ring();
    }

    /// Delivers for ever: what is due is sent, and then the next due time or the bell is waited for.
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
                    let answer = outbox.send(&delivery).await;
                    outbox.settle(index, answer);
                });
            }
            let wait = next.map_or(Duration::from_secs(3600), |at| self.clock.wait(at));
            tokio::select! {
                () = self.bell.notified() => {}
                // A day at most: a clock at its end would have it wait for ever anyway.
                () = tokio::time::sleep(wait.min(Duration::from_secs(86400))) => {}
            }
        }
    }

    /// One attempt. The signature's time is the machine's, whatever the sandbox's clock says: receivers judge it by theirs.
    async fn send(&self, delivery: &Delivery) -> Result<u16, String> {
        let headers = self
            .webhook
            .sign(delivery.body.as_bytes(), Some(&delivery.message_id), Some(SystemClock.now().as_second()))
            .map_err(|error| error.to_string())?;
        let mut request = self.http.post(&delivery.url).header("content-type", "application/json").timeout(PATIENCE);
        for (name, value) in headers.iter() {
            request = request.header(name, value);
        }
        match request.body(delivery.body.clone()).send().await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(error.without_url().to_string()),
        }
    }

    fn settle(&self, index: usize, answer: Result<u16, String>) {
        let now = self.clock.now();
        if let Some(delivery) = self.lock().deliveries.get_mut(index) {
            let accepted = matches!(answer, Ok(200..=299));
            let (status, error) = answer.map_or_else(|error| (None, Some(error)), |status| (Some(status), None));
            delivery.attempts.push(Attempt { at: now, status, error });
            let wait = RETRY_AFTER.get(delivery.attempts.len() - 1).filter(|_| !accepted);
            delivery.next_attempt_at =
                wait.and_then(|seconds| now.checked_add(SignedDuration::from_secs(*seconds)).ok());
            delivery.state = match (accepted, delivery.next_attempt_at) {
                (true, _) => DeliveryState::Delivered,
                (false, Some(_)) => DeliveryState::Pending,
                (false, None) => DeliveryState::Failed,
            };
        }
        self.ring();
    }
}
