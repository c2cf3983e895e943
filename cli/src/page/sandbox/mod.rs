//! The page that `headcount sandbox` shows to developers: what the sandbox has, every webhook with its attempts, and forms that change both.
//!
//! It has the style, the script and the policy of the page of `headcount serve`, and works without JavaScript: each form is sent to the address of the page that has it, which
//! then redirects to what it changed, or shows the form again with what is wrong.
//!
//! Modules: `overview`, `users`, `directory`, `user`, `group`, `webhooks` and `delivery` have one view each. `form` reads and shows forms, `frame` has what is around the views,
//! and `state` what they share.
//!
//! This module does not check the host and the origin of requests: the sandbox does, for all of its routes.

mod delivery;
mod directory;
mod form;
mod frame;
mod group;
mod overview;
mod state;
#[cfg(test)]
mod tests;
mod user;
mod users;
mod webhooks;

use super::assets;
use super::failure::Failure;
use super::live;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::{Router, extract};
use headcount_sandbox::internal::Environment;
use state::State;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The longest body of a form, in bytes: a user with 200 groups.
const MAX_FORM: usize = 16 * 1024;

/// Returns the routes of the page, beside those of the sandbox.
pub(crate) fn router(environment: Arc<Environment>) -> Router {
    Router::new()
        .route("/", get(overview::show).post(overview::act))
        .route("/users", get(users::show))
        .route("/users/{id}", get(user::show).post(user::act))
        .route("/groups/{id}", get(group::show).post(group::act))
        .route("/directories/{id}", get(directory::users).post(directory::act_on_users))
        .route("/directories/{id}/groups", get(directory::groups).post(directory::act_on_groups))
        .route("/webhooks", get(webhooks::show).post(webhooks::act))
        .route("/webhooks/{id}", get(delivery::show).post(delivery::act))
        .route(
            "/live",
            get(async |extract::State(state): extract::State<State>| {
                live::news(&state.watcher, CancellationToken::new())
            }),
        )
        .method_not_allowed_fallback(async || Failure::wrong_method())
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(State::new(environment))
        .merge(assets())
}
