//! The replay guard: records which messages were handled, so that a message that arrives twice is handled once.
//!
//! A valid signature identifies the sender, but does not show that a message is new: the sender repeats messages that it considers lost, and
//! within the timestamp's tolerance anyone who has seen a request can repeat it. An id is recorded on commit, after the message was
//! handled, so that a message whose handling failed is accepted when it is sent again.

use super::{Event, Webhook};
use crate::clock::{Clock, SystemClock};
use crate::process::PerProcess;
use crate::{Error, Result, Timestamp, defaults};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "sqlite")]
mod sqlite;

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
/// Its functions run on the thread that calls the guard, and several threads may call them at once.
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

    /// Records `message_id` until `expires_at` or later and returns true, or returns false if it is recorded already, in one atomic step. With
    /// Redis: `SET` with `NX` and `EXAT`. [`ReplayGuard::claim`] needs it.
    ///
    /// # Errors
    ///
    /// As [`record`](ReplayStore::record); [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the store does not implement it.
    fn claim(&self, message_id: &str, expires_at: Timestamp) -> Result<bool> {
        let _ = (message_id, expires_at);
        Err(missing_function("claim"))
    }

    /// Removes `message_id` if it is recorded. With Redis: `DEL`. [`ReplayGuard::release`] needs it.
    ///
    /// # Errors
    ///
    /// As [`claim`](ReplayStore::claim).
    fn release(&self, message_id: &str) -> Result<()> {
        let _ = message_id;
        Err(missing_function("release"))
    }
}

fn missing_function(function: &str) -> Error {
    Error::invalid_argument(format!("the store has no function `{function}`: add it, or use check and commit"))
}

/// A store inside this crate. The guard passes it the current time, so that both use the same clock.
trait IdStore: Send + Sync + 'static {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool>;
    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()>;
    fn claim(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool>;
    fn release(&self, id: &str) -> Result<()>;
}

/// Records which messages were handled.
///
/// Call [`check`](ReplayGuard::check) before handling a message, and [`commit`](ReplayGuard::commit) after it was handled and before answering
/// 2xx:
///
/// ```
/// # use headcount::webhook::{Replay, ReplayGuard};
/// # use headcount::{Result, Event};
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
/// applies it in one transaction. Where handling a message twice is worse than not at all, call [`claim`](ReplayGuard::claim) instead.
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
    /// and other processes do not see them; a forked child begins with a copy. A full guard removes expired ids first, then the oldest.
    pub fn in_memory(capacity: usize) -> ReplayGuard {
        ReplayGuard::with_store(Memory::new(capacity.max(1)))
    }

    /// Makes a guard that keeps ids in `store`.
    pub fn new(store: impl ReplayStore) -> ReplayGuard {
        ReplayGuard::with_store(External(store))
    }

    fn with_store(store: impl IdStore) -> ReplayGuard {
        ReplayGuard { store: Arc::new(store), retention: defaults::REPLAY_RETENTION, clock: Arc::new(SystemClock) }
    }

    /// Sets how long an id is stored after its last commit. Default: [`defaults::REPLAY_RETENTION`]. The vendor repeats deliveries for 28
    /// hours; with a shorter retention, the last of these deliveries count as new messages.
    ///
    /// A retention shorter than 10 minutes, which is twice the default tolerance of timestamps, is refused: a request could be accepted again while
    /// its timestamp is still valid. Every call of such a guard fails with [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument);
    /// [`try_retention`](ReplayGuard::try_retention) fails at once.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Does what [`retention`](ReplayGuard::retention) does, and checks the retention.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if `retention` is shorter than twice [`defaults::TOLERANCE`].
    pub fn try_retention(self, retention: Duration) -> Result<Self> {
        let guard = self.retention(retention);
        guard.covers(defaults::TOLERANCE)?;
        Ok(guard)
    }

    /// Checks that the guard keeps ids for at least twice the tolerance of `webhook`, which verifies the messages. A request whose timestamp is
    /// ahead of the clock by the tolerance is valid for twice as long.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the guard keeps them for less than that.
    pub fn check_tolerance(&self, webhook: &Webhook) -> Result<()> {
        self.covers(webhook.tolerance())
    }

    fn covers(&self, tolerance: Duration) -> Result<()> {
        let shortest = tolerance.saturating_mul(2);
        if self.retention >= shortest {
            return Ok(());
        }
        let (retention, shortest) = (self.retention.as_secs_f64(), shortest.as_secs_f64());
        Err(Error::invalid_argument(format!(
            "the replay guard's retention is {retention} seconds: expected at least {shortest}, twice the tolerance of timestamps"
        )))
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

    /// Records that the message of `event` is handled, unless it is recorded already, in one step: of several deliveries at the same moment, one
    /// gets [`Replay::First`]. Call it before handling the message, instead of [`check`](ReplayGuard::check) and
    /// [`commit`](ReplayGuard::commit), and [`release`](ReplayGuard::release) if handling it fails. If the process ends in between, the message
    /// stays recorded and is not handled again.
    ///
    /// # Errors
    ///
    /// As [`check`](ReplayGuard::check), and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if a [`ReplayStore`] has no
    /// [`claim`](ReplayStore::claim).
    pub fn claim(&self, event: &Event) -> Result<Replay> {
        self.claim_id(key(event))
    }

    /// Removes the record of the message of `event`, so that it is handled when it is delivered again: for a claimed message whose handling
    /// failed.
    ///
    /// # Errors
    ///
    /// As [`claim`](ReplayGuard::claim).
    pub fn release(&self, event: &Event) -> Result<()> {
        self.release_id(key(event))
    }

    /// Does what [`claim`](ReplayGuard::claim) does, for a message id.
    ///
    /// # Errors
    ///
    /// As [`claim`](ReplayGuard::claim), and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an empty id.
    pub fn claim_id(&self, message_id: &str) -> Result<Replay> {
        self.claim_id_at(message_id, self.clock.now())
    }

    /// Does what [`claim_id`](ReplayGuard::claim_id) does, at the time `now`. A [`ReplayStore`] uses its own clock.
    ///
    /// # Errors
    ///
    /// As [`claim_id`](ReplayGuard::claim_id).
    pub fn claim_id_at(&self, message_id: &str, now: Timestamp) -> Result<Replay> {
        let message_id = self.usable(message_id)?;
        let claimed = self.store.claim(message_id, now, self.expiry(now))?;
        Ok(if claimed { Replay::First } else { Replay::Again })
    }

    /// Does what [`release`](ReplayGuard::release) does, for a message id.
    ///
    /// # Errors
    ///
    /// As [`claim_id`](ReplayGuard::claim_id).
    pub fn release_id(&self, message_id: &str) -> Result<()> {
        self.store.release(self.usable(message_id)?)
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
        let seen = self.store.contains(self.usable(message_id)?, now)?;
        Ok(if seen { Replay::Again } else { Replay::First })
    }

    /// Does what [`commit_id`](ReplayGuard::commit_id) does, at the time `now`.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn commit_id_at(&self, message_id: &str, now: Timestamp) -> Result<()> {
        self.store.record(self.usable(message_id)?, now, self.expiry(now))
    }

    fn expiry(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.retention).unwrap_or(Timestamp::MAX)
    }

    /// Returns the id, or an error if it is empty or the guard's retention is too short.
    fn usable<'a>(&self, message_id: &'a str) -> Result<&'a str> {
        self.covers(defaults::TOLERANCE)?;
        if message_id.is_empty() {
            return Err(Error::invalid_argument("the message id is empty"));
        }
        Ok(message_id)
    }
}

/// Returns the id that identifies the event's message.
fn key(event: &Event) -> &str {
    Some(event.message_id()).filter(|id| !id.is_empty()).unwrap_or(event.id())
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

    fn claim(&self, id: &str, _now: Timestamp, expires_at: Timestamp) -> Result<bool> {
        self.0.claim(id, expires_at)
    }

    fn release(&self, id: &str) -> Result<()> {
        self.0.release(id)
    }
}

/// A store in the memory of this process. A forked child has a copy of its own, because a thread of the parent may have held the lock.
struct Memory {
    capacity: usize,
    ids: PerProcess<Arc<Mutex<Ids>>>,
}

impl Memory {
    fn new(capacity: usize) -> Memory {
        Memory { capacity, ids: PerProcess::new() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Ids) -> T) -> Result<T> {
        let ids = self.ids.get(|| {
            // If a thread was recording an id at the moment of the fork, the copy begins empty.
            let inherited = self.ids.inherited().and_then(|ids| ids.try_lock().ok().map(|ids| ids.clone()));
            let ids = inherited.unwrap_or_else(|| Ids { capacity: self.capacity, ..Ids::default() });
            Ok(Arc::new(Mutex::new(ids)))
        })?;
        let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(work(&mut ids))
    }
}

impl IdStore for Memory {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool> {
        self.with(|ids| ids.contains(id, now))
    }

    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()> {
        self.with(|ids| ids.record(id, now, expires_at))
    }

    fn claim(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool> {
        self.with(|ids| {
            let new = !ids.contains(id, now);
            if new {
                ids.record(id, now, expires_at);
            }
            new
        })
    }

    fn release(&self, id: &str) -> Result<()> {
        self.with(|ids| {
            ids.known.remove(id);
        })
    }
}

/// Ids, and the order in which they were recorded, which is the order in which they expire.
#[derive(Clone, Default)]
struct Ids {
    capacity: usize,
    known: HashMap<Arc<str>, Entry>,
    /// Numbers and ids of all records. Recording or releasing an id leaves its older record here, which is obsolete: its number is not the id's
    /// current one.
    order: VecDeque<(u64, Arc<str>)>,
    records: u64,
}

#[derive(Clone)]
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
        // Removes obsolete records, expired ids and, while the guard is full, the oldest ids.
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
                Err(Error::store("redis cannot be reached"))
            }
            fn record(&self, id: &str, expires_at: Timestamp) -> Result<()> {
                self.0.lock().unwrap().push((id.to_owned(), expires_at));
                Err(Error::store(format!("{id} until {expires_at}")))
            }
        }
        let guard = ReplayGuard::new(Broken(Mutex::default())).retention(Duration::from_secs(3600)).clock(at(0));
        let error = guard.check_id("msg_1").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Store, "redis cannot be reached"));
        assert_eq!(guard.commit_id("msg_1").unwrap_err().message(), "msg_1 until 1970-01-01T01:00:00Z");
        let error = guard.claim_id("msg_1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "the store has no claim: {error}");
        assert_eq!(guard.release_id("msg_1").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn a_retention_shorter_than_twice_the_tolerance_is_refused() {
        let short = Duration::from_secs(599);
        let error = ReplayGuard::in_memory(10).try_retention(short).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("599 seconds: expected at least 600"), "{error}");
        let guard = ReplayGuard::in_memory(10).retention(short);
        for result in [guard.check_id("msg_1").map(drop), guard.commit_id("msg_1"), guard.claim_id("msg_1").map(drop)] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
        let guard = ReplayGuard::in_memory(10).try_retention(Duration::from_secs(600)).unwrap();
        assert_eq!(guard.check_id("msg_1").unwrap(), Replay::First);
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let wide = Webhook::builder().secret(secret).tolerance(Duration::from_secs(301)).build().unwrap();
        assert_eq!(guard.check_tolerance(&wide).unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert!(guard.check_tolerance(&Webhook::new([secret]).unwrap()).is_ok());
    }

    #[test]
    fn one_of_several_simultaneous_deliveries_claims_a_message() {
        let guard = ReplayGuard::in_memory(100);
        let claimed = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..8).map(|_| scope.spawn(|| guard.claim_id("msg_1").unwrap())).collect();
            claims.into_iter().map(|claim| claim.join().unwrap()).filter(|claim| *claim == Replay::First).count()
        });
        assert_eq!(claimed, 1);
        guard.release_id("msg_1").unwrap();
        assert_eq!(guard.check_id("msg_1").unwrap(), Replay::First);
        assert_eq!(guard.claim_id("msg_1").unwrap(), Replay::First);
        assert_eq!(guard.claim_id("msg_1").unwrap(), Replay::Again);
        guard.release_id("msg_2").unwrap();
    }

    #[test]
    fn an_expired_claim_can_be_claimed_again() {
        let guard = ReplayGuard::in_memory(2).retention(Duration::from_secs(600));
        assert_eq!(guard.claim_id_at("msg_1", at(0)).unwrap(), Replay::First);
        assert_eq!(guard.claim_id_at("msg_1", at(599)).unwrap(), Replay::Again);
        assert_eq!(guard.claim_id_at("msg_1", at(600)).unwrap(), Replay::First);
    }

    proptest! {
        /// Compares with the simplest correct implementation: a list in the order of the last commits.
        #[test]
        fn memory_agrees_with_a_simple_model(
            capacity in 1_usize..6,
            retention in 600_i64..620,
            steps in proptest::collection::vec((0_u8..10, any::<bool>(), 0_i64..180), 1..200),
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
