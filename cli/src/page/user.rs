//! A user: details, roles with the groups that give them, and why the user has or lost access.

use super::failure::Failure;
use super::frame::Frame;
use super::link;
use super::parts::{
    Paging, Tone, badge, empty, entry, events, facts, list, members, pager, section, table, user_badges, user_name,
    value,
};
use super::reply::reply;
use super::text::{at, count, id, name, none, time, words};
use super::viewer::{State, Viewer};
use crate::text::clean;
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount::mirror::{ExplainedChange, Explanation, ReceivedEvent, RoleGrant, UserState};
use headcount::{Mirror, MirrorUser};
use maud::{Markup, html};
use std::collections::HashMap;

/// Number of changes on a page.
const CHANGES: usize = 100;

/// The most groups whose names are read.
const NAMED_GROUPS: usize = 50;

pub(super) async fn show(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    let explanation = state.mirror.explain(&id).await?;
    if explanation.state == UserState::Unknown {
        return Err(Failure::not_found(
            "The mirror knows no user of this id: it is wrong, or nothing about the user is kept any more.",
        ));
    }
    let user = explanation.user.as_ref();
    let groups = group_names(&state.mirror, &explanation).await?;
    let directory = match &explanation.directory_id {
        Some(id) => state
            .mirror
            .directories(explanation.organization_id.as_deref())
            .await?
            .into_iter()
            .find(|directory| directory.id == *id),
        None => None,
    };
    let title = user.map(user_name).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
    let main = html! {
        div.head {
            h1 { bdi { (clean(&title)) } }
            p.badges { (state_badges(&explanation)) }
        }
        @for hold in &explanation.holds {
            p.alert.warning {
                strong { (words(hold.reason.name())) } ": a hold of " (count(hold.count, "user")) " concerns this user. "
                a href=(link::path(&["holds", &hold.id])) { "Review the hold" }
            }
        }
        (user_facts(&explanation, &groups, directory.as_ref().map_or("", |directory| &directory.name)))
        (section("access", "Why the user has or lost access", access(&explanation)))
        (section("changes", "Changes, newest first", changes(&explanation, &groups, &link::path(&["users", &id]), paging.page())))
        @if !explanation.events.is_empty() {
            (section("ignored", "Events without effect", events(&explanation.events)))
        }
        @if let Some(user) = user { (more(user)) }
    };
    let mut frame = Frame::new(&viewer, &title);
    if let Some(directory) = &directory {
        let label = super::text::title(&directory.name, &directory.id);
        frame.above.push((label, link::path(&["directories", &directory.id])));
    }
    Ok(reply(StatusCode::OK, frame.around(main)))
}

/// Reads the names of the user's groups, and of those that the user joined and left, by their ids: the newest, if there are many.
async fn group_names(mirror: &Mirror, explanation: &Explanation) -> Result<HashMap<String, String>, Failure> {
    let mut ids: Vec<&String> = explanation.user.iter().flat_map(|user| &user.group_ids).collect();
    for ExplainedChange { entry, .. } in explanation.changes.iter().rev() {
        ids.extend(entry.groups_joined.iter().chain(&entry.groups_left));
    }
    let mut names = HashMap::new();
    for id in ids {
        if names.len() == NAMED_GROUPS {
            break;
        }
        if !names.contains_key(id) {
            // A group that is not mirrored any more has no name.
            let name = mirror.group(id).await?.map(|group| group.display_name).unwrap_or_default();
            names.insert(id.clone(), name);
        }
    }
    Ok(names)
}

fn state_badges(explanation: &Explanation) -> Markup {
    match (explanation.state, &explanation.user) {
        (UserState::Present, Some(user)) => user_badges(user),
        (UserState::Present, None) => badge(Tone::Good, "Present"),
        (state, _) => html! {
            (badge(Tone::Bad, &words(state.name())))
            @if let Some(removed_at) = explanation.removed_at { " " (time(Some(removed_at))) }
        },
    }
}

fn user_facts(explanation: &Explanation, groups: &HashMap<String, String>, directory: &str) -> Markup {
    let known = |text: &Option<String>| text.as_ref().map_or_else(none, |text| id(text));
    let text = |text: &str| if text.is_empty() { none() } else { name(text) };
    let mut all = vec![("User", id(&explanation.user_id))];
    if let Some(user) = &explanation.user {
        let others = user.emails.iter().filter(|email| **email != user.email);
        all.extend([
            ("Email address", text(&user.email)),
            ("Other addresses", list(others.map(|email| name(email)))),
            ("User name", text(&user.preferred_username)),
            ("Account", known(&user.linked_id)),
            (
                "Groups",
                list(user.group_ids.iter().map(|id| link::group(id, groups.get(id).map_or("", String::as_str)))),
            ),
            ("Vendor's roles", list(user.vendor_roles.iter().map(|role| name(role)))),
            ("Changed in the directory", time(user.updated_at)),
        ]);
        if let Some(reason) = &user.protection {
            all.push(("Protected because", name(reason)));
        }
        if let Some(deletes_at) = user.deletes_at {
            all.push(("Deletion planned", time(Some(deletes_at))));
        }
    }
    all.push(("Directory", explanation.directory_id.as_ref().map_or_else(none, |id| link::directory(id, directory))));
    all.push(("Organization", known(&explanation.organization_id)));
    facts(all)
}

fn access(explanation: &Explanation) -> Markup {
    let rows: Vec<Vec<Markup>> = explanation.roles.iter().map(role_row).collect();
    html! {
        @if rows.is_empty() { (empty("No roles.")) } @else { (table("Roles", &["Role", "From the group", "By the entry of the role map"], rows)) }
        @if !explanation.outlook.is_empty() {
            h3 { "What comes next" }
            ul { @for sentence in &explanation.outlook { li { (clean(sentence)) } } }
        }
    }
}

fn role_row(grant: &RoleGrant) -> Vec<Markup> {
    let group = match (&grant.group_id, grant.is_held) {
        (Some(id), _) => link::group(id, grant.group_name.as_deref().unwrap_or_default()),
        (None, true) => html! { "no group any more; " (badge(Tone::Warning, "Loss held")) },
        (None, false) => html! { "no group; a new role map is being applied" },
    };
    let rule = grant.entry.as_ref().map_or_else(none, |entry| {
        html! { (entry.key.name()) " " code { bdi { (clean(&entry.group)) } } @if let Some(organization) = &entry.organization_id { " of " (id(organization)) } }
    });
    vec![html! { strong { (name(&grant.role)) } }, group, rule]
}

fn changes(explanation: &Explanation, groups: &HashMap<String, String>, url: &str, page: usize) -> Markup {
    let first = (page - 1).saturating_mul(CHANGES);
    let shown: Vec<&ExplainedChange> = explanation.changes.iter().rev().skip(first).take(CHANGES).collect();
    let is_last = explanation.changes.len() <= first.saturating_add(CHANGES);
    html! {
        @if shown.is_empty() {
            (empty("No changes are kept."))
        } @else {
            ol.timeline { @for change in shown { (entry(&change.entry, &cause(change), groups)) } }
        }
        @if is_last && !explanation.is_complete {
            p.under {
                @match explanation.history_since {
                    Some(since) => { "Earlier changes are not shown: the history begins at " (at(since)) ", and at most 1,000 changes are shown." }
                    None => { "The mirror keeps no history." }
                }
            }
        }
        (pager(url, page, !is_last))
    }
}

/// Says what made a change.
fn cause(change: &ExplainedChange) -> Markup {
    let decided = |by: &str, note: &str| html! { " by " (name(by)) @if !note.is_empty() { ": " q { (name(note)) } } };
    if let Some(run) = &change.run {
        return html! { "By the " (run.mode.name()) " " (link::sync(&run.directory_id, &run.id)) };
    }
    if let Some(event) = &change.event {
        return html! { "By the event " (id(&event.id)) (event_type(event)) ", received " (at(event.received_at)) };
    }
    if let Some(approval) = &change.approval {
        return html! { "By the approval of the hold " (link::hold(&approval.hold_id)) (decided(&approval.by, &approval.note)) };
    }
    if let Some(retirement) = &change.retirement {
        return html! { "By the retirement of " (link::directory(&retirement.directory_id, "")) (decided(&retirement.by, &retirement.note)) };
    }
    super::hold::cause(&change.entry.cause)
}

fn event_type(event: &ReceivedEvent) -> Markup {
    html! { @if let Some(event_type) = &event.event_type { " (" (clean(event_type)) ")" } }
}

/// Returns what the directory says about a user beyond the fields that every directory has.
fn more(user: &MirrorUser) -> Markup {
    let parts = [
        ("attributes", "Attributes", members(user.attributes.as_ref().map(|json| json.get()))),
        ("detail", "The directory's own description", members(user.detail.as_ref().map(|json| json.get()))),
    ];
    html! {
        @for (anchor, title, members) in parts {
            @if !members.is_empty() {
                details.card id=(anchor) {
                    summary { (title) }
                    dl.facts { @for (key, member) in &members { div { dt { bdi { (clean(key)) } } dd { (value(Some(member))) } } } }
                }
            }
        }
    }
}
