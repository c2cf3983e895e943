//! The users of all directories, or those that a search finds.

use super::form::{Asked, missing};
use super::frame::Frame;
use super::state::State;
use crate::page::failure::Failure;
use crate::page::link::{encoded, path};
use crate::page::parts::{Paging, Tone, badge, empty, list, pager, section, table};
use crate::page::reply::reply;
use crate::page::text::{count, id, name, name_or_id, none, time_by};
use axum::extract;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use headcount::Timestamp;
use headcount_sandbox::internal::{UserQuery, UserView};
use maud::{Markup, html};

/// Number of users on a page.
const USERS: usize = 50;

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    let title = if asked.q.is_empty() { "Users" } else { "Search" };
    let users = users(&state, "/users", &asked, &paging, UserQuery::default())?;
    let main = html! {
        h1 { (title) }
        (section("users", if asked.q.is_empty() { "All directories" } else { "Found users" }, users))
    };
    Ok(reply(StatusCode::OK, Frame { title, above: Vec::new(), query: &asked.q }.around(main)))
}

/// Returns a page of the users that a query selects, as a table. `url` is the path of the page, whose address has the search and the number of the page.
///
/// # Errors
///
/// 404 for an unknown directory or group.
pub(super) fn users(
    state: &State,
    url: &str,
    asked: &Asked,
    paging: &Paging,
    query: UserQuery,
) -> Result<Markup, Failure> {
    let first = (paging.page() - 1).saturating_mul(USERS);
    let query = UserQuery { search: asked.q.clone(), offset: first, limit: USERS, ..query };
    let (users, total) = state.environment.users(&query).map_err(|error| missing(&error))?;
    let url = if asked.q.is_empty() { url.to_owned() } else { format!("{url}?q={}", encoded(&asked.q)) };
    Ok(html! {
        @if users.is_empty() { (empty("No users.")) } @else {
            p.under { (count(total as u64, "user")) }
            (user_table(&users, state.environment.now()))
        }
        (pager(&url, paging.page(), first.saturating_add(users.len()) < total))
    })
}

fn user_table(users: &[UserView], now: Timestamp) -> Markup {
    let row = |user: &UserView| {
        let group = |group: &headcount_sandbox::internal::GroupView| {
            html! { a href=(path(&["groups", &group.id])) { (name_or_id(&group.display_name, &group.id)) } }
        };
        vec![
            html! {
                a href=(path(&["users", &user.id])) { (name_or_id(&full_name(user), &user.id)) }
                div.under { (id(&user.id)) }
            },
            name(&user.email),
            if user.title.is_empty() { none() } else { name(&user.title) },
            user_badge(user),
            list(user.groups.iter().map(group)),
            time_by(user.updated_at, now),
        ]
    };
    let columns = ["User", "Email address", "Title", "State", "Groups", "Changed"];
    table("Users", &columns, users.iter().map(row).collect())
}

/// Returns the name of a user, or what comes closest to it.
pub(super) fn full_name(user: &UserView) -> String {
    let name = format!("{} {}", user.given_name, user.family_name);
    if name.trim().is_empty() { user.email.clone() } else { name.trim().to_owned() }
}

/// Returns whether a user may sign in.
pub(super) fn user_badge(user: &UserView) -> Markup {
    if user.active { badge(Tone::Good, "Active") } else { badge(Tone::Quiet, "Inactive") }
}
