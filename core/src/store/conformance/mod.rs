//! Tests that every [`Store`] passes.
//!
//! They need the feature `store-testing`. To test another implementation, implement [`Factory`] for it and
//! call [`store_tests!`](crate::store_tests), which makes a test of each public async function here. The calling crate needs tokio with the features
//! `macros` and `rt-multi-thread`.
//!
//! ```
//! use headcount::store::conformance::{Factory, Setup};
//! use headcount::store::{SqliteStore, Store, StoreFuture};
//! use std::sync::Arc;
//!
//! struct Memory;
//!
//! impl Factory for Memory {
//!     fn create(&self, _name: String) -> StoreFuture<'_, Arc<dyn Store>> {
//!         Box::pin(async { Ok(Arc::new(SqliteStore::open(":memory:")?) as Arc<dyn Store>) })
//!     }
//! }
//!
//! mod memory {
//!     headcount::store_tests!(headcount::store::conformance::Setup::new(super::Memory));
//! }
//!
//! mod memory_with_failures {
//!     headcount::store_tests!(headcount::store::conformance::Setup::new(super::Memory).flaky(7));
//! }
//! # fn main() {}
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, reason = "the names of tests describe what they test")]

mod addresses;
mod close;
mod consumers;
mod copy;
mod entries;
mod erasures;
mod feed;
mod flaky;
mod forgetting;
mod history;
mod keeping;
mod leases;
mod leavers;
mod load;
mod pages;
mod retention;
mod rows;
mod runs;
mod writes;

pub use addresses::*;
pub use close::*;
pub use consumers::*;
pub use copy::*;
pub use entries::*;
pub use erasures::*;
pub use feed::*;
pub use flaky::Flaky;
pub use forgetting::*;
pub use history::*;
pub use keeping::*;
pub use leases::*;
pub use leavers::*;
pub use load::*;
pub use pages::*;
pub use retention::*;
pub use runs::*;
pub use writes::*;

use super::{Store, StoreFuture};
use std::sync::Arc;

/// Opens the stores that are tested.
pub trait Factory: Send + Sync + 'static {
    /// Opens a new, empty store. `name` is the test's name: lower-case letters and underscores.
    fn create(&self, name: String) -> StoreFuture<'_, Arc<dyn Store>>;

    /// Opens the store of this name again, with what was written to it. May be called while the store is still open, to simulate another process.
    ///
    /// The default returns `None`, for stores whose rows are lost when they are dropped. Tests then skip what needs a reopened store.
    fn reopen(&self, name: String) -> Option<StoreFuture<'_, Arc<dyn Store>>> {
        let _ = name;
        None
    }
}

/// Settings of a test: how its stores are opened, and whether their writes fail at random.
pub struct Setup {
    factory: Box<dyn Factory>,
    name: String,
    seed: Option<u64>,
}

impl Setup {
    /// Makes settings for tests of the stores that `factory` opens.
    pub fn new(factory: impl Factory) -> Setup {
        Setup { factory: Box::new(factory), name: String::new(), seed: None }
    }

    /// Wraps the stores in [`Flaky`], which draws its failures from `seed`.
    #[must_use]
    pub fn flaky(self, seed: u64) -> Setup {
        Setup { seed: Some(seed), ..self }
    }

    /// Sets the test's name.
    #[must_use]
    pub fn named(self, name: &str) -> Setup {
        Setup { name: name.to_owned(), ..self }
    }

    async fn create(&self) -> Arc<dyn Store> {
        self.wrap(self.factory.create(self.name.clone()).await.unwrap())
    }

    /// Opens another new, empty store.
    async fn create_another(&self) -> Arc<dyn Store> {
        self.wrap(self.factory.create(format!("{}_another", self.name)).await.unwrap())
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        Some(self.wrap(self.factory.reopen(self.name.clone())?.await.unwrap()))
    }

    fn wrap(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match self.seed {
            Some(seed) => Arc::new(Flaky::new(store, seed)),
            None => store,
        }
    }
}

/// Makes a test of each public async function of [`conformance`](crate::store::conformance). The argument is an expression for a
/// [`Setup`](crate::store::conformance::Setup), which is evaluated once per test.
#[macro_export]
macro_rules! store_tests {
    ($setup:expr) => {
        $crate::store_tests! { @each $setup;
            a_write_whose_decision_fails_changes_nothing
            a_decision_that_panics_fails_only_its_own_write
            failing_writes_among_many_do_not_affect_the_others
            a_write_that_changes_nothing_does_not_increment_the_revision
            a_decision_gets_the_revision_that_its_write_has
            a_write_reads_the_rows_of_all_earlier_writes
            a_read_never_returns_a_part_of_a_write
            a_read_after_a_write_returns_its_rows
            a_decision_may_ask_for_more_rows
            a_write_whose_decision_always_asks_for_more_rows_fails
            rows_get_ascending_numbers_and_keep_them
            row_numbers_are_not_given_twice
            five_thousand_users_are_written_in_one_write
            the_changes_of_five_thousand_entries_are_appended_in_one_write
            seven_hundred_groups_events_and_losses_are_written_in_one_write
            every_field_of_a_user_is_stored
            every_field_of_a_user_is_replaced
            each_indexed_value_of_a_user_can_change_without_the_others
            each_indexed_value_of_a_group_can_change_without_the_others
            every_field_of_a_group_is_stored
            every_field_of_a_directory_and_an_organization_is_stored_and_replaced
            a_key_without_a_row_loads_no_row
            an_empty_store_loads_an_empty_set
            a_user_is_loaded_with_the_groups_that_the_vendor_named
            an_organization_is_loaded_with_its_directories
            members_are_loaded_in_pages
            a_write_adds_joined_memberships_and_removes_left_ones
            tombstones_are_loaded_and_not_listed
            users_and_losses_of_access_are_counted
            the_users_who_have_or_had_an_address_are_found
            an_active_user_is_found_before_former_users_with_the_address
            a_deactivated_user_is_found_before_removed_users_with_the_address
            the_user_who_was_removed_last_is_found_for_an_address
            a_hold_is_loaded_with_the_number_of_its_users
            the_users_of_a_hold_are_read_up_to_a_revision
            a_hold_without_users_is_not_listed_and_is_trimmed
            holds_are_listed_by_organization_and_directory
            a_decision_about_a_hold_is_stored_once_and_listed_by_its_time
            the_oldest_chore_is_loaded_with_its_next_users
            the_role_map_is_loaded_and_replaced
            the_settings_are_loaded_and_replaced
            leavers_are_found_up_to_a_time_earliest_first
            leavers_who_were_deleted_or_have_returned_are_not_found
            leavers_are_counted_with_the_users_of_their_directory
            the_environment_is_loaded_and_replaced
            the_mirror_id_is_loaded_and_replaced
            retirements_are_stored_and_replaced
            old_retirements_that_have_ended_are_removed
            runs_are_listed_newest_first_and_paged
            runs_are_filtered_by_sync_organization_and_directory
            every_field_of_a_run_is_stored_and_replaced
            old_runs_are_removed_and_quiet_ones_earlier
            received_events_are_listed_newest_first_and_filtered
            a_received_event_is_listed_without_its_body_and_its_note_is_replaced
            decisions_about_holds_are_removed_if_they_are_old_and_older_than_the_oldest_change
            an_event_is_stored_and_settled
            users_are_paged_in_the_order_of_their_numbers
            users_are_filtered_by_organization_and_directory
            the_numbers_of_a_directorys_live_users_are_paged
            users_are_found_by_email_ignoring_case
            users_are_found_by_email_ignoring_case_and_normalization_in_any_alphabet
            users_are_filtered_by_group_and_paged
            the_ids_of_live_users_are_found
            groups_are_paged_and_filtered_by_directory
            directories_are_listed_in_the_order_of_their_ids
            users_groups_and_pending_events_of_each_directory_are_counted
            events_are_paged_in_the_order_in_which_they_were_first_stored
            a_settled_event_is_not_listed_with_pending_ones
            a_page_of_events_ends_after_four_mebibytes_of_bodies
            pending_events_are_counted_with_their_bytes
            changes_have_ascending_numbers_without_gaps
            a_reader_of_the_feed_gets_every_change_while_changes_are_appended
            the_changes_of_an_entry_are_read_in_order
            reading_starts_and_stops_inside_an_entry
            entries_are_read_whole_up_to_the_limit
            the_first_entry_is_read_even_if_it_is_longer_than_the_limit
            an_entry_of_which_a_part_was_read_is_the_first_one
            entries_have_the_changes_that_are_read_one_by_one
            a_page_of_entries_starts_after_the_consumer_and_has_the_marks
            a_page_of_entries_of_an_unknown_consumer_has_only_the_marks
            a_page_of_entries_of_a_consumer_with_a_snapshot_starts_after_the_snapshot
            entries_after_removed_ones_are_read
            a_write_that_fails_uses_no_numbers
            a_reopened_store_has_all_rows_and_continues_their_numbers
            two_open_stores_share_their_rows
            an_unknown_consumer_reads_no_changes
            a_consumer_reads_what_it_has_not_acknowledged
            changes_are_read_after_the_greater_of_cursor_and_argument
            every_field_of_a_consumer_is_stored
            a_decision_on_a_consumer_gets_the_greatest_generation_so_far
            a_flush_makes_the_changes_before_it_durable
            a_write_that_survives_a_power_failure_makes_its_changes_durable
            a_consumer_that_is_reading_a_snapshot_reads_no_changes
            a_decision_on_a_consumer_gets_its_row_and_the_latest_numbers
            a_decision_on_a_consumer_that_fails_changes_nothing
            concurrent_updates_of_a_consumer_are_serialized
            parked_changes_are_listed_and_dropped
            parking_again_replaces_the_reason
            a_noted_poll_raises_the_polled_number_and_sets_the_time
            a_poll_of_another_generation_or_an_unknown_consumer_is_not_noted
            a_noted_poll_that_survives_a_power_failure_makes_all_changes_durable
            consumers_are_listed_with_the_number_of_their_parked_changes
            the_partitions_of_a_consumer_are_listed_and_replaced
            an_empty_feed_has_the_latest_number_0
            dropping_a_consumer_deletes_its_parked_changes
            a_lease_has_one_holder
            leases_of_different_names_are_independent
            leases_are_listed_by_the_start_of_their_names
            leases_that_have_ended_are_not_listed
            an_extended_lease_is_listed_until_its_new_end
            the_leases_of_another_open_store_are_listed_until_it_is_closed
            one_of_many_takers_gets_a_lease
            an_expired_lease_can_be_taken
            a_dropped_lease_is_released
            dropping_a_lost_lease_does_not_end_that_of_the_new_holder
            a_write_after_a_takeover_fails_and_writes_nothing
            a_write_after_the_expiry_fails_and_writes_nothing
            a_write_after_the_release_fails
            an_update_of_a_consumer_is_stored_while_the_lease_of_its_fence_is_held
            an_update_of_a_consumer_after_a_takeover_fails_and_changes_nothing
            an_update_of_a_consumer_after_the_expiry_or_the_release_fails_and_changes_nothing
            the_decision_about_a_consumer_is_not_called_if_the_lease_was_lost
            an_update_of_a_consumer_does_not_extend_the_lease_of_its_fence
            the_lease_of_a_fence_matters_only_to_updates_that_name_it
            a_write_extends_a_lease_once_half_of_it_has_passed
            a_write_that_changes_nothing_extends_a_lease
            another_open_store_gets_a_lease_only_after_its_release
            a_lease_ends_with_its_store
            a_copy_has_the_rows_of_every_table
            a_copy_continues_the_numbers
            a_store_that_was_used_refuses_a_copy
            a_copy_that_fails_leaves_the_store_empty
            a_copy_that_is_dropped_leaves_the_store_empty
            a_restored_store_is_durable_and_can_be_used
            a_dump_is_read_in_pages_of_a_few_mebibytes
            the_rows_of_an_organization_are_dumped_without_those_of_others
            the_rows_of_an_organization_are_dumped_as_of_one_moment
            a_closed_store_refuses_later_calls
            closing_a_store_completes_the_calls_before_it
            closing_a_store_releases_its_leases_and_does_not_affect_other_open_stores
            old_changes_that_every_consumer_has_acknowledged_are_removed
            changes_that_are_not_old_enough_are_kept
            changes_that_the_slowest_consumer_has_not_acknowledged_are_kept
            without_consumers_old_changes_are_removed_by_age
            changes_after_the_snapshot_of_a_consumer_are_kept
            parked_changes_are_kept_when_the_feed_is_trimmed
            changes_that_only_an_expired_consumer_has_not_acknowledged_are_removed
            an_expired_consumer_is_removed_once_its_next_change_was_trimmed
            the_greatest_number_of_a_removed_change_is_stored
            an_entry_of_which_a_part_is_acknowledged_is_kept
            numbers_of_removed_changes_are_not_given_twice
            old_tombstones_are_removed
            old_events_are_removed_unless_they_are_pending
            pending_events_expire_in_one_organization_or_in_all
            expired_events_are_deleted_by_expire_events_and_not_by_trim
            expired_events_are_deleted_in_one_organization_or_in_all
            at_most_the_limit_of_events_expires
            old_losses_of_access_are_removed
            trim_removes_at_most_the_limit_of_each_kind
            live_rows_are_kept
            entries_are_read_in_their_order
            rows_of_the_history_are_stored_with_the_mark
            entries_are_taken_into_the_history_once
            the_mark_moves_over_entries_without_rows
            concurrent_takers_of_the_history_store_each_row_once
            the_history_is_filtered_and_paged
            the_history_of_users_is_read_by_id_and_number
            changes_that_the_history_has_not_taken_are_kept
            old_rows_of_the_history_are_removed_and_it_starts_after_them
            a_history_that_restarts_has_only_the_new_rows
            the_rows_of_the_history_are_counted_by_day
            days_without_rows_are_not_counted
            users_are_read_with_their_tombstones_if_asked_for
            an_erasure_is_loaded_by_its_mark_and_open_until_it_has_ended
            the_entries_of_a_user_are_found_page_by_page
            entries_are_redacted_and_keep_their_numbers
            parked_changes_are_redacted_and_dropped_ones_stay_dropped
            an_erased_user_is_forgotten_and_others_are_kept
            losses_of_an_erased_user_stay_counted
            an_erasure_of_an_organization_is_open_until_it_has_ended_and_can_be_deleted
            the_entries_of_an_organization_are_found_page_by_page
            an_entry_of_a_forgotten_organization_has_neither_organization_nor_directory
            all_rows_of_a_forgotten_organization_are_removed_and_others_are_kept
            the_rows_of_a_forgotten_organization_are_removed_page_by_page
        }
    };
    (@each $setup:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::store::conformance::$name($setup.named(stringify!($name))).await;
            }
        )*
    };
}
