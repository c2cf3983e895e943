//! Planned failures of REST calls: every n-th call fails with the next fault of a list.

use crate::clock::parse_duration;
use crate::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How a call fails or is delayed. The text in quotes is how a fault is written in the control API and in other languages.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Status 429 with this `Retry-After` in seconds: `"429"` (1 second) or `"429:SECONDS"`.
    RateLimit(u32),
    /// This status, from 400 to 599: `"401"`, `"500"`, …
    Status(u16),
    /// The connection is reset without a response: `"reset"`.
    Reset,
    /// The connection ends after half of the body: `"truncate"`.
    Truncate,
    /// Status 200 with a body that is not JSON: `"garbage"`.
    Garbage,
    /// Status 200 with a web page, as from a captive portal: `"html"`.
    Html,
    /// Status 200 with JSON whose members do not have the contract's types: `"wrong-types"`.
    WrongTypes,
    /// Status 200 with a body of 10,000,000 bytes: `"junk"`.
    Junk,
    /// Status 200 with an endless body of one byte a second: `"drip"`.
    Drip,
    /// Status 307 to another host: `"redirect"`.
    Redirect,
    /// The normal response, after this time: `"latency:2s"`.
    Latency(Duration),
    /// All access tokens become invalid, so that this call gets status 401: `"expire-token"`.
    ExpireToken,
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Fault, Error> {
        let (name, setting) = text.split_once(':').map_or((text, None), |(name, setting)| (name, Some(setting)));
        let unknown = || {
            Error::invalid(format!(
                "unknown fault {text:?}: expected a status such as 429 or 503, reset, truncate, garbage, html, wrong-types, \
                 junk, drip, redirect, latency:2s or expire-token"
            ))
        };
        match (name, setting) {
            ("429", None) => Ok(Fault::RateLimit(1)),
            ("429", Some(seconds)) => seconds.parse().map(Fault::RateLimit).map_err(|_| unknown()),
            ("reset", None) => Ok(Fault::Reset),
            ("truncate", None) => Ok(Fault::Truncate),
            ("garbage", None) => Ok(Fault::Garbage),
            ("html", None) => Ok(Fault::Html),
            ("wrong-types", None) => Ok(Fault::WrongTypes),
            ("junk", None) => Ok(Fault::Junk),
            ("drip", None) => Ok(Fault::Drip),
            ("redirect", None) => Ok(Fault::Redirect),
            ("expire-token", None) => Ok(Fault::ExpireToken),
            ("latency", Some(time)) => parse_duration(time).map(Fault::Latency).ok_or_else(unknown),
            (status, None) => match status.parse() {
                Ok(status @ 400..=599) => Ok(Fault::Status(status)),
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Fault {
    /// Writes the text form, which [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::RateLimit(seconds) => write!(f, "429:{seconds}"),
            Fault::Status(status) => write!(f, "{status}"),
            Fault::Reset => f.write_str("reset"),
            Fault::Truncate => f.write_str("truncate"),
            Fault::Garbage => f.write_str("garbage"),
            Fault::Html => f.write_str("html"),
            Fault::WrongTypes => f.write_str("wrong-types"),
            Fault::Junk => f.write_str("junk"),
            Fault::Drip => f.write_str("drip"),
            Fault::Redirect => f.write_str("redirect"),
            Fault::Latency(time) => write!(f, "latency:{}s", time.as_secs_f64()),
            Fault::ExpireToken => f.write_str("expire-token"),
        }
    }
}

/// Decides which calls have a fault, and which one.
///
/// Threads: may be used from any number of threads.
#[derive(Default)]
pub(crate) struct FaultSchedule(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    faults: Vec<Fault>,
    every: u64,
    calls: u64,
}

impl FaultSchedule {
    /// Replaces the plan: from now on every `every`-th call has a fault, taken from `faults` in turn. If `faults` is empty, no call has one.
    pub(crate) fn set(&self, faults: Vec<Fault>, every: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Inner { faults, every: u64::from(every.max(1)), calls: 0 };
    }

    /// Returns the faults, every how many calls there is one, and the number of calls since they were set.
    pub(crate) fn plan(&self) -> (Vec<Fault>, u64, u64) {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.faults.clone(), inner.every.max(1), inner.calls)
    }

    /// Counts a call and returns its fault, or `None` if the call must be answered normally.
    pub(crate) fn next(&self) -> Option<Fault> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.calls += 1;
        if inner.faults.is_empty() || !inner.calls.is_multiple_of(inner.every) {
            return None;
        }
        let turn = (inner.calls / inner.every - 1) as usize % inner.faults.len();
        inner.faults.get(turn).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_call_fails_with_the_next_fault() {
        let schedule = FaultSchedule::default();
        assert_eq!(schedule.next(), None);
        schedule.set(vec![Fault::Reset, Fault::Status(500)], 3);
        let faults: Vec<_> = (0..7).map(|_| schedule.next()).collect();
        assert_eq!(faults, [None, None, Some(Fault::Reset), None, None, Some(Fault::Status(500)), None]);
    }

    #[test]
    fn faults_are_parsed_from_text() {
        for (text, fault) in [
            ("429", Fault::RateLimit(1)),
            ("429:0", Fault::RateLimit(0)),
            ("503", Fault::Status(503)),
            ("404", Fault::Status(404)),
            ("wrong-types", Fault::WrongTypes),
            ("latency:2s", Fault::Latency(Duration::from_secs(2))),
            ("expire-token", Fault::ExpireToken),
        ] {
            assert_eq!(text.parse::<Fault>().unwrap(), fault);
        }
    }

    #[test]
    fn the_text_of_a_fault_is_read_as_the_same_fault() {
        for text in [
            "429:7",
            "503",
            "reset",
            "truncate",
            "garbage",
            "html",
            "wrong-types",
            "junk",
            "drip",
            "redirect",
            "latency:2s",
            "latency:0.25s",
            "expire-token",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_not_faults() {
        for text in ["", "200", "399", "600", "latency", "latency:x", "429:x", "reset:1"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
