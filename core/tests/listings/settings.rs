//! Settings that the store keeps for all handles that use it.

use crate::api::{FakeApi, full_sync};
use headcount::mirror::MirrorOptions;
use headcount::store::SqliteStore;
use headcount::{ErrorKind, Mirror, MirrorBuilder};
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// A store that several handles use, as several processes can use one file.
struct Shared {
    api: FakeApi,
    store: Arc<SqliteStore>,
}

impl Shared {
    fn with_users(count: usize) -> Shared {
        Shared { api: FakeApi::with_users(count), store: Arc::new(SqliteStore::open(":memory:").unwrap()) }
    }

    /// Opens a handle with the settings that `set` makes.
    async fn open(&self, set: impl FnOnce(MirrorBuilder) -> MirrorBuilder) -> Mirror {
        set(self.api.mirror_builder()).open_in(self.store.clone()).await.unwrap()
    }
}

#[tokio::test]
async fn the_defaults_apply_if_no_handle_has_set_a_value() {
    let settings = Shared::with_users(0).open(|builder| builder).await.settings().await.unwrap();
    assert_eq!(settings.guard.users, 20);
    assert_eq!(settings.guard.window, DAY);
    assert_eq!(settings.retention, 30 * DAY);
    assert_eq!(settings.ignored, []);
}

#[tokio::test]
async fn a_handle_without_settings_of_its_own_has_those_of_the_store() {
    let shared = Shared::with_users(30);
    full_sync(&shared.open(|builder| builder.guard_users(0).guard_share(0.0)).await).await.unwrap();
    shared.api.list_numbered_users(29);

    let error = full_sync(&shared.open(|builder| builder).await).await.unwrap_err();

    assert_eq!(error.removals().unwrap().limit, 0);
}

#[tokio::test]
async fn a_handle_with_a_weaker_guard_does_not_weaken_the_stored_one() {
    let shared = Shared::with_users(30);
    full_sync(&shared.open(|builder| builder.guard_users(0).guard_share(0.0)).await).await.unwrap();
    shared.api.list_numbered_users(29);

    let weaker = shared.open(|builder| builder.guard_users(1_000)).await;

    let error = full_sync(&weaker).await.unwrap_err();
    let settings = weaker.settings().await.unwrap();
    assert_eq!(error.removals().unwrap().limit, 0);
    assert_eq!(settings.guard.users, 0);
    assert_eq!(settings.ignored.len(), 1);
    assert_eq!(settings.ignored[0].name, "guard_users");
    assert_eq!(settings.ignored[0].stored, "0");
    assert_eq!(settings.ignored[0].asked, "1000");
}

#[tokio::test]
async fn a_handle_adds_settings_that_the_store_does_not_have() {
    let shared = Shared::with_users(0);
    let first = shared.open(|builder| builder.guard_users(5)).await;
    shared.open(|builder| builder.retention(DAY)).await;

    let settings = first.settings().await.unwrap();

    assert_eq!(settings.guard.users, 5);
    assert_eq!(settings.retention, DAY);
    assert_eq!(settings.ignored, []);
}

#[tokio::test]
async fn configure_changes_the_settings_of_all_handles() {
    let shared = Shared::with_users(30);
    let one = shared.open(|builder| builder.guard_users(0).guard_share(0.0)).await;
    let other = shared.open(|builder| builder.guard_users(3)).await;
    full_sync(&one).await.unwrap();
    shared.api.list_numbered_users(29);

    other.configure(MirrorOptions { guard_users: Some(3), ..MirrorOptions::default() }).await.unwrap();

    full_sync(&one).await.unwrap();
    assert_eq!(one.settings().await.unwrap().guard.users, 3);
    assert_eq!(one.settings().await.unwrap().guard.share, 0.0);
    assert_eq!(
        one.settings().await.unwrap().ignored.len(),
        1,
        "expected `guard_users` to be ignored: the handle was opened with another value than the stored one"
    );
    assert_eq!(other.settings().await.unwrap().ignored, []);
}

#[tokio::test]
async fn configure_refuses_invalid_values() {
    let mirror = Shared::with_users(0).open(|builder| builder).await;
    let share = MirrorOptions { guard_share: Some(2.0), ..MirrorOptions::default() };
    let window = MirrorOptions { guard_window: Some(Duration::ZERO), ..MirrorOptions::default() };
    for options in [share, window] {
        assert_eq!(mirror.configure(options).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}
