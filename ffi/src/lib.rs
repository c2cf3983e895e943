//! The C ABI: a thin translation of the core without logic of its own. Each module has the functions of one kind of object.
//!
//! Every exported function uses `boundary` (or `callback`, for asynchronous calls), which checks for NULL and catches panics. `generated`
//! has the records and enums, which the crate `codegen` writes from the definitions in core. cbindgen makes
//! `include/headcount.h` from this crate, including the documentation; its conventions are in `cbindgen.toml`.
#![allow(
    non_camel_case_types,
    reason = "types have the names that they have in C, so that a search for one finds both"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the conventions in the header are the safety contract of every function"
)]

mod boundary;
mod child;
mod iter;
mod options;
#[cfg(test)]
mod options_tests;
mod page;
mod user_data;

mod text;

pub mod text_handles;

pub mod error;

pub mod error_accessors;

pub mod observe;

pub mod client;

pub mod cancel;

pub mod organization;

pub mod directory;

pub mod user;

pub mod group;

pub mod callback;

pub mod asynchronous;

pub mod webhook;

pub mod event;

pub mod replay;

pub mod sandbox;

pub mod sandbox_content;

pub mod mirror_options;

pub mod mirror;

pub mod settings;

pub mod roles;

pub mod mirrored;

pub mod sync;

pub mod plan;

pub mod export;
pub mod history;
pub mod holds;

pub mod keeping;

pub mod erasing;

pub mod explain;
pub mod runs;

pub mod change;

pub mod change_groups;

pub mod changes;

pub mod worker;

pub mod generated;

/// Checks at compile time that each type may be used by as many threads as the header permits.
const _: () = {
    const fn any_number_of_threads<T: Send + Sync>() {}
    const fn one_thread_at_a_time<T: Send>() {}
    any_number_of_threads::<error::hc_error>();
    any_number_of_threads::<client::hc_client>();
    any_number_of_threads::<cancel::hc_cancel>();
    any_number_of_threads::<webhook::hc_webhook>();
    any_number_of_threads::<webhook::hc_signed_headers>();
    any_number_of_threads::<event::hc_event>();
    any_number_of_threads::<replay::hc_replay_guard>();
    any_number_of_threads::<sandbox::hc_sandbox>();
    any_number_of_threads::<text_handles::hc_text>();
    any_number_of_threads::<text_handles::hc_text_list>();
    any_number_of_threads::<mirror::hc_mirror>();
    any_number_of_threads::<roles::hc_role_map>();
    any_number_of_threads::<change_groups::hc_change_groups>();
    any_number_of_threads::<changes::hc_change_iter>();
    any_number_of_threads::<worker::hc_worker>();
    any_number_of_threads::<plan::hc_plan>();
    one_thread_at_a_time::<plan::hc_plan_iter>();
    one_thread_at_a_time::<mirrored::hc_mirror_user_iter>();
};
