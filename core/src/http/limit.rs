//! Limits the requests of a client that are in flight at once, and delays all further ones when the server asks for a pause.

use crate::error::Answer;
use crate::{Error, ErrorKind, Result};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Longest pause that one answer can cause, even if its `Retry-After` is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The limits of one client, shared by all its calls.
pub(super) struct Limit {
    permits: Semaphore,
    max_concurrency: usize,
    /// Time before which no request is sent.
    paused_until: Mutex<Option<Instant>>,
}

impl Limit {
    pub(super) fn new(max_concurrency: usize) -> Limit {
        let max_concurrency = max_concurrency.min(Semaphore::MAX_PERMITS);
        Limit { permits: Semaphore::new(max_concurrency), max_concurrency, paused_until: Mutex::default() }
    }

    /// Pauses all requests for `wait`, at most [`LONGEST_PAUSE`], and returns the pause. If a longer pause is in effect, it stays.
    pub(super) fn pause(&self, wait: Duration) -> Duration {
        let wait = wait.min(LONGEST_PAUSE);
        let until = Instant::now() + wait;
        let mut paused_until = self.lock();
        *paused_until = Some(paused_until.map_or(until, |other| other.max(until)));
        wait
    }

    /// Waits until a request may be sent. The request counts as in flight until the permit is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RateLimit`] if a pause ends after the deadline, [`ErrorKind::Timeout`] if no permit is free before it.
    pub(super) async fn acquire(&self, deadline: Instant) -> Result<SemaphorePermit<'_>> {
        loop {
            self.wait(deadline).await?;
            let permit = match tokio::time::timeout_at(deadline, self.permits.acquire()).await {
                Ok(Ok(permit)) => permit,
                // The semaphore is never closed.
                Ok(Err(_)) => return Err(Error::internal("the client's semaphore is closed")),
                Err(_) => return Err(self.no_permit()),
            };
            // A pause may have begun while this request waited for its permit.
            if self.paused_until().is_none() {
                return Ok(permit);
            }
        }
    }

    /// Waits until the pause is over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RateLimit`] if that is after the deadline.
    pub(super) async fn wait(&self, deadline: Instant) -> Result<()> {
        while let Some(until) = self.paused_until() {
            if until >= deadline {
                return Err(paused(until - Instant::now()));
            }
            tokio::time::sleep_until(until).await;
        }
        Ok(())
    }

    fn paused_until(&self) -> Option<Instant> {
        self.lock().filter(|until| *until > Instant::now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_permit(&self) -> Error {
        let most = self.max_concurrency;
        Error::new(
            ErrorKind::Timeout,
            format!("no request could be sent before the deadline, with {most} requests of this client in flight: raise max_concurrency or timeout"),
        )
        .temporary()
    }
}

fn paused(wait: Duration) -> Error {
    let seconds = wait.as_secs_f64().ceil();
    Error::new(
        ErrorKind::RateLimit,
        format!("the server asked for a pause of {seconds} more seconds, which is past this call's deadline"),
    )
    .temporary()
    .with_answer(Answer { retry_after: Some(wait), ..Answer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_applies_to_every_caller_until_it_ends() {
        let limit = Limit::new(1);
        let start = Instant::now();
        limit.pause(Duration::from_secs(3));
        limit.pause(Duration::from_secs(1));
        drop(limit.acquire(start + Duration::from_secs(60)).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        drop(limit.acquire(start + Duration::from_secs(60)).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn fails_at_once_if_the_pause_ends_after_the_deadline() {
        let limit = Limit::new(1);
        let start = Instant::now();
        limit.pause(Duration::from_secs(u32::MAX.into()));
        let error = limit.acquire(start + Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimit);
        assert_eq!(error.retry_after(), Some(LONGEST_PAUSE));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn grants_no_more_permits_than_max_concurrency() {
        let limit = Limit::new(2);
        let deadline = Instant::now() + Duration::from_secs(60);
        let first = limit.acquire(deadline).await.unwrap();
        let _second = limit.acquire(deadline).await.unwrap();
        let error = limit.acquire(deadline).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().contains("max_concurrency"), "{error}");
        drop(first);
        drop(limit.acquire(Instant::now() + Duration::from_secs(1)).await.unwrap());
    }
}
