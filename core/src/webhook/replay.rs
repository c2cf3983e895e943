//! Which messages were handled already, so that a message that is sent twice is not handled twice.
//!
//! A good signature says who sent a message, not how often it has come: the sender repeats what it takes for lost, and within
//! the timestamp's tolerance anyone who has seen a request can send it again. An id is recorded on commit, when the message
//! has been handled, never on sight: a message whose handling failed is let through when it comes again.

use super::Event;
use crate::clock::{Clock, SystemClock};
use crate::{Error, Result, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "sqlite")]
mod sqlite;

/// How long an id is remembered unless set otherwise: three days, more than twice the 28 hours that the vendor goes on trying.
pub const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);

/// Whether a message was handled already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// It was not, as far as is remembered: handle it, then [`commit`](ReplayGuard::commit).
    First,
    /// It was: answer 2xx, so that the sender stops, and do nothing.
    Again,
}

impl Replay {
    /// `first` or `again`, as every language says it.
    pub const fn name(self) -> &'static str {
        match self {
            Replay::First => "first",
            Replay::Again => "again",
        }
    }
}

/// Where ids are kept, for a guard of your own: Redis, say, where [`contains`](ReplayStore::contains) is `EXISTS` and
/// [`record`](ReplayStore::record) is `SET` with `EXAT`. An error of your own becomes one by [`Error::store`].
pub trait ReplayStore: Send + Sync + 'static {
    /// Whether `message_id` was recorded and its time has not come yet.
    ///
    /// # Errors
    ///
    /// Where the store cannot say. It reaches whoever asked the guard.
    fn contains(&self, message_id: &str) -> Result<bool>;

    /// Records `message_id` until `expires_at` at least. One that is recorded already is recorded anew.
    ///
    /// # Errors
    ///
    /// Where the store did not take it. It reaches whoever asked the guard.
    fn record(&self, message_id: &str, expires_at: Timestamp) -> Result<()>;
}

/// What the guard asks of its own stores: they are told the time, so that one clock is enough.
trait Kept: Send + Sync + 'static {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool>;
    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()>;
}

/// Remembers which messages were handled.
///
/// Ask with [`check`](ReplayGuard::check) before a message is handled, and tell it with [`commit`](ReplayGuard::commit) once it
/// has been, before the sender gets its 2xx:
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
/// Nothing is held between the two: where one message arrives twice at the same moment, or a process ends before its commit,
/// both may be told [`Replay::First`]. So what handles events is to come to the same end when it runs twice, as with any sender
/// that tries again, or the mirror's `receive` is to have them, which records and applies an event in one transaction.
///
/// Cheap to clone, and safe to use from any number of threads at once.
#[derive(Clone)]
pub struct ReplayGuard {
    kept: Arc<dyn Kept>,
    retention: Duration,
    clock: Arc<dyn Clock>,
}

impl ReplayGuard {
    /// How many ids a guard in memory keeps where nobody says how many: some ten megabytes.
    pub const CAPACITY: usize = 100_000;

    /// A guard that keeps the last `capacity` ids (one at least) in this process's memory: other processes, and this one after
    /// it has been started again, know nothing of them. Where it is full the expired ids go first, then the oldest.
    pub fn in_memory(capacity: usize) -> ReplayGuard {
        ReplayGuard::keeping(Memory(Mutex::new(Ids { capacity: capacity.max(1), ..Ids::default() })))
    }

    /// A guard that keeps ids in the SQLite file at `path`, which is made where there is none: any number of processes of one
    /// machine may use it at once. What was committed survives the end of the process; a power failure may take the last
    /// moments' ids with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) where the file cannot be opened, is something else, or was made by a newer
    /// version of headcount.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(path: impl AsRef<std::path::Path>) -> Result<ReplayGuard> {
        Ok(ReplayGuard::keeping(sqlite::File::open(path.as_ref())?))
    }

    /// A guard that keeps ids in a store of your own.
    pub fn new(store: impl ReplayStore) -> ReplayGuard {
        ReplayGuard::keeping(Own(store))
    }

    fn keeping(kept: impl Kept) -> ReplayGuard {
        ReplayGuard { kept: Arc::new(kept), retention: RETENTION, clock: Arc::new(SystemClock) }
    }

    /// How long an id is remembered after its last commit; [`RETENTION`] unless set. Less than the 28 hours that the vendor
    /// goes on trying would let its last attempts through.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// The clock to count the retention by; the machine's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether the message that `event` came in was handled already. Nothing is recorded.
    ///
    /// The message is known by its [`message_id`](Event::message_id), which is the same for every attempt to deliver it; an
    /// event that came without one, by its own [`id`](Event::id).
    ///
    /// # Errors
    ///
    /// What the store gives: [`ErrorKind::Store`](crate::ErrorKind::Store). Answer 5xx then, so that the message comes again.
    pub fn check(&self, event: &Event) -> Result<Replay> {
        self.check_id(key(event))
    }

    /// Records that the message that `event` came in was handled. Until then it is [`Replay::First`] however often it comes.
    ///
    /// # Errors
    ///
    /// As [`check`](ReplayGuard::check).
    pub fn commit(&self, event: &Event) -> Result<()> {
        self.commit_id(key(event))
    }

    /// [`check`](ReplayGuard::check) by the id alone.
    ///
    /// # Errors
    ///
    /// As [`check`](ReplayGuard::check), and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an empty id.
    pub fn check_id(&self, message_id: &str) -> Result<Replay> {
        self.check_id_at(message_id, self.clock.now())
    }

    /// [`commit`](ReplayGuard::commit) by the id alone.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn commit_id(&self, message_id: &str) -> Result<()> {
        self.commit_id_at(message_id, self.clock.now())
    }

    /// [`check_id`](ReplayGuard::check_id), at the time `now`. A store of your own keeps its own time.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn check_id_at(&self, message_id: &str, now: Timestamp) -> Result<Replay> {
        let seen = self.kept.contains(some(message_id)?, now)?;
        Ok(if seen { Replay::Again } else { Replay::First })
    }

    /// [`commit_id`](ReplayGuard::commit_id), at the time `now`.
    ///
    /// # Errors
    ///
    /// As [`check_id`](ReplayGuard::check_id).
    pub fn commit_id_at(&self, message_id: &str, now: Timestamp) -> Result<()> {
        let expires_at = now.checked_add(self.retention).unwrap_or(Timestamp::MAX);
        self.kept.record(some(message_id)?, now, expires_at)
    }
}

/// What a message is known by.
fn key(event: &Event) -> &str {
    Some(event.message_id()).filter(|id| !id.is_empty()).unwrap_or(event.id())
}

fn some(message_id: &str) -> Result<&str> {
    Some(message_id).filter(|id| !id.is_empty()).ok_or_else(|| Error::invalid_argument("the message id is empty"))
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard").field("retention", &self.retention).finish_non_exhaustive()
    }
}

/// A user's store keeps its own time.
struct Own<S>(S);

impl<S: ReplayStore> Kept for Own<S> {
    fn contains(&self, id: &str, _now: Timestamp) -> Result<bool> {
        self.0.contains(id)
    }

    fn record(&self, id: &str, _now: Timestamp, expires_at: Timestamp) -> Result<()> {
        self.0.record(id, expires_at)
    }
}

struct Memory(Mutex<Ids>);

impl Kept for Memory {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(id, now))
    }

    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record(id, now, expires_at);
        Ok(())
    }
}

/// The ids in memory, and the order they were recorded in, which is the order they expire in.
#[derive(Default)]
struct Ids {
    capacity: usize,
    known: HashMap<Arc<str>, Entry>,
    /// Recording an id again leaves its older place here, which then counts for nothing: its number is not the id's any more.
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
        // Places that count for nothing are cleared away before they outnumber the others: a pass for as many records.
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
    fn an_event_without_a_message_is_known_by_its_own_id() {
        let guard = ReplayGuard::in_memory(10);
        guard.commit(&event("evt_1")).unwrap();
        assert_eq!(guard.check(&event("evt_1")).unwrap(), Replay::Again);
        assert_eq!(guard.check(&event("evt_2")).unwrap(), Replay::First);
        assert_eq!(guard.check_id("evt_1").unwrap(), Replay::Again);
    }

    #[test]
    fn the_same_event_in_another_message_is_another_message() {
        let webhook = super::super::Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
        let body = event("evt_1").body().to_vec();
        let sent = |id: &str| webhook.verify(&webhook.sign(&body, Some(id), None).unwrap(), &body).unwrap();
        let (one, other) = (sent("msg_1"), sent("msg_2"));
        assert_eq!((one.message_id(), other.message_id()), ("msg_1", "msg_2"));
        assert_eq!(one, other, "what was sent is the same");
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
    fn the_clock_is_the_guards_and_a_time_without_end_is_one() {
        let guard = ReplayGuard::in_memory(10).retention(Duration::MAX).clock(at(0));
        guard.commit_id("msg_1").unwrap();
        assert_eq!(guard.check_id_at("msg_1", at(250_000_000_000)).unwrap(), Replay::Again);
    }

    #[test]
    fn a_store_of_ones_own_is_told_until_when_and_its_errors_arrive() {
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
        /// Against the plainest thing that keeps the rule: a list in the order of the last commits.
        #[test]
        fn memory_keeps_the_rule(
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
