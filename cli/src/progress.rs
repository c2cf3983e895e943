//! Shows on stderr how far a sync is: as a bar if stderr is a terminal, or else as lines.

use crate::output::{Output, write_above};
use crate::text::{count, fit, width};
use headcount::mirror::{Phase, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{IsTerminal, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use terminal_size::{Width, terminal_size_of};
use tokio::time::Instant;

/// How often the bar is drawn again, so that it fits the terminal after a resize.
const TICK: Duration = Duration::from_millis(200);
/// The time between two lines of a listing, where progress is shown as lines.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// Columns of a bar, with its brackets, and the fewest columns of a terminal for which there is one.
const BAR: usize = 22;
const WIDE: usize = 60;

/// Writes a line, which has no end of line.
type Lines = Arc<dyn Fn(&str) + Send + Sync>;

/// The progress of one sync, of one or several directories. It is removed from the terminal when it is dropped.
pub(crate) struct SyncProgress {
    bar: Option<ProgressBar>,
    /// What writes lines, if progress is shown as lines.
    lines: Option<Lines>,
    seen: Arc<Mutex<Seen>>,
}

/// Shows the progress of one sync of a library, as the command does. A bar is removed from the terminal when this is dropped.
pub struct ProgressDisplay(SyncProgress);

impl ProgressDisplay {
    /// Shows a sync that starts now on stderr: as a bar if that is a terminal, and otherwise as lines.
    pub fn on_stderr() -> ProgressDisplay {
        if std::io::stderr().is_terminal() {
            return ProgressDisplay::as_bar();
        }
        // An error is ignored: there is no other place to report it.
        ProgressDisplay::as_lines(|line| drop(writeln!(std::io::stderr().lock(), "{line}")))
    }

    /// Shows a sync that starts now as a bar on stderr, which is a terminal.
    pub fn as_bar() -> ProgressDisplay {
        ProgressDisplay(SyncProgress::new(Some(&MultiProgress::new()), None))
    }

    /// Shows a sync that starts now as lines, each of which is passed to `write` without its end, on any thread.
    pub fn as_lines(write: impl Fn(&str) + Send + Sync + 'static) -> ProgressDisplay {
        ProgressDisplay(SyncProgress::new(None, Some(Arc::new(write))))
    }

    /// Shows a report of the sync. May be called from any thread.
    pub fn show(&self, progress: &Progress) {
        show(&self.0.seen, self.0.lines.as_ref(), progress);
    }
}

/// The last report of each directory.
#[derive(Default)]
struct Seen {
    directories: BTreeMap<String, Progress>,
    started: Option<Instant>,
    line_at: Option<Instant>,
}

/// The sum over all directories.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sum {
    /// The only directory, or `None` if there are several.
    directory: Option<String>,
    directories: usize,
    phase: Option<Phase>,
    pages: u64,
    items: u64,
    /// Number of users or groups in all pages, if it is known for all directories.
    total: Option<u64>,
    seconds: f64,
}

impl SyncProgress {
    /// Shows the progress of a sync that starts now.
    pub(crate) fn start(output: &Output) -> SyncProgress {
        let bars = output.bars().clone();
        if output.shows_bars() {
            return SyncProgress::new(Some(&bars), None);
        }
        let write = move |line: &str| write_above(&bars, format!("{line}\n").as_bytes());
        SyncProgress::new(None, (!output.is_quiet()).then(|| Arc::new(write) as Lines))
    }

    /// Shows the progress of a sync that starts now as a bar among `bars`, or else as lines.
    fn new(bars: Option<&MultiProgress>, lines: Option<Lines>) -> SyncProgress {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let bar = bars.map(|bars| {
            let shown = Arc::clone(&seen);
            let line = move |_: &ProgressState, writer: &mut dyn Write| {
                let columns =
                    terminal_size_of(std::io::stderr()).map_or(80, |(Width(columns), _)| usize::from(columns));
                let sum = shown.lock().unwrap_or_else(PoisonError::into_inner).sum();
                // The last column is left free: some terminals go to the next line after writing it.
                let _ = writer.write_str(&bar_line(&sum, columns.saturating_sub(1)));
            };
            // The template has only a key, so it cannot be malformed.
            let style = ProgressStyle::with_template("{line}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = bars.add(ProgressBar::no_length().with_style(style.with_key("line", line)));
            bar.enable_steady_tick(TICK);
            bar
        });
        SyncProgress { bar, lines, seen }
    }

    /// Returns the observer of the sync's progress.
    pub(crate) fn observer(&self) -> impl Fn(&Progress) + Send + Sync + 'static {
        let (seen, lines) = (Arc::clone(&self.seen), self.lines.clone());
        move |progress| show(&seen, lines.as_ref(), progress)
    }
}

/// Adds a report, and writes the line that is due, if progress is shown as lines.
fn show(seen: &Mutex<Seen>, lines: Option<&Lines>, progress: &Progress) {
    let line = seen.lock().unwrap_or_else(PoisonError::into_inner).add(progress, Instant::now());
    if let (Some(write), Some(line)) = (lines, line) {
        write(&line);
    }
}

impl Drop for SyncProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Seen {
    /// Adds a report, and returns the line to write: for the first page of each phase of a directory, and every few seconds.
    fn add(&mut self, progress: &Progress, now: Instant) -> Option<String> {
        self.started.get_or_insert(now);
        let before = self.directories.insert(progress.directory_id.clone(), progress.clone());
        let is_new_phase = before.is_none_or(|before| before.phase != progress.phase);
        let is_due = self.line_at.is_none_or(|at| now.duration_since(at) >= BETWEEN_LINES);
        if !is_new_phase && !is_due {
            return None;
        }
        self.line_at = Some(now);
        let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let pages = if progress.phase == Phase::Removals {
            String::new()
        } else {
            format!(", {}", count(progress.pages, "page"))
        };
        Some(format!("{}: {} {}{total}{pages}", progress.directory_id, progress.phase, progress.items))
    }

    fn sum(&self) -> Sum {
        let all = self.directories.values();
        let users = all.clone().filter(|progress| progress.phase == Phase::Users);
        let one = (self.directories.len() == 1).then(|| all.clone().next()).flatten();
        Sum {
            directory: one.map(|progress| progress.directory_id.clone()),
            directories: self.directories.len(),
            phase: one.map(|progress| progress.phase),
            pages: all.clone().map(|progress| progress.pages).sum(),
            items: one.map_or_else(|| users.clone().map(|progress| progress.items).sum(), |progress| progress.items),
            total: one.map_or_else(|| users.map(|progress| progress.total).sum(), |progress| progress.total),
            seconds: self.started.map_or(0.0, |started| started.elapsed().as_secs_f64()),
        }
    }
}

/// Returns the line of the bar in at most `columns` columns.
fn bar_line(sum: &Sum, columns: usize) -> String {
    if sum.directories == 0 {
        return fit("connecting", columns);
    }
    let what = sum.phase.map_or("users", Phase::name);
    let total = sum.total.map(|total| format!("/{total}")).unwrap_or_default();
    let numbers = format!("{}{total} {what}", sum.items);
    if columns < WIDE {
        return fit(&numbers, columns);
    }
    let place = sum.directory.clone().unwrap_or_else(|| format!("{} directories", sum.directories));
    let rate = if sum.seconds > 0.0 { sum.items as f64 / sum.seconds } else { 0.0 };
    let left = sum.total.map(|total| total.saturating_sub(sum.items)).filter(|left| rate > 0.0 && *left > 0);
    let left = left.map(|left| format!(", {:.0} s left", (left as f64 / rate).ceil())).unwrap_or_default();
    let rest = format!("{numbers}, {}, {rate:.0}/s{left}", count(sum.pages, "page"));
    let bar = sum.total.map(|total| bar(sum.items, total)).unwrap_or_default();
    let line = format!("{place} {bar}{rest}");
    if width(&line) <= columns { line } else { fit(&format!("{bar}{rest}"), columns) }
}

/// Returns a bar of [`BAR`] columns and a space.
fn bar(items: u64, total: u64) -> String {
    let cells = BAR - 2;
    let share = if total == 0 { 1.0 } else { (items as f64 / total as f64).min(1.0) };
    let full = (share * cells as f64) as usize;
    format!("[{}{}] ", "#".repeat(full), "-".repeat(cells - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum() -> Sum {
        Sum {
            directory: Some("dir_1".to_owned()),
            directories: 1,
            phase: Some(Phase::Users),
            pages: 12,
            items: 1200,
            total: Some(4800),
            seconds: 4.0,
        }
    }

    #[test]
    fn a_wide_line_has_the_directory_the_bar_pages_rate_and_time_left() {
        assert_eq!(bar_line(&sum(), 100), "dir_1 [#####---------------] 1200/4800 users, 12 pages, 300/s, 12 s left");
    }

    #[test]
    fn a_line_never_exceeds_the_terminal() {
        for columns in 0..120 {
            assert!(width(&bar_line(&sum(), columns)) <= columns, "{columns}");
        }
        assert_eq!(bar_line(&sum(), 19), "1200/4800 users");
    }

    #[test]
    fn several_directories_are_one_line() {
        let all = Sum { directory: None, directories: 3, phase: None, total: None, ..sum() };
        assert_eq!(bar_line(&all, 100), "3 directories 1200 users, 12 pages, 300/s");
    }
}
