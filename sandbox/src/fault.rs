//! Breaking answers on request: every n-th REST call meets the next fault of a list.

use crate::clock::parse_duration;
use crate::error::Error;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a call meets instead of its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 429 with this many seconds of `Retry-After`. Written `429` (one second) or `429:0`.
    RateLimit(u32),
    /// This status, 400 to 599. Written `401`, `404`, `500`, `503`, …
    Status(u16),
    /// The connection is reset without an answer. Written `reset`.
    Reset,
    /// Half of the body comes, then the connection ends. Written `truncate`.
    Truncate,
    /// 200 with a body that is not JSON. Written `garbage`.
    Garbage,
    /// 200 with a web page, as a captive portal sends one. Written `html`.
    Html,
    /// 200 with JSON in which nothing has the type that the contract says. Written `wrong-types`.
    WrongTypes,
    /// 200 with ten million bytes of it. Written `junk`.
    Junk,
    /// 200 with a byte a second, and no end. Written `drip`.
    Drip,
    /// 307 to another host. Written `redirect`.
    Redirect,
    /// The answer comes late. Written `latency:2s`.
    Latency(Duration),
    /// All tokens end, this call's too. Written `expire-token`.
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

/// Which calls meet which fault.
#[derive(Default)]
pub(crate) struct Plan(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    faults: Vec<Fault>,
    every: u64,
    calls: u64,
}

impl Plan {
    /// Every `every`-th call from now on meets the next of `faults`; none of them ends it.
    pub(crate) fn set(&self, faults: Vec<Fault>, every: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Inner { faults, every: u64::from(every.max(1)), calls: 0 };
    }

    /// Counts a call, and says what it meets.
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
    fn every_third_call_meets_them_in_turn() {
        let plan = Plan::default();
        assert_eq!(plan.next(), None);
        plan.set(vec![Fault::Reset, Fault::Status(500)], 3);
        let met: Vec<_> = (0..7).map(|_| plan.next()).collect();
        assert_eq!(met, [None, None, Some(Fault::Reset), None, None, Some(Fault::Status(500)), None]);
    }

    #[test]
    fn faults_are_written_as_people_say_them() {
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
        for text in ["", "200", "399", "600", "latency", "latency:x", "429:x", "reset:1"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
