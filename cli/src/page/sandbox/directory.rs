//! A directory: its users and its groups, each on a page below the same facts, with the forms that add to them.

use super::form::{Asked, Blank, Button, Filled, Refused, Sent, Wrong, answer, done, missing, notice, unknown};
use super::frame::Frame;
use super::overview::{state_badge, title};
use super::state::State;
use super::users::users as user_list;
use crate::page::failure::Failure;
use crate::page::link::path;
use crate::page::parts::{Paging, Tone, badge, empty, facts, pager, section, table};
use crate::page::reply::reply;
use crate::page::text::{count, id, name_or_id, number, time_by};
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount_sandbox::internal::{DirectoryView, GroupView, UserQuery};
use headcount_sandbox::{NewGroup, NewUser};
use maud::{Markup, html};

/// Number of groups on a page.
const GROUPS: usize = 200;

pub(super) async fn users(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    Ok(reply(StatusCode::OK, user_page(&state, &id, &asked, &paging, None)?))
}

pub(super) async fn groups(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    Ok(reply(StatusCode::OK, group_page(&state, &id, &asked, &paging, None)?))
}

pub(super) async fn act_on_users(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = carry_out(&state, &id, &filled);
    answer(filled, acted, |wrong| user_page(&state, &id, &Asked::default(), &Paging::default(), Some(wrong)))
}

pub(super) async fn act_on_groups(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = create_group(&state, &id, &filled);
    answer(filled, acted, |wrong| group_page(&state, &id, &Asked::default(), &Paging::default(), Some(wrong)))
}

fn carry_out(state: &State, directory_id: &str, filled: &Filled) -> Result<String, Refused> {
    let page = path(&["directories", directory_id]);
    let environment = &state.environment;
    match filled.name() {
        "hire" => {
            let group = filled.get("group");
            let user = environment.create_user(NewUser {
                email: filled.get("email").to_owned(),
                given_name: filled.get("given_name").to_owned(),
                family_name: filled.get("family_name").to_owned(),
                title: Some(filled.get("title").to_owned()),
                groups: if group.is_empty() { Vec::new() } else { vec![group.to_owned()] },
                directory_id: Some(directory_id.to_owned()),
                ..NewUser::default()
            })?;
            Ok(done(&path(&["users", user["id"].as_str().unwrap_or_default()]), "hired"))
        }
        "leave" => {
            environment.mass_leave(directory_id, filled.number("percent")?)?;
            Ok(done(&page, "left"))
        }
        what @ ("enable" | "disable") => {
            let directory = environment.directory(directory_id)?;
            environment.set_enabled(&directory.organization_id, directory_id, what == "enable")?;
            Ok(done(&page, if what == "enable" { "enabled" } else { "disabled" }))
        }
        _ => Err(unknown()),
    }
}

fn create_group(state: &State, directory_id: &str, filled: &Filled) -> Result<String, Refused> {
    if filled.name() != "group" {
        return Err(unknown());
    }
    let group = state.environment.create_group(NewGroup {
        display_name: filled.get("display_name").to_owned(),
        directory_id: Some(directory_id.to_owned()),
        ..NewGroup::default()
    })?;
    Ok(done(&path(&["groups", group["id"].as_str().unwrap_or_default()]), "grouped"))
}

fn user_page(
    state: &State,
    directory_id: &str,
    asked: &Asked,
    paging: &Paging,
    wrong: Option<&Wrong>,
) -> Result<Markup, Failure> {
    let directory = state.environment.directory(directory_id).map_err(|error| missing(&error))?;
    let groups = state.environment.groups(directory_id).map_err(|error| missing(&error))?;
    let page = path(&["directories", directory_id]);
    let query = UserQuery { directory_id: Some(directory_id.to_owned()), ..UserQuery::default() };
    let users = user_list(state, &page, asked, paging, query)?;
    let content = html! {
        (section("users", "Users", html! {
            form.search.within action=(page) {
                label.hidden for="filter" { "Search users of this directory" }
                input #filter type="search" name="q" value=(asked.q) maxlength="320" placeholder="Email address, id or name" autocomplete="off" spellcheck="false";
                button type="submit" { "Search" span.hidden { " in this directory" } }
            }
            (users)
        }))
        (forms(state, &directory, &groups, &page, wrong))
    };
    Ok(show(&directory, asked, "", content))
}

fn forms(state: &State, directory: &DirectoryView, groups: &[GroupView], page: &str, wrong: Option<&Wrong>) -> Markup {
    let blank = |name| Blank { path: page, name, csrf: &state.csrf, wrong };
    let hire = blank("hire");
    let mut choices = vec![("", "None")];
    choices.extend(groups.iter().take(GROUPS).map(|group| (group.id.as_str(), group.display_name.as_str())));
    let leave = blank("leave");
    let percent =
        leave.text("percent", "Percent of the users", "30", true, "From 1 to 100. Those who were created first leave.");
    let (switch, label) =
        if directory.enabled { ("disable", "Disable the directory") } else { ("enable", "Enable the directory") };
    html! {
        div.panels {
            (section("hire", "Hire", hire.form(html! {
                (hire.text("email", "Email address", "", true, ""))
                (hire.text("given_name", "Given name", "", false, ""))
                (hire.text("family_name", "Family name", "", false, ""))
                (hire.text("title", "Title", "", false, ""))
                (hire.choice("group", "Group", &choices))
            }, Button::Main, &html! { "Hire" })))
            div.panel {
                (section("leave", "Mass leave", html! {
                    p.lead { "Deletes a part of the users at once, as an administrator's mistake would." }
                    (leave.form(percent, Button::Danger, &html! { "Delete these users" }))
                }))
                (section("switch", "State", html! {
                    p.lead { "A directory that is disabled sends one event, and is listed as before." }
                    (blank(switch).form(html! {}, Button::Plain, &html! { (label) }))
                }))
            }
        }
    }
}

fn group_page(
    state: &State,
    directory_id: &str,
    asked: &Asked,
    paging: &Paging,
    wrong: Option<&Wrong>,
) -> Result<Markup, Failure> {
    let directory = state.environment.directory(directory_id).map_err(|error| missing(&error))?;
    let groups = state.environment.groups(directory_id).map_err(|error| missing(&error))?;
    let now = state.environment.now();
    let page = path(&["directories", directory_id, "groups"]);
    let first = (paging.page() - 1).saturating_mul(GROUPS);
    let row = |group: &GroupView| {
        vec![
            html! {
                a href=(path(&["groups", &group.id])) { (name_or_id(&group.display_name, &group.id)) }
                div.under { (id(&group.id)) }
            },
            html! { (number(group.members as u64)) },
            time_by(group.updated_at, now),
        ]
    };
    let rows: Vec<Vec<Markup>> = groups.iter().skip(first).take(GROUPS).map(row).collect();
    let form = Blank { path: &page, name: "group", csrf: &state.csrf, wrong };
    let content = html! {
        (section("groups", "Groups", html! {
            @if rows.is_empty() { (empty("No groups.")) } @else { (table("Groups of the directory", &["Group", "#Members", "Changed"], rows)) }
            (pager(&page, paging.page(), groups.len() > first.saturating_add(GROUPS)))
        }))
        (section("create", "Create a group", form.form(form.text("display_name", "Name", "", true, ""), Button::Main, &html! { "Create the group" })))
    };
    Ok(show(&directory, asked, "groups", content))
}

/// Makes the page of a directory with one of its tabs.
fn show(directory: &DirectoryView, asked: &Asked, tab: &str, content: Markup) -> Markup {
    let title = title(directory);
    let tabs = [("", "Users", directory.users), ("groups", "Groups", directory.groups)];
    let url = |tab: &str| match tab {
        "" => path(&["directories", &directory.id]),
        tab => path(&["directories", &directory.id, tab]),
    };
    let main = html! {
        div.head {
            h1 { bdi { (crate::text::clean(&title)) } }
            p.badges { (state_badge(directory)) }
        }
        (notice(asked))
        (facts(vec![
            ("Directory", id(&directory.id)),
            ("Organization", id(&directory.organization_id)),
            ("Content", html! { (count(directory.users as u64, "user")) ", " (count(directory.groups as u64, "group")) }),
        ]))
        nav.tabs aria-label="Directory" {
            ul {
                @for (path, name, total) in tabs {
                    li {
                        a href=(url(path)) aria-current=[(path == tab).then_some("page")] { (name) " " (badge(Tone::Quiet, &number(total as u64))) }
                    }
                }
            }
        }
        (content)
    };
    Frame { title: &title, above: Vec::new(), query: "" }.around(main)
}
