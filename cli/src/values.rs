//! Parses values of arguments.

use headcount::Timestamp;
use std::time::Duration;

/// Parses a length of time.
///
/// # Errors
///
/// The message for the command line, if the text is no length of time or is zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    headcount_sandbox::parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a length of time, such as 250ms, 90s, 5m, 6h or 1d".to_owned())
}

/// Parses a point in time, as every call of headcount does.
///
/// # Errors
///
/// The message for the command line.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    headcount::internal::parse_moment(text).map_err(|error| error.message().to_owned())
}
