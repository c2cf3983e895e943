//! A user, with the forms that change, move, deactivate and delete them.

use super::form::{Asked, Blank, Button, Filled, Refused, Sent, Wrong, answer, done, missing, notice, unknown};
use super::frame::Frame;
use super::overview::title;
use super::state::State;
use super::users::{full_name, user_badge};
use crate::page::failure::Failure;
use crate::page::link::path;
use crate::page::parts::{empty, facts, section};
use crate::page::reply::reply;
use crate::page::text::{id, name, none, time_by};
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount_sandbox::UserChange;
use headcount_sandbox::internal::{GroupView, UserView};
use maud::{Markup, html};

/// The most groups that the form for the groups offers, besides those of the user.
const GROUPS: usize = 200;

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    Ok(reply(StatusCode::OK, page(&state, &id, &asked, None)?))
}

pub(super) async fn act(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = carry_out(&state, &id, &filled);
    answer(filled, acted, |wrong| page(&state, &id, &Asked::default(), Some(wrong)))
}

fn carry_out(state: &State, user_id: &str, filled: &Filled) -> Result<String, Refused> {
    let environment = &state.environment;
    let page = path(&["users", user_id]);
    let (change, what) = match filled.name() {
        "change" => {
            let field = |name: &str| Some(filled.get(name).to_owned());
            let change = UserChange {
                email: field("email"),
                given_name: field("given_name"),
                family_name: field("family_name"),
                preferred_username: field("preferred_username"),
                title: field("title"),
                ..UserChange::default()
            };
            (change, "changed")
        }
        "move" => (UserChange { groups: Some(filled.all("groups")), ..UserChange::default() }, "moved"),
        "deactivate" => (UserChange { active: Some(false), ..UserChange::default() }, "deactivated"),
        "reactivate" => (UserChange { active: Some(true), ..UserChange::default() }, "reactivated"),
        "fire" => {
            let directory_id = environment.user(user_id)?.directory_id;
            environment.delete_user(user_id)?;
            return Ok(done(&path(&["directories", &directory_id]), "fired"));
        }
        _ => return Err(unknown()),
    };
    environment.update_user(user_id, change)?;
    Ok(done(&page, what))
}

fn page(state: &State, user_id: &str, asked: &Asked, wrong: Option<&Wrong>) -> Result<Markup, Failure> {
    let environment = &state.environment;
    let user = environment.user(user_id).map_err(|error| missing(&error))?;
    let directory = environment.directory(&user.directory_id).map_err(|error| missing(&error))?;
    let groups = environment.groups(&user.directory_id).map_err(|error| missing(&error))?;
    let directory_title = title(&directory);
    let full_name = full_name(&user);
    let page = path(&["users", user_id]);
    let blank = |name| Blank { path: &page, name, csrf: &state.csrf, wrong };
    let change = blank("change");
    let (switch, label) =
        if user.active { ("deactivate", "Deactivate the user") } else { ("reactivate", "Reactivate the user") };
    let main = html! {
        div.head {
            h1 { bdi { (crate::text::clean(&full_name)) } }
            p.badges { (user_badge(&user)) }
        }
        (notice(asked))
        (facts(vec![
            ("User", id(&user.id)),
            ("Email address", name(&user.email)),
            ("Title", if user.title.is_empty() { none() } else { name(&user.title) }),
            ("Changed", time_by(user.updated_at, environment.now())),
        ]))
        div.panels {
            (section("change", "Change", change.form(html! {
                (change.text("email", "Email address", &user.email, true, ""))
                (change.text("given_name", "Given name", &user.given_name, false, ""))
                (change.text("family_name", "Family name", &user.family_name, false, ""))
                (change.text("preferred_username", "User name", &user.preferred_username, false, ""))
                (change.text("title", "Title", &user.title, false, ""))
            }, Button::Main, &html! { "Change the user" })))
            div.panel {
                (section("move", "Move to other groups", move_form(&blank("move"), &user, &groups)))
                (section("switch", "Sign-in", html! {
                    p.lead { @if user.active { "The user may sign in." } @else { "The user may not sign in." } }
                    (blank(switch).form(html! {}, Button::Plain, &html! { (label) }))
                }))
                (section("fire", "Fire", html! {
                    p.lead { "Deletes the user. That cannot be undone." }
                    (blank("fire").form(html! {}, Button::Danger, &html! { "Fire" span.hidden { " " (crate::text::clean(&full_name)) } }))
                }))
            }
        }
    };
    let above = vec![(directory_title.as_str(), path(&["directories", &directory.id]))];
    Ok(Frame { title: &full_name, above, query: "" }.around(main))
}

/// Returns the form with the groups that the user may be in.
fn move_form(blank: &Blank<'_>, user: &UserView, groups: &[GroupView]) -> Markup {
    let is_member = |group: &GroupView| user.groups.iter().any(|other| other.id == group.id);
    // The form sets all groups: one that is not shown would be left.
    let offered: Vec<&GroupView> = groups
        .iter()
        .enumerate()
        .filter(|(index, group)| *index < GROUPS || is_member(group))
        .map(|(_, group)| group)
        .collect();
    if offered.is_empty() {
        return empty("The directory has no groups.");
    }
    let fields = html! {
        fieldset {
            legend { "Groups of the user" }
            div.checks {
                @for group in offered {
                    div.check {
                        input id=(format!("move-{}", group.id)) type="checkbox" name="groups" value=(group.id) checked[is_member(group)];
                        label for=(format!("move-{}", group.id)) { (name(&group.display_name)) }
                    }
                }
            }
        }
    };
    blank.form(fields, Button::Main, &html! { "Move the user" })
}
