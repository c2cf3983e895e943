//! Runs in which users are erased, and at the end of half of them an organization is forgotten, while the same faults occur as in other runs.
//!
//! The checks are that no row has anything about them afterwards, that neither listings nor late events bring them back, and that the feed still has every
//! number and gives the mirror's rows.

use crate::feed::{ConsumerLog, Records};
use crate::world::{Message, ORGANIZATION};
use crate::{CONSUMERS, Simulation};
use headcount::mirror::{EventQuery, Outcome, RunQuery, SyncMode, UserState};
use headcount::store::{EventState, HistoryFilter, Keys, Store, UserFilter};
use headcount::{Change, ErrorKind, Event, Mirror};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many mirrored users were erased, and how many organizations with directories were forgotten, in all runs of this process.
pub(crate) static ERASED: AtomicU64 = AtomicU64::new(0);
pub(crate) static FORGOTTEN: AtomicU64 = AtomicU64::new(0);

/// The greatest number of rows that a check reads at a time: more than a run makes.
const ALL: usize = 1_000_000;

/// How many times an organization is forgotten at most until the call succeeds, while processes crash.
const ATTEMPTS: usize = 1_000;

impl Simulation {
    /// Erases a random user: one whom a directory has, or who has left.
    pub(crate) async fn erase_user(&mut self) {
        let facts = self.world.facts();
        let left = facts.left.keys().map(|(id, _)| id.clone());
        let listed = facts.listed.into_keys().filter(|id| id.starts_with("diruser"));
        let ids: Vec<String> = listed.chain(left).collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.random.below(ids.len() as u64) as usize].clone();
        let mirror = self.mirror().await;
        let erasure = mirror.erase_user(&id).await;
        self.note(|| format!("erasure of {id}: {erasure:?}"));
        match erasure {
            Ok(erasure) => {
                ERASED.fetch_add(u64::from(erasure.was_mirrored), Ordering::Relaxed);
                assert_no_row_has_user(&self.machine.store(), &id).await;
                self.erased.insert(id);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Store, "{error}");
                self.maybe_erased.insert(id);
            }
        }
    }

    /// Finds out which of the erasures whose calls failed have begun. No process crashes any more.
    pub(crate) async fn settle_erasures(&mut self, mirror: &Mirror) {
        for id in std::mem::take(&mut self.maybe_erased) {
            if mirror.explain(&id).await.unwrap().state == UserState::Erased {
                self.erased.insert(id);
            }
        }
    }

    /// Checks what is left of the users whom the run has erased, and that late events do not bring them back. No process crashes any more.
    pub(crate) async fn check_erasures(&mut self, mirror: &Mirror) {
        mirror.trim().await.unwrap();
        let store = self.machine.store();
        assert_eq!(store.open_erasures(ALL).await.unwrap(), [], "an erasure was not completed");
        let messages: Vec<Message> = self.acknowledged.values().cloned().collect();
        for id in self.erased.clone() {
            for message in messages.iter().filter(|message| subject_of(message) == id) {
                assert_eq!(receive_late(mirror, message).await, Outcome::Erased, "{message:?}");
            }
            assert_eq!(mirror.user(&id).await.unwrap(), None, "{id} was erased, and is mirrored");
            assert_no_row_has_user(&store, &id).await;
        }
        self.check_numbers_and_rows(mirror).await;
    }

    /// Checks that a consumer that starts at the first change gets every number, and that the changes which are not erased give the mirror's rows.
    async fn check_numbers_and_rows(&mut self, mirror: &Mirror) {
        for (name, log) in &mut self.consumers {
            log.read_to_the_end(mirror, name).await;
        }
        let mut replay = ConsumerLog::default();
        replay.read_to_the_end(mirror, "replay").await;
        let numbers: Vec<i64> = replay.changes.keys().copied().collect();
        assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "the feed has a gap");
        let kept: Vec<&Change> =
            replay.changes.values().filter(|change| !change.cause.starts_with("erasure:")).collect();
        assert_eq!(
            Records::replay(&kept),
            Records::of_mirror(mirror).await,
            "the changes of the feed do not give the mirror's rows"
        );
    }

    /// Forgets an organization, and checks what is left of it. Processes crash while it is forgotten.
    pub(crate) async fn check_forgetting(&mut self, mirror: &Mirror) {
        self.world.disable_directories(ORGANIZATION);
        self.world.advance_past_lag();
        mirror.sync(ORGANIZATION).mode(SyncMode::Full).await.unwrap();
        for directory in mirror.directories(Some(ORGANIZATION)).await.unwrap() {
            mirror.retire(&directory.id, "operator", "").await.unwrap();
        }
        for name in CONSUMERS {
            let refused = mirror.poll(name, 1).await.unwrap();
            if refused.iter().any(|change| change.organization_id == ORGANIZATION) {
                let error = mirror.forget_organization(ORGANIZATION).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            }
            self.consumers.get_mut(name).unwrap().read_to_the_end(mirror, name).await;
        }
        mirror.drop_consumer("replay").await.unwrap();
        self.machine.allow_crashes();
        let mut is_forgotten = false;
        for _ in 0..ATTEMPTS {
            let mirror = self.mirror().await;
            let result = mirror.forget_organization(ORGANIZATION).await;
            self.note(|| format!("forgets {ORGANIZATION}: {result:?}"));
            match result {
                Ok(erasure) => {
                    FORGOTTEN.fetch_add(u64::from(erasure.directories > 0), Ordering::Relaxed);
                    is_forgotten = true;
                    break;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
            }
        }
        assert!(is_forgotten, "the organization was not forgotten");
        self.machine.stop_crashes();
        let mirror = self.mirror().await;
        assert_no_row_has_organization(&self.machine.store()).await;
        let messages: Vec<Message> = self.acknowledged.values().cloned().collect();
        for message in messages.iter().filter(|message| organization_of(message) == ORGANIZATION) {
            assert_eq!(receive_late(&mirror, message).await, Outcome::Erased, "{message:?}");
        }
        assert_no_row_has_organization(&self.machine.store()).await;
        self.check_numbers_and_rows(&mirror).await;
    }
}

fn parsed(message: &Message) -> Value {
    serde_json::from_str(&message.body).unwrap()
}

/// Returns the id of the row that an event is about.
fn subject_of(message: &Message) -> String {
    parsed(message)["data"]["id"].as_str().unwrap_or_default().to_owned()
}

fn organization_of(message: &Message) -> String {
    parsed(message)["organization_id"].as_str().unwrap_or_default().to_owned()
}

/// Receives the event of a message once more, with another id and a later time.
async fn receive_late(mirror: &Mirror, message: &Message) -> Outcome {
    let mut body = parsed(message);
    body["id"] = Value::from(format!("late_{}", message.id));
    body["occurred_at"] = Value::from("2099-01-01T00:00:00Z");
    mirror.apply(&Event::from_verified_body(body.to_string().as_bytes()).unwrap()).await.unwrap()
}

/// Returns everything that the store has and that may have personal data, as texts.
async fn texts_of(store: &Arc<dyn Store>) -> Vec<String> {
    let mut texts = Vec::new();
    let removed = UserFilter { removed: true, ..UserFilter::default() };
    for row in store.users(removed, 0, ALL).await.unwrap() {
        texts.push(serde_json::to_string(&row.user).unwrap());
    }
    for entry in store.entries(0, ALL).await.unwrap() {
        texts.push(format!("{} {} {}", entry.organization_id, entry.directory_id, entry.body));
    }
    for row in store.history(HistoryFilter::default(), 0, ALL).await.unwrap().rows {
        texts.push(format!("{} {} {} {}", row.organization_id, row.directory_id, row.subject_id, row.body));
    }
    for (_, row) in store.received_events(EventQuery::default()).await.unwrap() {
        texts.push(format!("{} {:?} {:?}", row.organization_id, row.subject_id, row.note));
    }
    for organization_id in crate::world::ORGANIZATIONS {
        for (_, row) in store.events(organization_id.to_owned(), EventState::Pending, 0, ALL).await.unwrap() {
            texts.push(String::from_utf8(row.body.unwrap_or_default()).unwrap());
        }
    }
    for (consumer, _) in store.consumers().await.unwrap().0 {
        for parked in store.parked_changes(consumer.name).await.unwrap() {
            texts.push(serde_json::to_string(&parked.change).unwrap());
        }
    }
    texts
}

/// Checks that no row has the address of a user, and that only entries of the feed have the id. Addresses begin with the id.
async fn assert_no_row_has_user(store: &Arc<dyn Store>, id: &str) {
    for text in texts_of(store).await {
        for address in [format!("{id}@"), format!("{id}.")] {
            assert!(!text.contains(&address), "a row has the address of {id}, who was erased: {text}");
        }
    }
    let keys = Keys { users: [id.to_owned()].into(), ..Keys::default() };
    assert!(store.load(keys).await.unwrap().users.is_empty(), "{id} was erased, and has a row");
    let filter = HistoryFilter { subject_id: Some(id.to_owned()), ..HistoryFilter::default() };
    assert_eq!(store.history(filter, 0, ALL).await.unwrap().rows, [], "{id} was erased, and has a history");
    let query = EventQuery { subject_id: Some(id.to_owned()), ..EventQuery::default() };
    assert_eq!(store.received_events(query).await.unwrap(), [], "events name {id}, who was erased");
}

/// Checks that no row has the id of the organization that was forgotten.
async fn assert_no_row_has_organization(store: &Arc<dyn Store>) {
    for text in texts_of(store).await {
        assert!(!text.contains(ORGANIZATION), "a row has the organization that was forgotten: {text}");
    }
    let keys =
        Keys { organizations: [ORGANIZATION.to_owned()].into(), retirements: true, chore: Some(1), ..Keys::default() };
    let set = store.load(keys).await.unwrap();
    assert!(set.organizations.is_empty());
    assert!(set.directories.values().all(|row| row.directory.organization_id != ORGANIZATION));
    assert!(set.retirements.iter().all(|row| row.organization_id != ORGANIZATION));
    assert_eq!(set.chore, None);
    assert_eq!(store.approvals(Some(ORGANIZATION.to_owned())).await.unwrap(), []);
    assert_eq!(store.holds(Some(ORGANIZATION.to_owned()), None).await.unwrap(), []);
    let query = RunQuery { organization_id: Some(ORGANIZATION.to_owned()), ..RunQuery::default() };
    assert_eq!(store.runs(query).await.unwrap(), []);
}
