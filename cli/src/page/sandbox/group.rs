//! A group, with its members and the forms that rename and delete it.

use super::form::{Asked, Blank, Button, Filled, Refused, Sent, Wrong, answer, done, missing, notice, unknown};
use super::frame::Frame;
use super::overview::title;
use super::state::State;
use super::users::users;
use crate::page::failure::Failure;
use crate::page::link::path;
use crate::page::parts::{Paging, facts, section};
use crate::page::reply::reply;
use crate::page::text::{self, id, number, time_by};
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount_sandbox::GroupChange;
use headcount_sandbox::internal::UserQuery;
use maud::{Markup, html};

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    Ok(reply(StatusCode::OK, page(&state, &id, &asked, &paging, None)?))
}

pub(super) async fn act(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = carry_out(&state, &id, &filled);
    answer(filled, acted, |wrong| page(&state, &id, &Asked::default(), &Paging::default(), Some(wrong)))
}

fn carry_out(state: &State, group_id: &str, filled: &Filled) -> Result<String, Refused> {
    let environment = &state.environment;
    match filled.name() {
        "rename" => {
            let change = GroupChange { display_name: filled.get("display_name").to_owned() };
            environment.update_group(group_id, change)?;
            Ok(done(&path(&["groups", group_id]), "renamed"))
        }
        "dissolve" => {
            let directory_id = environment.group(group_id)?.directory_id;
            environment.delete_group(group_id)?;
            Ok(done(&path(&["directories", &directory_id, "groups"]), "dissolved"))
        }
        _ => Err(unknown()),
    }
}

fn page(
    state: &State,
    group_id: &str,
    asked: &Asked,
    paging: &Paging,
    wrong: Option<&Wrong>,
) -> Result<Markup, Failure> {
    let environment = &state.environment;
    let group = environment.group(group_id).map_err(|error| missing(&error))?;
    let directory = environment.directory(&group.directory_id).map_err(|error| missing(&error))?;
    let directory_title = title(&directory);
    let group_title = text::title(&group.display_name, &group.id);
    let page = path(&["groups", &group.id]);
    let query = UserQuery {
        directory_id: Some(group.directory_id.clone()),
        group_id: Some(group.id.clone()),
        ..UserQuery::default()
    };
    let members = users(state, &page, &Asked::default(), paging, query)?;
    let blank = |name| Blank { path: &page, name, csrf: &state.csrf, wrong };
    let rename = blank("rename");
    let new_name = rename.text("display_name", "Name", &group.display_name, true, "");
    let main = html! {
        h1 { bdi { (crate::text::clean(group_title)) } }
        (notice(asked))
        (facts(vec![
            ("Group", id(&group.id)),
            ("Members", html! { (number(group.members as u64)) }),
            ("Changed", time_by(group.updated_at, environment.now())),
        ]))
        (section("members", "Members", members))
        div.panels {
            (section("rename", "Rename", rename.form(new_name, Button::Main, &html! { "Rename the group" })))
            (section("dissolve", "Delete", html! {
                p.lead { "Its members stay in the directory." }
                (blank("dissolve").form(html! {}, Button::Danger, &html! { "Delete the group" }))
            }))
        }
    };
    let above = vec![
        (directory_title.as_str(), path(&["directories", &directory.id])),
        ("Groups", path(&["directories", &directory.id, "groups"])),
    ];
    Ok(Frame { title: group_title, above, query: "" }.around(main))
}
