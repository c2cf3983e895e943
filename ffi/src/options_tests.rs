//! Tests of all options structs together.

use crate::cancel::hc_call_options;
use crate::client::hc_client_options;
use crate::export::hc_mirror_export_options;
use crate::group::hc_group_options;
use crate::history::{hc_mirror_at_options, hc_mirror_history_options};
use crate::keeping::hc_reconcile_options;
use crate::mirror_options::hc_mirror_options;
use crate::mirrored::hc_mirror_user_options;
use crate::options::{LARGEST, Options, options};
use crate::organization::{hc_organization_fields, hc_organization_options};
use crate::replay::{hc_replay_options, hc_replay_store};
use crate::runs::{hc_event_options, hc_run_options};
use crate::sandbox::hc_sandbox_options;
use crate::sandbox_content::hc_sandbox_user;
use crate::sync::hc_sync_options;
use crate::user::hc_user_options;
use crate::webhook::hc_webhook_options;
use crate::worker::hc_worker_options;
use std::mem::offset_of;

#[test]
fn every_struct_begins_with_its_size_and_ends_without_padding() {
    macro_rules! check {
        ($($type:ident: $last:ident as $size:literal;)*) => {$(
            assert_eq!(offset_of!($type, struct_size), 0);
            assert_eq!(<$type as Options>::FIELDS[0], size_of::<usize>());
            assert!(<$type as Options>::FIELDS.is_sorted());
            assert_eq!(*<$type as Options>::FIELDS.last().unwrap(), offset_of!($type, $last));
            assert_eq!(offset_of!($type, $last) + $size, size_of::<$type>());
        )*};
    }
    check! {
        hc_client_options: observer_data as 8;
        hc_call_options: max_attempts as 4;
        hc_organization_fields: metadata_len as 8;
        hc_organization_options: reserved as 4;
        hc_user_options: include_detail as 4;
        hc_group_options: reserved as 4;
        hc_webhook_options: max_body as 8;
        hc_replay_options: capacity as 8;
        hc_replay_store: release as 8;
        hc_sandbox_options: groups as 4;
        hc_sandbox_user: reserved as 4;
        hc_mirror_options: fields_len as 8;
        hc_mirror_user_options: group_id as 8;
        hc_mirror_at_options: role as 8;
        hc_mirror_export_options: role as 8;
        hc_mirror_history_options: until as 8;
        hc_reconcile_options: since as 8;
        hc_run_options: limit as 8;
        hc_event_options: limit as 8;
        hc_sync_options: concurrency as 4;
        hc_worker_options: reserved as 4;
    }
}

#[test]
fn fields_beyond_struct_size_are_not_read_and_invalid_sizes_are_refused() {
    let read = |bytes: &[u64]| {
        // SAFETY: the size in the first word is at most that of all words, or is refused before the others are read.
        unsafe { options::<hc_webhook_options>(bytes.as_ptr().cast(), "options") }
    };
    let whole = size_of::<hc_webhook_options>() as u64;
    assert_eq!(read(&[whole, 7, 9]).unwrap().max_body, 9);
    // A caller with an older header: fields beyond its size are not read.
    let older = read(&[16, 7, 9]).unwrap();
    assert_eq!((older.tolerance_seconds, older.max_body), (7, 0));
    assert_eq!(read(&[8, 7, 9]).unwrap().tolerance_seconds, 0);
    // A caller with a newer header: fields that this version does not have must be 0.
    assert_eq!(read(&[whole + 8, 7, 9, 0]).unwrap().max_body, 9);
    assert!(read(&[whole + 8, 7, 9, 1]).is_err());
    for invalid in [0, 1, 7, 9, 15, whole - 1, LARGEST as u64 + 1, u64::MAX] {
        assert!(read(&[invalid, 7, 9]).is_err(), "{invalid}");
    }
}
