//! What this process counts: requests, connections and syncs of the schedule.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The bounds of the histogram of requests, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];
type RequestLabels = Vec<(&'static str, String)>;

/// What this process has counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram>,
    connections: Gauge,
    leads: Gauge,
    syncs: Family<RequestLabels, Counter>,
}

/// An open connection, which is counted until this is dropped.
pub(super) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(super) fn new() -> Metrics {
        let mut registry = Registry::with_prefix("headcount_serve");
        let requests = Family::<RequestLabels, Counter>::default();
        let durations = Family::<RequestLabels, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
        let (connections, leads) = (Gauge::default(), Gauge::default());
        let syncs = Family::<RequestLabels, Counter>::default();
        registry.register("requests", "Answered requests, by route and status", requests.clone());
        registry.register("request_duration_seconds", "Time until the answer, by route", durations.clone());
        registry.register("connections", "Open connections", connections.clone());
        registry.register("leads", "Whether this process does the syncs of the schedule: 1 or 0", leads.clone());
        registry.register("syncs", "Syncs of the schedule, by outcome", syncs.clone());
        Metrics { registry, requests, durations, connections, leads, syncs }
    }

    /// Counts an answered request. The labels have the route, not the path, so that their number is bounded.
    pub(super) fn count_request(&self, route: String, status: String, duration: Duration) {
        self.requests.get_or_create(&vec![("route", route.clone()), ("status", status)]).inc();
        self.durations.get_or_create(&vec![("route", route)]).observe(duration.as_secs_f64());
    }

    /// Writes the numbers, and the end of the text, as OpenMetrics text.
    pub(super) fn write(&self, text: &mut String) {
        // Writing to a text does not fail.
        let _ = encode(text, &self.registry);
    }

    pub(super) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leads.set(leads.into());
    }

    pub(super) fn count_sync(&self, is_done: bool) {
        let outcome = if is_done { "done" } else { "failed" };
        self.syncs.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }
}
