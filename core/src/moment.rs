//! Parses the points in time that callers write as text.

use crate::{Error, Result, Timestamp};
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// Parses an RFC 3339 time, or a date, which means its first instant in UTC (as in JavaScript's `Date`).
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for other text, such as a time without an offset from UTC.
pub fn parse_moment(text: &str) -> Result<Timestamp> {
    // Only text with the length of a date: jiff's parser of dates also accepts a date with a time, and ignores the time.
    let date = || (text.len() == "2025-01-31".len()).then(|| text.parse::<Date>().ok()).flatten();
    text.parse().ok().or_else(|| Offset::UTC.to_timestamp(date()?.to_datetime(Time::midnight())).ok()).ok_or_else(|| {
        Error::invalid_argument(
            "the text is not a time: expected RFC 3339, such as 2025-01-31T09:00:00Z, or a date, such as 2025-01-31",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_offset_and_a_date_are_moments() {
        let midnight: Timestamp = "2025-01-31T00:00:00Z".parse().unwrap();
        assert_eq!(parse_moment("2025-01-31").unwrap(), midnight);
        assert_eq!(parse_moment("2025-01-31T01:00:00+01:00").unwrap(), midnight);
        assert_eq!(parse_moment("2025-01-31T00:00:00.000000001Z").unwrap().subsec_nanosecond(), 1);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "yesterday", "2025-01-31T09:00:00", "2025-02-30", "20250131", "2025-01-31 ", "1738281600"] {
            assert_eq!(parse_moment(text).unwrap_err().kind(), crate::ErrorKind::InvalidArgument, "{text}");
        }
    }
}
