//! Holding back every caller of a client when the server says it is too much: not just the one who was told.

use crate::{Error, ErrorKind, Result};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that one answer may silence a client, however much it asks for.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The moment before which no request leaves.
#[derive(Default)]
pub(super) struct Limit(Mutex<Option<Instant>>);

impl Limit {
    /// The server asked for `wait`.
    pub(super) fn hold(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST);
        let mut held = self.lock();
        *held = Some(held.map_or(until, |other| other.max(until)));
    }

    /// Waits until requests may leave; an error where that is not before the deadline.
    pub(super) async fn pass(&self, deadline: Instant) -> Result<()> {
        loop {
            let until = *self.lock();
            match until {
                Some(until) if until > Instant::now() => {
                    if until >= deadline {
                        let wait = until - Instant::now();
                        return Err(Error::new(
                            ErrorKind::RateLimit,
                            format!(
                                "the server asked to be left alone for {} more seconds, which is past this call's deadline",
                                wait.as_secs_f64().ceil()
                            ),
                        )
                        .temporary()
                        .with_answer(crate::error::Answer { retry_after: Some(wait), ..Default::default() }));
                    }
                    tokio::time::sleep_until(until).await;
                }
                _ => return Ok(()),
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn holds_every_caller_and_no_longer() {
        let limit = Limit::default();
        let start = Instant::now();
        limit.hold(Duration::from_secs(3));
        limit.hold(Duration::from_secs(1));
        limit.pass(start + Duration::from_secs(60)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        limit.pass(start + Duration::from_secs(60)).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_at_once_where_the_deadline_comes_first() {
        let limit = Limit::default();
        let start = Instant::now();
        limit.hold(Duration::from_secs(u32::MAX.into()));
        let error = limit.pass(start + Duration::from_secs(60)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimit, Some(LONGEST)));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
