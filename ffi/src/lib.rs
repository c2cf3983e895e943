//! The C ABI: a thin translation of the core, one module a C noun, with no logic of its own.
//!
//! `boundary` holds the four ways in (a call, an accessor, a free, a constant; `callback` has calls that do not wait) that every exported function takes, so that none
//! can forget to check for NULL or to catch a panic. `text` turns Rust's strings into C's. `include/headcount.h` is generated
//! from this crate, documentation included; its conventions stand in `cbindgen.toml`.
#![allow(non_camel_case_types, reason = "types are called what C calls them, so that one name finds both")]
#![allow(clippy::missing_safety_doc, reason = "the header's conventions are every function's contract")]

mod boundary;
mod iter;
mod options;
mod page;

pub mod text;

pub mod error;

pub mod observe;

pub mod client;

pub mod cancel;

pub mod organization;

pub mod directory;

pub mod user;

pub mod group;

pub mod callback;

pub mod webhook;

pub mod event;

pub mod replay;

pub mod sandbox;

pub mod mirror;

pub mod mirrored;

pub mod sync;

pub mod change;

/// What the header promises about threads, for the compiler to keep.
const _: () = {
    const fn any_number_of_threads<T: Send + Sync>() {}
    const fn one_thread_at_a_time<T: Send>() {}
    any_number_of_threads::<error::hc_error>();
    any_number_of_threads::<client::hc_client>();
    any_number_of_threads::<cancel::hc_cancel>();
    any_number_of_threads::<organization::hc_organization>();
    any_number_of_threads::<organization::hc_organization_page>();
    any_number_of_threads::<directory::hc_directory>();
    any_number_of_threads::<directory::hc_directory_list>();
    any_number_of_threads::<directory::hc_directory_toggle>();
    any_number_of_threads::<user::hc_user>();
    any_number_of_threads::<user::hc_user_page>();
    any_number_of_threads::<group::hc_group>();
    any_number_of_threads::<group::hc_group_page>();
    any_number_of_threads::<webhook::hc_webhook>();
    any_number_of_threads::<webhook::hc_signed_headers>();
    any_number_of_threads::<event::hc_event>();
    any_number_of_threads::<replay::hc_replay_guard>();
    any_number_of_threads::<sandbox::hc_sandbox>();
    any_number_of_threads::<text::hc_text>();
    any_number_of_threads::<text::hc_text_list>();
    any_number_of_threads::<mirror::hc_mirror>();
    any_number_of_threads::<mirror::hc_role_map>();
    any_number_of_threads::<mirrored::hc_mirror_user>();
    any_number_of_threads::<mirrored::hc_mirror_user_list>();
    any_number_of_threads::<mirrored::hc_mirror_group>();
    any_number_of_threads::<mirrored::hc_mirror_group_list>();
    any_number_of_threads::<mirrored::hc_mirror_directory>();
    any_number_of_threads::<mirrored::hc_mirror_directory_list>();
    any_number_of_threads::<sync::hc_sync_reports>();
    any_number_of_threads::<sync::hc_mirror_directory_status_list>();
    any_number_of_threads::<change::hc_change_batch>();
    any_number_of_threads::<change::hc_parked_list>();
    any_number_of_threads::<change::hc_consumer_list>();
    one_thread_at_a_time::<organization::hc_organization_iter>();
    one_thread_at_a_time::<user::hc_user_iter>();
    one_thread_at_a_time::<group::hc_group_iter>();
    one_thread_at_a_time::<mirrored::hc_mirror_user_iter>();
};
