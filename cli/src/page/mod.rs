//! The page that `headcount serve` shows: what is mirrored, what changed and why, and the holds that somebody has to decide about.
//!
//! The pages are rendered on the server and can be read without JavaScript. One small script, `assets/script.js`, reloads the main part of a page when `live` reports that
//! something changed. No page loads anything from another host, and no page has inline scripts or styles: see the policy in `reply`.
//!
//! Modules: `overview`, `directory`, `user`, `group`, `hold` and `search` have one view each, `sign_in` the form for the token. `layout` has what every page has, `frame`
//! what is around the views, `parts` what several views show (tables, badges, times, timelines), `chart` the diagram of the last days, and `text` and `link` make text and URLs from names and ids of directories. `live` tells browsers
//! what `watcher` sees, `viewer` says who asks, `failure` makes pages of errors, `reply` sets the headers, and `assets` has the style and the script. `sandbox` is the page of
//! `headcount sandbox`, which shares all of this except the viewer.
//!
//! This module does not authenticate: the server adds a [`Viewer`] to each request after it has checked the session, the host and the origin. Without a viewer, every view
//! answers 403.

mod assets;
mod chart;
mod directory;
mod failure;
mod frame;
mod group;
mod hold;
mod layout;
mod link;
mod live;
mod overview;
mod parts;
mod reply;
pub(crate) mod sandbox;
mod search;
mod sign_in;
#[cfg(test)]
mod tests;
mod text;
mod user;
mod viewer;
mod watcher;

pub(crate) use assets::assets;
pub(crate) use sign_in::sign_in;
pub(crate) use viewer::Viewer;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use failure::Failure;
use headcount::Mirror;
use viewer::State;
use watcher::Watcher;

/// The longest body of a form, in bytes. The longest note has 2,000 bytes, each of which may be three in a form.
const MAX_FORM: usize = 16 * 1024;

/// Returns the routes of the page, with a fallback that answers 404. The server adds a [`Viewer`] to each request, and serves [`assets`] without one, because the form for
/// the token uses them.
pub(crate) fn router(mirror: Mirror) -> Router {
    let state = State { watcher: Watcher::new(mirror.clone()), mirror };
    Router::new()
        .route("/", get(overview::show))
        .route("/directories/{id}", get(directory::members))
        .route("/directories/{id}/groups", get(directory::groups))
        .route("/directories/{id}/syncs", get(directory::syncs))
        .route("/directories/{id}/events", get(directory::events))
        .route("/users/{id}", get(user::show))
        .route("/groups/{id}", get(group::show))
        .route("/holds/{id}", get(hold::show).post(hold::decide))
        .route("/search", get(search::show))
        .route("/live", get(live::stream))
        .fallback(async || Failure::not_found("There is no page at this address."))
        .method_not_allowed_fallback(async || Failure::wrong_method())
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(state)
}
