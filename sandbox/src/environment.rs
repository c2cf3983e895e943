//! The state that all request handlers share: data, clock, access tokens, faults and webhooks.

use crate::clock::SandboxClock;
use crate::data::Credentials;
use crate::fault::FaultSchedule;
use crate::outbox::Outbox;
use crate::state::{Event, State};
use headcount::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The running environment: `changes` has the calls that change it, and `views` those that read it.
pub struct Environment {
    pub(crate) id: String,
    pub(crate) credentials: Credentials,
    pub(crate) token_ttl: Duration,
    pub(crate) clock: Arc<SandboxClock>,
    pub(crate) faults: FaultSchedule,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) state: Mutex<State>,
    /// Valid access tokens with their expiry, by the sandbox's clock.
    pub(crate) tokens: Mutex<HashMap<String, Timestamp>>,
    /// Number of calls by method and route; under `tokens`, the number of access tokens that were issued.
    pub(crate) requests: Mutex<BTreeMap<String, u64>>,
    /// Number of accepted TCP connections.
    pub(crate) connections: AtomicU64,
    /// The settings that [`Sandbox::settings`](crate::Sandbox::settings) returns. Set once the port is known.
    pub(crate) settings: Mutex<serde_json::Value>,
}

impl Environment {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event for every registered endpoint.
    pub(crate) fn publish(&self, event: Event) {
        self.outbox.publish(&self.id, event);
    }

    /// Counts a call of a route, or an issued token under the name `tokens`. Returns the count of this name, including this call.
    pub(crate) fn count(&self, route: String) -> u64 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(route).and_modify(|count| *count += 1).or_insert(1)
    }
}

/// The environment, shared by all request handlers.
pub(crate) type App = Arc<Environment>;
