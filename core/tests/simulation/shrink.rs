//! Runs scenarios and catches their failures. Searches for the shortest scenario with the same failure.

use crate::Medium;
use crate::random::SeededRandom;
use headcount::system::Random;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

/// The time after which a scenario counts as failed; [`crate::fleet`] has a limit of its own. Scenarios take milliseconds; only one that waits without
/// end takes this long.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// The greatest number of runs in the search for the shortest scenario.
const MOST_RUNS: u32 = 1_000;

/// A scenario: seeds of the random numbers that its parts draw. Leaving out a step does not change what the other steps draw.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) medium: Medium,
    /// The seed of the settings and of the directories at the start.
    pub(crate) seed: u64,
    /// The seed of each step.
    pub(crate) steps: Vec<u64>,
    /// The seed of the checks after the steps.
    pub(crate) checks: u64,
}

impl Scenario {
    pub(crate) fn of_seed(seed: u64, medium: Medium) -> Scenario {
        let random = SeededRandom::new(seed);
        let steps = (0..random.between(20, 60)).map(|_| random.bits()).collect();
        Scenario { medium, steps, checks: random.bits(), seed: random.bits() }
    }

    /// Returns the scenario without `count` steps from the index `from`.
    fn without(&self, from: usize, count: usize) -> Scenario {
        let mut shorter = self.clone();
        shorter.steps.drain(from..(from + count).min(self.steps.len()));
        shorter
    }
}

/// The lines that describe what happened in a run, or `None` if they are not recorded. Clones share the lines.
#[derive(Clone, Default)]
pub(crate) struct Trace(Option<Arc<Mutex<Vec<String>>>>);

impl Trace {
    pub(crate) fn recording() -> Trace {
        Trace(Some(Arc::default()))
    }

    pub(crate) fn note(&self, describe: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            lines.lock().unwrap().push(describe());
        }
    }

    pub(crate) fn print(&self) {
        self.0.iter().for_each(|lines| lines.lock().unwrap().iter().for_each(|line| println!("  {line}")));
    }
}

thread_local! {
    /// `Some` while a scenario runs on this thread. Then the inner value is the message of its first panic, or `None` if there was none.
    static PANIC: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Replaces the panic hook: on a thread that runs a scenario, the first panic is stored in [`PANIC`] and none is printed.
fn store_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_stored = PANIC.with_borrow_mut(|stored| {
                let slot = stored.as_mut()?;
                slot.get_or_insert_with(|| {
                    let place = info.location().map(ToString::to_string).unwrap_or_default();
                    let text = info.payload().downcast_ref::<&str>().copied();
                    let message = text.or_else(|| info.payload().downcast_ref::<String>().map(String::as_str));
                    format!("{place}: {}", message.unwrap_or("a panic without a message"))
                });
                Some(())
            });
            if is_stored.is_none() {
                print(info);
            }
        }));
    });
}

/// Runs a scenario. Returns the place and message of the check that failed, or `None` if none did.
pub(crate) fn run(scenario: &Scenario, trace: &Trace) -> Option<String> {
    store_panics();
    PANIC.set(Some(None));
    let result = catch_unwind(AssertUnwindSafe(|| {
        if let Medium::Server(mistake) = scenario.medium {
            return crate::fleet::run_scenario(scenario, mistake, trace);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = async { tokio::time::timeout(LONGEST_RUN, crate::run_scenario(scenario, trace)).await };
        runtime.block_on(run).expect("the scenario ends within the time limit");
    }));
    let message = PANIC.take().flatten();
    result.err().map(|_| message.unwrap_or_default())
}

/// Returns the shortest scenario that was found in which the same check fails as in `scenario`, with the check's message and its
/// trace. `trace` is that of `scenario`.
pub(crate) fn shrink(scenario: &Scenario, message: &str, trace: Trace) -> (Scenario, String, Trace) {
    // Compares only the check's place in the source, because the same check may fail with another message.
    let place = |message: &str| message.split(": ").next().unwrap_or_default().to_owned();
    let (wanted, mut runs) = (place(message), 0);
    let mut shortest = (scenario.clone(), message.to_owned(), trace);
    let mut count = scenario.steps.len().div_ceil(2);
    while count > 0 {
        let mut from = 0;
        while from < shortest.0.steps.len() && runs < MOST_RUNS {
            runs += 1;
            let shorter = shortest.0.without(from, count);
            let trace = Trace::recording();
            match run(&shorter, &trace) {
                Some(message) if place(&message) == wanted => shortest = (shorter, message, trace),
                _ => from += count,
            }
        }
        count = if count == 1 { 0 } else { count.div_ceil(2) };
    }
    shortest
}
