//! Checks the history and past states against the feed, which has the same changes.

use crate::feed::{Records, user_id};
use crate::random::SeededRandom;
use crate::world::ORGANIZATIONS;
use headcount::mirror::{HistoryEntry, MirrorOptions};
use headcount::{Change, Mirror, MirrorUser, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many past moments are checked.
const MOMENTS: u64 = 3;

/// Checks that the history has the changes of the feed, and that past states are those that a replay of the feed gives: before and after the feed is trimmed.
/// All consumers have acknowledged all changes. `now` is the time of the mirror's clock.
pub(crate) async fn check(mirror: &Mirror, feed: &[&Change], random: &SeededRandom, now: Timestamp) {
    let Some(first) = feed.first() else { return };
    let moments: Vec<Timestamp> = (0..MOMENTS)
        .map(|_| {
            let change = feed[random.below(feed.len() as u64) as usize];
            let milliseconds = random.below(3) as i64 - 1;
            Timestamp::from_millisecond(change.at.as_millisecond() + milliseconds).unwrap()
        })
        .filter(|moment| (first.at..=now).contains(moment))
        .collect();
    for trims in [false, true] {
        if trims {
            mirror
                .configure(MirrorOptions { retention: Some(Duration::ZERO), ..MirrorOptions::default() })
                .await
                .unwrap();
            mirror.trim().await.unwrap();
        }
        let history = read(mirror, None).await;
        check_history(&history, feed);
        let users: BTreeSet<&str> = history.iter().filter_map(|entry| entry.user_id.as_deref()).collect();
        let users: Vec<&str> = users.into_iter().collect();
        if !users.is_empty() {
            let user = users[random.below(users.len() as u64) as usize];
            let own =
                history.iter().filter(|entry| entry.user_id.as_deref() == Some(user)).cloned().collect::<Vec<_>>();
            assert_eq!(read(mirror, Some(user)).await, own, "the history of {user} differs from the whole history");
        }
        for moment in &moments {
            check_moment(mirror, feed, *moment).await;
        }
    }
}

async fn read(mirror: &Mirror, user_id: Option<&str>) -> Vec<HistoryEntry> {
    let (mut history, mut entries) = (mirror.history().user(user_id), Vec::new());
    while let Some(entry) = history.next().await.unwrap() {
        entries.push(entry);
    }
    entries
}

/// Checks that each entry has the changes of the feed since the previous entry, and the values before and after them.
fn check_history(history: &[HistoryEntry], feed: &[&Change]) {
    let (mut position, mut records) = (0, Records::default());
    for entry in history {
        let end = entry.seq as usize;
        let changes = &feed[position..end];
        position = end;
        let mut kinds: Vec<&str> = changes.iter().map(|change| change.kind.name()).collect();
        kinds.dedup();
        assert_eq!(entry.kinds, kinds, "the kinds of the history differ from the feed");
        let user = Some(user_id(changes[0]).to_owned()).filter(|id| !id.is_empty());
        assert_eq!(entry.user_id, user);
        for change in changes {
            assert_eq!((entry.at, &entry.cause), (change.at, &change.cause));
            assert_eq!(entry.organization_id, change.organization_id);
        }
        let before = user.as_ref().and_then(|id| records.user(id)).cloned();
        changes.iter().for_each(|change| records.apply(change, true));
        let after = user.as_ref().and_then(|id| records.user(id)).cloned();
        if user.is_some() {
            for (json, state) in [(&entry.before, before), (&entry.after, after)] {
                let Some(json) = json else { continue };
                let state = serde_json::to_value(state.expect("a value of a user who exists")).unwrap();
                for (field, value) in json.decode::<BTreeMap<String, Value>>().unwrap() {
                    let value = if field == "updated_at" { Value::Null } else { value };
                    assert_eq!(value, state[&field], "{field} in the entry {entry:?}");
                }
            }
        }
    }
    assert_eq!(position, feed.len(), "the history lacks changes");
}

/// Checks who was there at a moment: each user as after the last change of the user that was written by then.
async fn check_moment(mirror: &Mirror, feed: &[&Change], moment: Timestamp) {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for change in feed.iter().filter(|change| change.at <= moment && !user_id(change).is_empty()) {
        last.insert(user_id(change), change.seq);
    }
    let until: Vec<&Change> = feed
        .iter()
        .filter(|change| last.get(user_id(change)).is_some_and(|last| change.seq <= *last))
        .copied()
        .collect();
    let expected = Records::replay(&until);
    let mut found: BTreeMap<String, MirrorUser> = BTreeMap::new();
    for organization_id in ORGANIZATIONS {
        let mut users = mirror.at(moment, organization_id);
        while let Some(user) = users.next().await.unwrap() {
            assert_eq!(user.organization_id, organization_id);
            assert_eq!(user.updated_at, None);
            let id = user.id.clone();
            assert_eq!(found.insert(id.clone(), user), None, "{id} was returned twice");
        }
    }
    assert_eq!(&found, expected.users(), "the users at {moment}");
}
