//! Log lines on stderr: what the core does, with `--verbose`.

use crate::output::{Output, write_above};
use indicatif::MultiProgress;
use std::io::Write;
use tracing::Dispatch;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Sets the subscriber of the process; or if it has one, as in Python, the subscriber of this thread. Returns a function that does the same for each
/// thread of the command's runtime.
///
/// Levels of the target `headcount`: `info` with `--verbose`, `debug` with `-vv` and everything with `-vvv`, which also writes the debug lines of other
/// crates. Without it, `least`: commands write what needs attention themselves, so errors are enough, and a service logs warnings as well.
pub(crate) fn start(output: &Output, least: LevelFilter) -> impl Fn() + Send + Sync + 'static {
    let (own, others) = match output.verbosity() {
        0 => (least, least),
        1 => (LevelFilter::INFO, LevelFilter::WARN),
        2 => (LevelFilter::DEBUG, LevelFilter::WARN),
        _ => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_target(output.verbosity() > 2)
        .with_writer(AboveBars(output.bars().clone()));
    let targets = Targets::new().with_default(others).with_target("headcount", own);
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(lines).with(targets));
    let is_set = tracing::dispatcher::set_global_default(dispatch.clone()).is_ok();
    let set_for_thread = move || {
        if !is_set {
            // Until the thread ends.
            std::mem::forget(tracing::dispatcher::set_default(&dispatch));
        }
    };
    set_for_thread();
    set_for_thread
}

/// Writes lines to stderr above the progress bars.
struct AboveBars(MultiProgress);

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { bars: self.0.clone(), text: Vec::new() }
    }
}

/// One line, written when it is dropped.
struct Line {
    bars: MultiProgress,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        write_above(&self.bars, &self.text);
    }
}
