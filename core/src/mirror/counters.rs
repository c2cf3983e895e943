//! Counts what a handle does: received events, refused webhooks and syncs.

use super::openmetrics::{Kind, Text};
use crate::record::{Outcome, SyncOutcome, SyncReport};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The upper bounds of the histogram's buckets, in seconds, without the last one, which has no bound.
const BOUNDS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// What a handle and its clones have done since it was opened.
pub(super) struct Counters {
    /// Number of received events by outcome, in the order of [`Outcome::ALL`].
    events: Vec<AtomicU64>,
    /// Number of webhooks that were refused.
    refused: AtomicU64,
    /// Durations of syncs by outcome, in the order of [`SyncOutcome::ALL`].
    syncs: Mutex<Vec<Histogram>>,
}

/// A histogram of durations.
#[derive(Clone, Debug, Default)]
struct Histogram {
    /// Number of durations in each bucket and in none of those before it. The last one is the bucket without a bound.
    buckets: [u64; BOUNDS.len() + 1],
    /// Sum of the durations, in seconds.
    sum: f64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        let index = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[index] += 1;
        self.sum += seconds;
    }
}

impl Counters {
    pub(super) fn new() -> Counters {
        Counters {
            events: Outcome::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            refused: AtomicU64::new(0),
            syncs: Mutex::new(vec![Histogram::default(); SyncOutcome::ALL.len()]),
        }
    }

    /// Counts a received event.
    pub(super) fn count_event(&self, outcome: Outcome) {
        let counters = Outcome::ALL.iter().zip(&self.events);
        counters.filter(|(one, _)| **one == outcome).for_each(|(_, count)| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Counts a webhook that was refused.
    pub(super) fn count_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the sync of a directory.
    pub(super) fn count_sync(&self, report: &SyncReport) {
        // The clock may have been set back meanwhile.
        let seconds = report.ended_at.duration_since(report.started_at).as_secs_f64().max(0.0);
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        let histograms = SyncOutcome::ALL.iter().zip(syncs.iter_mut());
        histograms.filter(|(one, _)| **one == report.outcome).for_each(|(_, histogram)| histogram.add(seconds));
    }

    /// Writes the counters.
    pub(super) fn write(&self, text: &mut Text) {
        text.begin("headcount_events", Kind::Counter, "", "Verified events that this process received, by outcome.");
        for (outcome, count) in Outcome::ALL.iter().zip(&self.events) {
            let count = count.load(Ordering::Relaxed);
            text.sample("headcount_events_total", &[("outcome", outcome.name())], count);
        }
        text.begin(
            "headcount_webhooks_refused",
            Kind::Counter,
            "",
            "Webhooks that this process refused, because their verification failed.",
        );
        text.sample("headcount_webhooks_refused_total", &[], self.refused.load(Ordering::Relaxed));
        let help = "Duration of the syncs of directories by this process, by outcome.";
        text.begin("headcount_sync_duration_seconds", Kind::Histogram, "seconds", help);
        let syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (outcome, Histogram { buckets, sum }) in SyncOutcome::ALL.iter().zip(syncs) {
            let outcome = outcome.name();
            let mut count = 0;
            let bounds = BOUNDS.iter().map(|bound| format!("{bound:?}")).chain(["+Inf".to_owned()]);
            for (bound, bucket) in bounds.zip(buckets) {
                count += bucket;
                let labels = [("outcome", outcome), ("le", bound.as_str())];
                text.sample("headcount_sync_duration_seconds_bucket", &labels, count);
            }
            text.sample("headcount_sync_duration_seconds_count", &[("outcome", outcome)], count);
            text.sample("headcount_sync_duration_seconds_sum", &[("outcome", outcome)], sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::record::SyncMode;
    use std::time::Duration;

    fn report(outcome: SyncOutcome, duration: Duration) -> SyncReport {
        let start = Timestamp::from_second(1_000).unwrap();
        let report = SyncReport::new("org_1", "dir_1", SyncMode::Full, "run".to_owned(), start);
        SyncReport { outcome, ended_at: start + duration, ..report }
    }

    fn text_of(counters: &Counters) -> String {
        let mut text = Text::default();
        counters.write(&mut text);
        text.finish()
    }

    #[test]
    fn the_buckets_of_the_histogram_are_cumulative() {
        let counters = Counters::new();
        for milliseconds in [100, 400, 7_000, 3_600_000] {
            counters.count_sync(&report(SyncOutcome::Done, Duration::from_millis(milliseconds)));
        }
        let text = text_of(&counters);
        for (bound, count) in [("0.1", 1), ("0.5", 2), ("1.0", 2), ("10.0", 3), ("1800.0", 3), ("+Inf", 4)] {
            let line = format!("headcount_sync_duration_seconds_bucket{{outcome=\"done\",le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains("headcount_sync_duration_seconds_count{outcome=\"done\"} 4\n"), "{text}");
        assert!(text.contains("headcount_sync_duration_seconds_sum{outcome=\"done\"} 3607.5\n"), "{text}");
        assert!(text.contains("headcount_sync_duration_seconds_count{outcome=\"failed\"} 0\n"), "{text}");
    }

    #[test]
    fn a_sync_during_which_the_clock_was_set_back_has_the_duration_0() {
        let counters = Counters::new();
        let report = report(SyncOutcome::Failed, Duration::ZERO);
        counters.count_sync(&SyncReport { started_at: report.ended_at + Duration::from_secs(5), ..report });
        assert!(text_of(&counters).contains("headcount_sync_duration_seconds_sum{outcome=\"failed\"} 0\n"));
    }

    #[test]
    fn events_are_counted_by_outcome() {
        let counters = Counters::new();
        counters.count_event(Outcome::Applied);
        counters.count_event(Outcome::Applied);
        counters.count_event(Outcome::Held);
        counters.count_refusal();
        let text = text_of(&counters);
        assert!(text.contains("headcount_events_total{outcome=\"applied\"} 2\n"), "{text}");
        assert!(text.contains("headcount_events_total{outcome=\"held\"} 1\n"), "{text}");
        assert!(text.contains("headcount_events_total{outcome=\"foreign\"} 0\n"), "{text}");
        assert!(text.contains("headcount_webhooks_refused_total 1\n"), "{text}");
    }
}
