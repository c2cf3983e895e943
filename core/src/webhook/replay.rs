//! The replay guard: records which messages were handled, so that a message that arrives twice is handled once.
//!
//! A valid signature identifies the sender, but does not show that a message is new: the sender repeats messages that it considers lost, and
//! within the timestamp's tolerance anyone who has seen a request can repeat it. An id is recorded on commit, after the message was
//! handled, so that a message whose handling failed is accepted when it is sent again.

use super::Event;
use crate::clock::{Clock, SystemClock};
use crate::defaults;
use crate::{Error, Result, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "sqlite")]
mod sqlite;

/// How long an id is stored by default; see [`defaults::REPLAY_RETENTION`].
pub const RETENTION: Duration = defaults::REPLAY_RETENTION;

/// Whether a message was handled already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// It is not recorded as handled: handle it, then call [`commit`](ReplayGuard::commit).
    First,
    /// It was handled: answer 2xx, so that the sender stops repeating it, and do nothing else.
    Again,
}

impl Replay {
    /// Returns `first` or `again`, which is the same in every language.
    pub const fn name(self) -> &'static str {
        match self {
            Replay::First => "first",
            Replay::Again => "again",
        }
    }
}

/// A store of message ids outside this crate. With Redis, for example, [`contains`](ReplayStore::contains) is `EXISTS` and
/// [`record`](ReplayStore::record) is `SET` with `EXAT`. Make errors with [`Error::store`].
///
/// It is called from several threads at once, on the thread that calls the guard.
pub trait ReplayStore: Send + Sync + 'static {
    /// Returns whether `message_id` was recorded and has not expired.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. The caller of the guard receives the error.
    fn contains(&self, message_id: &str) -> Result<bool>;

    /// Records `message_id` until `expires_at` or later. An id that is recorded already gets the new expiry.
    ///
    /// # Errors
    ///
    /// If the id was not recorded. The caller of the guard receives the error.
    fn record(&self, message_id: &str, expires_at: Timestamp) -> Result<()>;
}

/// A store inside this crate. It receives the current time from the guard, so that there is one clock.
trait IdStore: Send + Sync + 'static {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool>;
    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()>;
}

/// Records which messages were handled.
///
/// Call [`check`](ReplayGuard::check) before handling a message, and [`commit`](ReplayGuard::commit) after it was handled and before answering
/// 2xx:
///
/// ```
/// # use headcount::{Replay, ReplayGuard, Result, Event};
/// # fn handle(_: &Event) -> Result<()> { Ok(()) }
/// # fn receive(guard: &ReplayGuard, event: &Event) -> Result<()> {
/// if guard.check(event)? == Replay::First {
///     handle(event)?;
///     guard.commit(event)?;
/// }
/// # Ok(()) }
/// ```
///
/// No lock is held between the two calls: if a message arrives twice at the same moment, or the process ends before the commit, both
/// deliveries get [`Replay::First`]. Handlers must therefore be idempotent, or leave the event to the mirror's `receive`, which records and
/// applies it in one transaction.
///
/// Clones are cheap and share the store. Any number of threads may use a guard at once.
#[derive(Clone)]
pub struct ReplayGuard {
    store: Arc<dyn IdStore>,
    retention: Duration,
    clock: Arc<dyn Clock>,
}

impl ReplayGuard {
    /// Default number of ids that a guard in memory keeps; see [`defaults::REPLAY_CAPACITY`].
    pub const CAPACITY: usize = defaults::REPLAY_CAPACITY;

    /// Makes a guard that keeps the last `capacity` ids, at least one, in the memory of this process. The ids are lost when the process ends,
    /// and other processes do not see them. When it is full, expired ids are removed first, then the oldest.
    pub fn in_memory(capacity: usize) -> ReplayGuard {
        ReplayGuard::with_store(Memory(Mutex::new(Ids { capacity: capacity.max(1), ..Ids::default() })))
    }

    /// Makes a guard that keeps ids in `store`.
    pub fn new(store: impl ReplayStore) -> ReplayGuard {
        ReplayGuard::with_store(External(store))
    }

    fn with_store(store: impl IdStore) -> ReplayGuard {
        ReplayGuard { store: Arc::new(store), retention: RETENTION, clock: Arc::new(SystemClock) }
    }

    /// Sets how long an id is stored after its last commit. Default: [`defaults::REPLAY_RETENTION`]. The vendor repeats deliveries for 28
    /// hours, so a shorter retention accepts its last attempts as new messages.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the clock that the retention is measured with. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns whether the message of `event` was handled already. Records nothing.
    ///
    /// The message is identified by its [`message_id`](Event::message_id), which is the same for every attempt to deliver it, or by the event's
    /// own [`id`](Event::id) if it has none.
    ///
    /// # Errors
    ///
    /// The store's: [`ErrorKind::Store`](crate::ErrorKind::Store). Answer 5xx then, so that the message is sent again.
    pub fn check(&self, event: &Event) -> Result<Replay> {
        self.check_id(key(event))
    }

    /// Records that the message of `event` was handled. Until then [`check`](ReplayGuard::check) returns [`Replay::First`] for it.
    ///
    /// # Errors
    ///
    /// As [`check`](ReplayGuard::check).
    pub fn commit(&self, event: &Event) -> Result<()> {
        self.commit_id(key(event))
    }

    /// Does what [`check`](ReplayGuard::check) does, for a message id.
    ///
    /// # Errors
    ///
    /// As [`check`](ReplayGuard::check), and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an empty id.
    pub fn check_id(&self, message_id: &str) -> Result<Replay> {
        self.check_id_at(message_id, self.clock.now())
    }

    /// Does what [`commit`](ReplayGuard::commit) does, for a message id.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn commit_id(&self, message_id: &str) -> Result<()> {
        self.commit_id_at(message_id, self.clock.now())
    }

    /// Does what [`check_id`](ReplayGuard::check_id) does, at the time `now`. A [`ReplayStore`] uses its own clock.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn check_id_at(&self, message_id: &str, now: Timestamp) -> Result<Replay> {
        let seen = self.store.contains(not_empty(message_id)?, now)?;
        Ok(if seen { Replay::Again } else { Replay::First })
    }

    /// Does what [`commit_id`](ReplayGuard::commit_id) does, at the time `now`.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn commit_id_at(&self, message_id: &str, now: Timestamp) -> Result<()> {
        let expires_at = now.checked_add(self.retention).unwrap_or(Timestamp::MAX);
        self.store.record(not_empty(message_id)?, now, expires_at)
    }
}

/// Returns the id that identifies the event's message.
fn key(event: &Event) -> &str {
    Some(event.message_id()).filter(|id| !id.is_empty()).unwrap_or(event.id())
}

fn not_empty(message_id: &str) -> Result<&str> {
    Some(message_id).filter(|id| !id.is_empty()).ok_or_else(|| Error::invalid_argument("the message id is empty"))
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard").field("retention", &self.retention).finish_non_exhaustive()
    }
}

/// A [`ReplayStore`], which uses its own clock.
struct External<S>(S);

impl<S: ReplayStore> IdStore for External<S> {
    fn contains(&self, id: &str, _now: Timestamp) -> Result<bool> {
        self.0.contains(id)
    }

    fn record(&self, id: &str, _now: Timestamp, expires_at: Timestamp) -> Result<()> {
        self.0.record(id, expires_at)
    }
}

/// A store in the memory of this process.
struct Memory(Mutex<Ids>);

impl IdStore for Memory {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(id, now))
    }

    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record(id, now, expires_at);
        Ok(())
    }
}

/// Ids, and the order in which they were recorded, which is the order in which they expire.
#[derive(Default)]
struct Ids {
    capacity: usize,
    known: HashMap<Arc<str>, Entry>,
    /// Numbers and ids of all records. Recording an id again leaves its older record here, which is obsolete: its number differs from the
    /// id's current one.
    order: VecDeque<(u64, Arc<str>)>,
    records: u64,
}

struct Entry {
    number: u64,
    expires_at: Timestamp,
}

impl Ids {
    fn contains(&self, id: &str, now: Timestamp) -> bool {
        self.known.get(id).is_some_and(|entry| entry.expires_at > now)
    }

    fn record(&mut self, id: &str, now: Timestamp, expires_at: Timestamp) {
        let id = self.known.remove_entry(id).map_or_else(|| Arc::from(id), |(id, _)| id);
        while let Some((number, oldest)) = self.order.front() {
            let entry = self.known.get(oldest).filter(|entry| entry.number == *number);
            let stays = entry.is_some_and(|entry| entry.expires_at > now) && self.known.len() < self.capacity;
            if stays {
                break;
            }
            if entry.is_some() {
                self.known.remove(oldest);
            }
            self.order.pop_front();
        }
        self.records += 1;
        self.order.push_back((self.records, Arc::clone(&id)));
        self.known.insert(id, Entry { number: self.records, expires_at });
        // Obsolete records are removed before they outnumber the current ones, so that the cost per record stays constant.
        if self.order.len() > self.capacity.saturating_mul(2) {
            self.order.retain(|(number, id)| self.known.get(id).is_some_and(|entry| entry.number == *number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn event(id: &str) -> Event {
        let body = format!(r#"{{"id":"{id}","type":"x","occurred_at":"2025-01-06T18:44:25Z","data":{{}}}}"#);
        Event::from_verified_body(body.as_bytes()).unwrap()
    }

    #[test]
    fn an_event_without_a_message_id_is_identified_by_its_own_id() {
        let guard = ReplayGuard::in_memory(10);
        guard.commit(&event("evt_1")).unwrap();
        assert_eq!(guard.check(&event("evt_1")).unwrap(), Replay::Again);
        assert_eq!(guard.check(&event("evt_2")).unwrap(), Replay::First);
        assert_eq!(guard.check_id("evt_1").unwrap(), Replay::Again);
    }

    #[test]
    fn two_messages_with_the_same_event_are_different_messages() {
        let webhook = super::super::Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
        let body = event("evt_1").body().to_vec();
        let sent = |id: &str| webhook.verify(&webhook.sign(&body, Some(id), None).unwrap(), &body).unwrap();
        let (one, other) = (sent("msg_1"), sent("msg_2"));
        assert_eq!((one.message_id(), other.message_id()), ("msg_1", "msg_2"));
        assert_eq!(one, other, "the bodies are equal");
        let guard = ReplayGuard::in_memory(10);
        guard.commit(&one).unwrap();
        assert_eq!((guard.check(&one).unwrap(), guard.check(&other).unwrap()), (Replay::Again, Replay::First));
    }

    #[test]
    fn an_empty_id_is_refused() {
        let guard = ReplayGuard::in_memory(10);
        assert_eq!(guard.check_id("").unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(guard.commit_id("").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn uses_the_guards_clock_and_accepts_an_unlimited_retention() {
        let guard = ReplayGuard::in_memory(10).retention(Duration::MAX).clock(at(0));
        guard.commit_id("msg_1").unwrap();
        assert_eq!(guard.check_id_at("msg_1", at(250_000_000_000)).unwrap(), Replay::Again);
    }

    #[test]
    fn an_external_store_receives_the_expiry_and_its_errors_reach_the_caller() {
        struct Broken(Mutex<Vec<(String, Timestamp)>>);
        impl ReplayStore for Broken {
            fn contains(&self, _: &str) -> Result<bool> {
                Err(Error::store("redis is away"))
            }
            fn record(&self, id: &str, expires_at: Timestamp) -> Result<()> {
                self.0.lock().unwrap().push((id.to_owned(), expires_at));
                Err(Error::store(format!("{id} until {expires_at}")))
            }
        }
        let guard = ReplayGuard::new(Broken(Mutex::default())).retention(Duration::from_secs(60)).clock(at(0));
        let error = guard.check_id("msg_1").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Store, "redis is away"));
        assert_eq!(guard.commit_id("msg_1").unwrap_err().message(), "msg_1 until 1970-01-01T00:01:00Z");
    }

    proptest! {
        /// Compares with the simplest correct implementation: a list in the order of the last commits.
        #[test]
        fn memory_agrees_with_a_simple_model(
            capacity in 1_usize..6,
            retention in 0_i64..20,
            steps in proptest::collection::vec((0_u8..10, any::<bool>(), 0_i64..6), 1..200),
        ) {
            let guard = ReplayGuard::in_memory(capacity).retention(Duration::from_secs(retention.unsigned_abs()));
            let mut ids = Ids { capacity, ..Ids::default() };
            let (mut model, mut now) = (Vec::<(String, i64)>::new(), 0);
            for (id, commits, seconds) in steps {
                now += seconds;
                let id = format!("msg_{id}");
                let seen = model.iter().any(|(other, until)| *other == id && *until > now);
                prop_assert_eq!(guard.check_id_at(&id, at(now)).unwrap() == Replay::Again, seen);
                if commits {
                    guard.commit_id_at(&id, at(now)).unwrap();
                    ids.record(&id, at(now), at(now + retention));
                    model.retain(|(other, until)| *other != id && *until > now);
                    if model.len() == capacity {
                        model.remove(0);
                    }
                    model.push((id, now + retention));
                }
                prop_assert!(ids.known.len() <= capacity && ids.order.len() <= 2 * capacity);
            }
        }
    }
}
