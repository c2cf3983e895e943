//! Drops futures at each of their await points, and checks that the effects are those that the documentation of the call states.

use crate::api::{FakeApi, USER_UPDATED, full_sync, listed_user, numbered_user};
use headcount::mirror::{Outcome, SyncMode, SyncOutcome};
use headcount::{ChangeKind, Mirror, Webhook};
use serde_json::json;
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const NO_WAIT: Option<Duration> = Some(Duration::ZERO);

/// Opens a mirror in memory and runs a full sync of `dir_1`. These tests never use PostgreSQL, because a server may run the statements of a dropped
/// future after the reads of the next call.
async fn synced_mirror(api: &FakeApi) -> Mirror {
    let mirror = api.mirror_builder().open(":memory:").await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror
}

/// Polls a future until it is done, or `polls` times, and then drops it. Returns its output, or `None` if it was not done.
async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// Returns the numbers of the changes that a consumer has not acknowledged, at most 1,000.
async fn feed(mirror: &Mirror, consumer: &str) -> Vec<i64> {
    mirror.poll(consumer, 1_000).await.unwrap().iter().map(|change| change.seq).collect()
}

async fn user_ids(mirror: &Mirror) -> Vec<String> {
    let (mut users, mut ids) = (mirror.users("org_1"), Vec::new());
    while let Some(user) = users.next().await.unwrap() {
        ids.push(user.id);
    }
    ids.sort();
    ids
}

#[tokio::test]
async fn a_receive_that_is_dropped_applies_its_event_as_a_whole_or_not_at_all() {
    let webhook = Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
    let api = FakeApi::with_users(1);
    let mirror = api.mirror_builder().webhook(webhook.clone()).open(":memory:").await.unwrap();
    full_sync(&mirror).await.unwrap();
    for polls in 1.. {
        // The first event of a minute also removes old rows. The clock advances by more than a minute, so each of these events does.
        let now = api.with(|state| {
            state.now += Duration::from_secs(61);
            state.now
        });
        let (id, name) = (format!("evt_{polls}"), format!("Ada {polls}"));
        let data = json!({ "id": "diruser_000", "email": "0@example.com", "given_name": name });
        let body =
            json!({ "id": id, "type": USER_UPDATED, "occurred_at": now, "organization_id": "org_1", "data": data });
        let body = body.to_string().into_bytes();
        let headers = webhook.sign(&body, None, None).unwrap();

        let done = polled(polls, mirror.receive(&headers, &body)).await;
        let again = mirror.receive(&headers, &body).await.unwrap();

        match &done {
            Some(outcome) => {
                assert_eq!(outcome.as_ref().unwrap(), &Outcome::Applied);
                assert_eq!(again, Outcome::Duplicate);
            }
            None => assert!(matches!(again, Outcome::Applied | Outcome::Duplicate), "{again} after {polls} polls"),
        }
        assert_eq!(mirror.user("diruser_000").await.unwrap().unwrap().given_name, name);
        let changes = mirror.poll("app", 1_000).await.unwrap();
        let cause = format!("event:{id}");
        let made: Vec<_> = changes.iter().filter(|change| change.cause == cause).map(|change| change.kind).collect();
        assert_eq!(made, [ChangeKind::UserUpdated], "after {polls} polls");
        if done.is_some() {
            assert!(polls > 1, "the first poll completed the call, so no drop was tested");
            return;
        }
    }
}

#[tokio::test]
async fn a_sync_that_is_dropped_releases_its_lease_and_the_next_one_completes_it() {
    for polls in 1.. {
        let api = FakeApi::with_users(3);
        api.with(|state| state.page_size = Some(2));
        let mirror = synced_mirror(&api).await;
        // One user leaves and three join.
        api.list_users((1..6).map(listed_user));

        let done = polled(polls, full_sync(&mirror)).await;
        let next = mirror.sync("org_1").mode(SyncMode::Full).wait(false).await.unwrap().remove(0);

        assert_eq!(next.outcome, SyncOutcome::Done, "after {polls} polls");
        assert_eq!(user_ids(&mirror).await, (1..6).map(numbered_user).collect::<Vec<_>>(), "after {polls} polls");
        // One change of the directory, six creations and one removal, each exactly once.
        assert_eq!(feed(&mirror, "app").await, (1..=8).collect::<Vec<_>>(), "after {polls} polls");
        if let Some(report) = done {
            assert_eq!(report.unwrap().outcome, SyncOutcome::Done);
            assert_eq!(next.changes, 0);
            assert!(polls > 10, "the sync has only {polls} await points");
            return;
        }
    }
}

#[tokio::test]
async fn polls_and_acknowledgements_that_are_dropped_lose_no_change() {
    for polls in 1.. {
        let mirror = synced_mirror(&FakeApi::with_users(10)).await;

        let done = polled(polls, mirror.poll("app", 4)).await;
        assert_eq!(feed(&mirror, "app").await, (1..=11).collect::<Vec<_>>(), "after {polls} polls");
        let acknowledged = polled(polls, mirror.ack("app", 4)).await;
        let left = feed(&mirror, "app").await;

        let is_stored = left == (5..=11).collect::<Vec<_>>();
        assert!(is_stored || acknowledged.is_none() && left.len() == 11, "{left:?} after {polls} polls");
        mirror.ack("app", 4).await.unwrap();
        assert_eq!(feed(&mirror, "app").await, (5..=11).collect::<Vec<_>>());
        if done.is_some() && acknowledged.is_some() {
            return;
        }
    }
}

#[tokio::test]
async fn iterations_that_are_dropped_lose_no_change() {
    for polls in 1.. {
        let mirror = synced_mirror(&FakeApi::with_users(10)).await;
        let changes = mirror.changes("app", NO_WAIT);
        let (mut seen, mut are_done) = (Vec::new(), true);

        for _ in 0..2 {
            match polled(polls, changes.next()).await {
                Some(change) => seen.push(change.unwrap().unwrap().seq),
                None => are_done = false,
            }
        }
        while let Some(change) = changes.next().await.unwrap() {
            // If this call is dropped, its acknowledgement may not be stored. The test acknowledges all changes again at its end.
            let _ = polled(polls, changes.ack(change.seq)).await;
            seen.push(change.seq);
        }

        assert_eq!(seen, (1..=11).collect::<Vec<_>>(), "after {polls} polls");
        for seq in seen {
            changes.ack(seq).await.unwrap();
        }
        assert_eq!(mirror.consumers().await.unwrap()[0].cursor, 11);
        if are_done {
            return;
        }
    }
}

#[tokio::test]
async fn each_mirrored_user_is_read_once_although_reads_are_dropped() {
    let api = FakeApi::with_users(3);
    let mirror = synced_mirror(&api).await;
    for polls in 1.. {
        let mut users = mirror.users("org_1");
        let first = polled(polls, users.next()).await;
        let mut ids: Vec<String> =
            first.iter().map(|user| user.as_ref().unwrap().as_ref().unwrap().id.clone()).collect();
        while let Some(user) = users.next().await.unwrap() {
            ids.push(user.id);
        }
        assert_eq!(ids, (0..3).map(numbered_user).collect::<Vec<_>>());
        if first.is_some() {
            return;
        }
    }
}

#[tokio::test]
async fn a_set_role_map_that_is_dropped_has_no_effect_or_is_completed_by_the_next_sync() {
    for polls in 1.. {
        let api = FakeApi::default();
        api.with(|state| {
            state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Staff" })];
            let groups = json!([{ "id": "dirgroup_1", "name": "Staff" }]);
            state.users = (0..3).map(|n| json!({ "id": numbered_user(n), "groups": groups })).collect();
        });
        let mirror = synced_mirror(&api).await;

        let done = polled(polls, mirror.set_role_map([("Staff", "member")])).await;
        let is_stored = !mirror.role_map().await.unwrap().is_empty();
        full_sync(&mirror).await.unwrap();

        let (mut users, mut roles) = (mirror.users("org_1"), Vec::new());
        while let Some(user) = users.next().await.unwrap() {
            roles.push(user.roles);
        }
        let expected: Vec<String> = if is_stored { vec!["member".to_owned()] } else { Vec::new() };
        assert_eq!(roles, [expected.clone(), expected.clone(), expected], "after {polls} polls");
        if done.is_some() {
            assert!(is_stored);
            return;
        }
    }
}

#[tokio::test]
async fn a_released_mirror_has_closed_its_file_even_if_its_sync_was_dropped_while_a_task_of_it_wrote() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("listings_dropped");
    for polls in 1.. {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let api = FakeApi::with_users(20);
        let mirror = api.mirror_builder().open(folder.join("mirror.db")).await.unwrap();
        let ended = polled(polls, full_sync(&mirror)).await;

        mirror.end_waits();
        mirror.release().await.unwrap();

        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, ["mirror.db"], "the sync was dropped after {polls} polls");
        if ended.is_some() {
            return;
        }
    }
}
