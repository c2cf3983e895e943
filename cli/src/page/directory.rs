//! A directory: its members, groups, syncs and events, each on a page below the same facts.

use super::failure::Failure;
use super::frame::Frame;
use super::link;
use super::parts::{
    Paging, Tone, badge, directory_badge, empty, events as event_timeline, facts, older, page_of, pager, runs, section,
    table, user_table,
};
use super::reply::reply;
use super::text::{count, id, number, time};
use super::viewer::{State, Viewer};
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount::Mirror;
use headcount::mirror::{DirectoryStatus, EventQuery, MirrorGroup, RunQuery};
use maud::{Markup, html};
use serde::Deserialize;

/// Number of syncs or events on a page.
const ENTRIES: usize = 50;

/// Number of groups on a page.
const GROUPS: usize = 200;

#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    /// Id of a sync that is marked.
    #[serde(default)]
    run: String,
}

pub(super) async fn members(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    let status = find(&state.mirror, &id).await?;
    let users = state.mirror.users(&status.directory.organization_id).directory(id.as_str());
    let page = paging.page();
    let (users, has_more) = page_of(users, page).await?;
    let content = html! {
        @if users.is_empty() { (empty("No users.")) } @else { (user_table("Members of the directory", &users)) }
        (pager(&tab_url(&id, ""), page, has_more))
    };
    Ok(show(&viewer, &status, "", section("members", "Members", content)))
}

pub(super) async fn groups(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    let status = find(&state.mirror, &id).await?;
    let groups = state.mirror.groups(&status.directory.organization_id, Some(&id)).await?;
    let page = paging.page();
    let first = (page - 1).saturating_mul(GROUPS);
    let row = |group: &MirrorGroup| {
        vec![
            html! { (link::group(&group.id, &group.display_name)) div.under { (super::text::id(&group.id)) } },
            time(group.updated_at),
        ]
    };
    let rows: Vec<Vec<Markup>> = groups.iter().skip(first).take(GROUPS).map(row).collect();
    let content = html! {
        @if rows.is_empty() { (empty("No groups.")) } @else { (table("Groups of the directory", &["Group", "Changed in the directory"], rows)) }
        (pager(&tab_url(&id, "groups"), page, groups.len() > first.saturating_add(GROUPS)))
    };
    Ok(show(&viewer, &status, "groups", section("groups", "Groups", content)))
}

pub(super) async fn syncs(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
    Query(Chosen { run }): Query<Chosen>,
) -> Result<Response, Failure> {
    let status = find(&state.mirror, &id).await?;
    let ids = Some(vec![run.clone()]).filter(|_| !run.is_empty());
    let is_chosen = ids.is_some();
    let query = RunQuery {
        ids,
        directory_id: Some(id.clone()),
        before: paging.before(),
        limit: ENTRIES,
        ..RunQuery::default()
    };
    let found = state.mirror.runs(query).await?;
    let last = found.last().map(|run| run.number).filter(|_| found.len() == ENTRIES);
    let url = tab_url(&id, "syncs");
    let content = html! {
        @if found.is_empty() {
            (empty(if is_chosen { "The record of this sync is no longer kept." } else { "No syncs." }))
        } @else {
            (runs(&found, &run))
        }
        @if is_chosen { p { a href=(url) { "All syncs" } } } @else { (older(&url, paging.before(), last)) }
    };
    Ok(show(&viewer, &status, "syncs", section("syncs", "Syncs, newest first", content)))
}

pub(super) async fn events(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    let status = find(&state.mirror, &id).await?;
    let organization_id = Some(status.directory.organization_id.clone());
    let query = EventQuery { organization_id, before: paging.before(), limit: ENTRIES, ..EventQuery::default() };
    let found = state.mirror.events(query).await?;
    let last = found.last().map(|event| event.number).filter(|_| found.len() == ENTRIES);
    let content = html! {
        p.under { "Webhook events of the organization, of the last week. Events do not name a directory." }
        @if found.is_empty() { (empty("No events.")) } @else { (event_timeline(&found)) }
        (older(&tab_url(&id, "events"), paging.before(), last))
    };
    Ok(show(&viewer, &status, "events", section("events", "Events, newest first", content)))
}

async fn find(mirror: &Mirror, id: &str) -> Result<DirectoryStatus, Failure> {
    let found = mirror.status().await?.into_iter().find(|status| status.directory.id == id);
    found.ok_or_else(|| Failure::not_found("The mirror has no directory of this id."))
}

fn tab_url(id: &str, tab: &str) -> String {
    match tab {
        "" => link::path(&["directories", id]),
        tab => link::path(&["directories", id, tab]),
    }
}

/// Makes the page of a directory with one of its tabs.
fn show(viewer: &Viewer, status: &DirectoryStatus, tab: &str, content: Markup) -> Response {
    let directory = &status.directory;
    let title = super::text::title(&directory.name, &directory.id);
    let tabs = [
        ("", "Members", Some(status.users)),
        ("groups", "Groups", Some(status.groups)),
        ("syncs", "Syncs", None),
        ("events", "Events", None),
    ];
    let main = html! {
        div.head {
            h1 { bdi { (crate::text::clean(title)) } }
            p.badges { (directory_badge(status)) @if status.leaving > 0 { " " (badge(Tone::Quiet, &format!("{} leaving", number(status.leaving)))) } }
        }
        @for hold in &status.holds {
            p.alert.warning {
                strong { (super::text::words(hold.reason.name())) } ": " (count(hold.count, "user")) " held. "
                a href=(link::path(&["holds", &hold.id])) { "Review the hold" }
            }
        }
        (facts(vec![
            ("Directory", id(&directory.id)),
            ("Organization", id(&directory.organization_id)),
            ("Provider", html! { (crate::text::clean(directory.directory_provider.as_str())) ", " (crate::text::clean(directory.directory_type.as_str())) }),
            ("Last full sync", time(status.last_full_sync)),
            ("Last incremental sync", time(status.last_incremental_sync)),
            ("Watermark", time(status.watermark)),
            ("Pending events", html! { (number(status.pending_events)) }),
        ]))
        @if let Some(since) = status.incomplete_since {
            p.alert.warning { strong { "Incomplete" } " since " (time(Some(since))) ". No user is removed because of a listing until a sync is complete." }
        }
        @if let Some(since) = status.missing_since {
            p.alert.bad { strong { "Missing" } " since " (time(Some(since))) ": the API does not list the directory. Its users are kept until it is retired." }
        }
        nav.tabs aria-label="Directory" {
            ul {
                @for (path, name, total) in tabs {
                    li {
                        a href=(tab_url(&directory.id, path)) aria-current=[(path == tab).then_some("page")] {
                            (name) @if let Some(total) = total { " " span.badge.quiet { (number(total)) } }
                        }
                    }
                }
            }
        }
        (content)
    };
    reply(StatusCode::OK, Frame::new(viewer, title).around(main))
}
