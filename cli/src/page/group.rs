//! A group: its members and its history.

use super::failure::Failure;
use super::frame::Frame;
use super::hold::cause;
use super::link;
use super::parts::{Paging, empty, entry, facts, page_of, pager, section, user_table};
use super::reply::reply;
use super::text::{id, time};
use super::viewer::{State, Viewer};
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount::mirror::HistoryEntry;
use headcount::{ErrorKind, Mirror};
use maud::html;
use std::collections::{HashMap, VecDeque};

/// The most changes that are shown. Groups change when they are renamed, which is rare.
const CHANGES: usize = 50;

pub(super) async fn show(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    let Some(group) = state.mirror.group(&id).await? else {
        return Err(Failure::not_found("The mirror has no group of this id."));
    };
    let page = paging.page();
    let (users, has_more) = page_of(state.mirror.users(&group.organization_id).group(id.as_str()), page).await?;
    let changes = changes(&state.mirror, &id).await?;
    let directories = state.mirror.directories(Some(&group.organization_id)).await?;
    let directory = directories.iter().find(|directory| directory.id == group.directory_id);
    let directory_name = directory.map_or("", |directory| &directory.name);
    let title = super::text::title(&group.display_name, &group.id);
    let main = html! {
        div.head { h1 { bdi { (crate::text::clean(title)) } } p.badges { span.badge.quiet { "Group" } } }
        (facts(vec![
            ("Group", super::text::id(&group.id)),
            ("Directory", link::directory(&group.directory_id, directory_name)),
            ("Organization", self::id(&group.organization_id)),
            ("Changed in the directory", time(group.updated_at)),
        ]))
        (section("members", "Members", html! {
            @if users.is_empty() { (empty("No members.")) } @else { (user_table("Members of the group", &users)) }
            (pager(&link::path(&["groups", &id]), page, has_more))
        }))
        (section("changes", "Changes, newest first", html! {
            @if changes.is_empty() { (empty("No changes are kept.")) } @else {
                ol.timeline { @for change in changes.iter().rev() { (entry(change, &cause(&change.cause), &HashMap::new())) } }
            }
        }))
    };
    let mut frame = Frame::new(&viewer, title);
    frame.above.push((
        super::text::title(directory_name, &group.directory_id),
        link::path(&["directories", &group.directory_id]),
    ));
    Ok(reply(StatusCode::OK, frame.around(main)))
}

/// Reads the last changes of a group, oldest first; none if the mirror keeps no history.
async fn changes(mirror: &Mirror, id: &str) -> Result<VecDeque<HistoryEntry>, Failure> {
    let mut history = mirror.history().group(id);
    let mut last = VecDeque::new();
    loop {
        let page = match history.next_page().await {
            Err(error) if error.kind() == ErrorKind::HistoryTrimmed => return Ok(last),
            page => page?,
        };
        if page.is_empty() {
            return Ok(last);
        }
        last.extend(page);
        let excess = last.len().saturating_sub(CHANGES);
        last.drain(..excess);
    }
}
