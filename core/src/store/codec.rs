//! Encodings that stores share: times as bytes that sort like the times, records as JSON, and states as numbers.

use crate::record::{EventState, HoldReason};
use crate::{Error, Result, Timestamp};
use serde::Serialize;

/// Returns a time as 12 bytes that sort like the times: seconds since 1970 with the sign bit inverted, then nanoseconds, most significant
/// byte first.
pub(super) fn time_bytes(moment: Timestamp) -> [u8; 12] {
    let nanoseconds = moment.as_nanosecond();
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    let [s0, s1, s2, s3, s4, s5, s6, s7] = ((seconds as i64 as u64) ^ (1 << 63)).to_be_bytes();
    let [n0, n1, n2, n3] = (rest as u32).to_be_bytes();
    [s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3]
}

/// Returns the time that [`time_bytes`] encoded, or `None` if the bytes are not a time.
pub(super) fn time_from_bytes(bytes: &[u8]) -> Option<Timestamp> {
    let [s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3] = bytes.try_into().ok()?;
    let seconds = (u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]) ^ (1 << 63)) as i64;
    let nanoseconds = i128::from(seconds) * 1_000_000_000 + i128::from(u32::from_be_bytes([n0, n1, n2, n3]));
    Timestamp::from_nanosecond(nanoseconds).ok()
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(not_json)
}

/// Appends the JSON text of a value to `buffer`.
#[cfg(feature = "sqlite")]
pub(super) fn write_json<T: Serialize>(buffer: &mut Vec<u8>, value: &T) -> Result<()> {
    serde_json::to_writer(buffer, value).map_err(not_json)
}

fn not_json(error: serde_json::Error) -> Error {
    Error::internal(format!("a row cannot be written as JSON: {error}"))
}

/// Returns the number that stores keep for a state. 2 is not used, because version 2 of the SQLite schema used it for held events.
pub(super) fn state_number(state: EventState) -> i64 {
    match state {
        EventState::Settled => 0,
        EventState::Pending => 1,
        EventState::Expired => 3,
    }
}

/// Returns the state that has this [`state_number`]. Unknown numbers become `Settled`.
pub(super) fn state(number: i64) -> EventState {
    match number {
        1 => EventState::Pending,
        3 => EventState::Expired,
        _ => EventState::Settled,
    }
}

/// Finds the reason of a hold by its name.
///
/// # Errors
///
/// [`ErrorKind::Store`](crate::ErrorKind::Store) if there is no such reason, which means that a newer version of this crate wrote the name.
pub(super) fn reason(name: &str) -> Result<HoldReason> {
    HoldReason::ALL.iter().copied().find(|reason| reason.name() == name).ok_or_else(|| {
        Error::store("a hold has a reason that this version of headcount does not know: update headcount")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_are_read_as_written_and_their_bytes_sort_like_them(left in -377705023201_i64..253402207200, right in -377705023201_i64..253402207200, nanos in 0_i32..1_000_000_000) {
            let times = [Timestamp::new(left, 0), Timestamp::new(right, nanos)].map(Result::unwrap);
            let bytes = times.map(time_bytes);
            prop_assert_eq!(times[0].cmp(&times[1]), bytes[0].cmp(&bytes[1]));
            prop_assert_eq!(time_from_bytes(&bytes[1]), Some(times[1]));
        }
    }
}
