//! How many requests of a client are under way at once, and holding all of them back when the server says it is too much: not just
//! the one who was told.

use crate::error::Answer;
use crate::{Error, ErrorKind, Result};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The longest that one answer may silence a client, however much it asks for.
const LONGEST: Duration = Duration::from_secs(5 * 60);

pub(super) struct Limit {
    turns: Semaphore,
    most: usize,
    /// The moment before which no request leaves.
    held: Mutex<Option<Instant>>,
}

impl Limit {
    pub(super) fn new(most: usize) -> Limit {
        let most = most.min(Semaphore::MAX_PERMITS);
        Limit { turns: Semaphore::new(most), most, held: Mutex::default() }
    }

    /// The server asked for `wait`; gives what will be waited.
    pub(super) fn hold(&self, wait: Duration) -> Duration {
        let wait = wait.min(LONGEST);
        let until = Instant::now() + wait;
        let mut held = self.held();
        *held = Some(held.map_or(until, |other| other.max(until)));
        wait
    }

    /// Waits until a request may leave; an error where that is not before the deadline. It is under way until the turn is dropped.
    pub(super) async fn pass(&self, deadline: Instant) -> Result<SemaphorePermit<'_>> {
        loop {
            self.wait(deadline).await?;
            let turn = match tokio::time::timeout_at(deadline, self.turns.acquire()).await {
                Ok(Ok(turn)) => turn,
                // Nobody closes the semaphore.
                Ok(Err(_)) => return Err(Error::internal("the client's turns have ended")),
                Err(_) => return Err(self.crowded()),
            };
            if self.held_until().is_none() {
                return Ok(turn);
            }
        }
    }

    /// Waits until the server wants to hear from this client again; an error where that is not before the deadline.
    pub(super) async fn wait(&self, deadline: Instant) -> Result<()> {
        while let Some(until) = self.held_until() {
            if until >= deadline {
                return Err(silenced(until - Instant::now()));
            }
            tokio::time::sleep_until(until).await;
        }
        Ok(())
    }

    fn held_until(&self) -> Option<Instant> {
        self.held().filter(|until| *until > Instant::now())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn crowded(&self) -> Error {
        let most = self.most;
        Error::new(
            ErrorKind::Timeout,
            format!("no turn came before the deadline, with {most} requests of this client under way: raise max_concurrency or timeout"),
        )
        .temporary()
    }
}

fn silenced(wait: Duration) -> Error {
    let seconds = wait.as_secs_f64().ceil();
    Error::new(
        ErrorKind::RateLimit,
        format!("the server asked to be left alone for {seconds} more seconds, which is past this call's deadline"),
    )
    .temporary()
    .with_answer(Answer { retry_after: Some(wait), ..Answer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn holds_every_caller_and_no_longer() {
        let limit = Limit::new(1);
        let start = Instant::now();
        limit.hold(Duration::from_secs(3));
        limit.hold(Duration::from_secs(1));
        drop(limit.pass(start + Duration::from_secs(60)).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        drop(limit.pass(start + Duration::from_secs(60)).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_at_once_where_the_deadline_comes_first() {
        let limit = Limit::new(1);
        let start = Instant::now();
        limit.hold(Duration::from_secs(u32::MAX.into()));
        let error = limit.pass(start + Duration::from_secs(60)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimit, Some(LONGEST)));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn lets_no_more_through_than_it_should() {
        let limit = Limit::new(2);
        let deadline = Instant::now() + Duration::from_secs(60);
        let first = limit.pass(deadline).await.unwrap();
        let _second = limit.pass(deadline).await.unwrap();
        let error = limit.pass(deadline).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().contains("max_concurrency"), "{error}");
        drop(first);
        drop(limit.pass(Instant::now() + Duration::from_secs(1)).await.unwrap());
    }
}
