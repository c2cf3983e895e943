//! Writes data to stdout, as text or JSON, and messages to stderr.

use crate::failure::Failure;
use crate::table::Table;
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;
use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use terminal_size::{Width, terminal_size_of};

/// The outputs of a command. Safe to use from several threads.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbosity: u8,
    colour: bool,
    /// Whether stdout is a terminal: then each line is written at once.
    to_terminal: bool,
    out: Mutex<BufWriter<Stdout>>,
    bars: MultiProgress,
}

/// A colour of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Bold,
    Red,
    Green,
    Yellow,
}

impl Colour {
    /// Returns the parameter of the control sequence that selects the colour (ECMA-48, SGR).
    fn code(self) -> u8 {
        match self {
            Colour::Bold => 1,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
        }
    }
}

impl Output {
    /// Makes the outputs of this process. Text is coloured if stdout is a terminal, and `NO_COLOR` is not set to a text (see no-color.org).
    pub(crate) fn new(json: bool, quiet: bool, verbosity: u8) -> Output {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let to_terminal = std::io::stdout().is_terminal();
        let bars = MultiProgress::with_draw_target(match shows_bars(quiet, verbosity) {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        });
        Output {
            json,
            quiet,
            verbosity,
            colour: to_terminal && !is_set("NO_COLOR") && !is_dumb,
            to_terminal,
            out: Mutex::new(BufWriter::new(std::io::stdout())),
            bars,
        }
    }

    /// Returns whether data are written as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns how often `--verbose` was given.
    pub(crate) fn verbosity(&self) -> u8 {
        self.verbosity
    }

    /// Returns the progress bars on stderr. They are hidden if stderr is no terminal.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Returns whether progress is shown as a bar.
    pub(crate) fn shows_bars(&self) -> bool {
        shows_bars(self.quiet, self.verbosity)
    }

    /// Writes a line of text to stdout.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if stdout cannot be written; without a message if its reader has closed it.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        let mut out = self.out();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        if self.to_terminal { Ok(out.flush()?) } else { Ok(()) }
    }

    /// Writes text to stdout as it is.
    ///
    /// # Errors
    ///
    /// As [`line`](Output::line).
    pub(crate) fn text(&self, text: &[u8]) -> Result<(), Failure> {
        Ok(self.out().write_all(text)?)
    }

    /// Writes a value as one line of JSON to stdout.
    ///
    /// # Errors
    ///
    /// As [`line`](Output::line).
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::new(format!("the result cannot be written: {error}")))?;
        self.line(&text)
    }

    /// Writes a table to stdout, fitted to the width of the terminal.
    ///
    /// # Errors
    ///
    /// As [`line`](Output::line).
    pub(crate) fn table(&self, table: &Table) -> Result<(), Failure> {
        for line in table.lines(self.width()) {
            self.line(&line)?;
        }
        Ok(())
    }

    /// Completes the writes to stdout.
    ///
    /// # Errors
    ///
    /// As [`line`](Output::line).
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        Ok(self.out().flush()?)
    }

    /// Returns the width of the terminal that stdout is, in columns; `None` if it is none.
    pub(crate) fn width(&self) -> Option<usize> {
        let (Width(columns), _) = terminal_size_of(std::io::stdout()).filter(|_| self.to_terminal)?;
        Some(usize::from(columns)).filter(|columns| *columns > 0)
    }

    /// Returns the text in a colour, if stdout shows colours.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", colour.code()) } else { text.to_owned() }
    }

    /// Writes a message to stderr, unless `--quiet` is given.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.message(text);
        }
    }

    /// Writes the message of a failure to stderr.
    pub(crate) fn error(&self, text: &str) {
        self.message(&format!("headcount: {text}"));
    }

    /// Writes a line to stderr, also with `--quiet`.
    pub(crate) fn message(&self, text: &str) {
        write_above(&self.bars, format!("{text}\n").as_bytes());
    }

    fn out(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes text to stderr, above the progress bars. An error is ignored: there is no other place to report it.
pub(crate) fn write_above(bars: &MultiProgress, text: &[u8]) {
    let _ = bars.suspend(|| std::io::stderr().lock().write_all(text));
}

/// Returns whether progress is shown as a bar: on a terminal, and without log lines, which would move it.
fn shows_bars(quiet: bool, verbosity: u8) -> bool {
    !quiet && verbosity == 0 && std::io::stderr().is_terminal()
}
