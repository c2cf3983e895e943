//! The search: users by email address or id, groups and directories by id or a part of their names, and holds, events and syncs by id.

use super::failure::Failure;
use super::frame::Frame;
use super::link;
use super::parts::{empty, events, section, table, user_table};
use super::reply::reply;
use super::text::id;
use super::viewer::{State, Viewer};
use axum::extract;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use headcount::mirror::{MirrorDirectory, MirrorGroup, ReceivedEvent, UserState};
use headcount::{ErrorKind, Mirror, MirrorUser};
use maud::{Markup, html};
use serde::Deserialize;

/// The longest text that is searched for, in bytes, and the most results of a kind.
const LONGEST: usize = 1_000;
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

/// What was found.
#[derive(Default)]
struct Found {
    users: Vec<MirrorUser>,
    /// A user who is not mirrored any more.
    former: Option<String>,
    groups: Vec<MirrorGroup>,
    directories: Vec<MirrorDirectory>,
    hold: Option<String>,
    events: Vec<ReceivedEvent>,
}

pub(super) async fn show(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Query(Search { q }): Query<Search>,
) -> Result<Response, Failure> {
    let wanted = q.trim();
    if wanted.len() > LONGEST {
        return Err(Failure::invalid("The text to search for is too long."));
    }
    let found = if wanted.is_empty() { Found::default() } else { find(&state.mirror, wanted).await? };
    let main = html! {
        h1 { "Search" }
        @if wanted.is_empty() {
            p { "Enter the email address of a user, the name of a group or directory, or any id: of a user, group, directory, organization, hold or event." }
        } @else {
            p role="status" { (super::text::count(found.count() as u64, "result")) " for " strong { (super::text::name(wanted)) } }
            (results(&found))
        }
    };
    let frame = Frame { query: wanted, ..Frame::new(&viewer, "Search") };
    Ok(reply(StatusCode::OK, frame.around(main)))
}

impl Found {
    fn count(&self) -> usize {
        let Found { users, former, groups, directories, hold, events } = self;
        users.len()
            + groups.len()
            + directories.len()
            + events.len()
            + usize::from(former.is_some())
            + usize::from(hold.is_some())
    }
}

async fn find(mirror: &Mirror, wanted: &str) -> Result<Found, Failure> {
    let mut found = Found::default();
    if wanted.contains('@') {
        found.users = match mirror.find_users(wanted).await {
            // The mirror does not store addresses.
            Err(error) if error.kind() == ErrorKind::InvalidArgument => Vec::new(),
            users => users?,
        };
        found.users.truncate(MOST);
    }
    let explained = mirror.explain(wanted).await?;
    match explained.user {
        Some(user) => found.users.push(user),
        None if explained.state != UserState::Unknown => found.former = Some(explained.user_id),
        None => {}
    }
    found.events = mirror.event(wanted).await?.into_iter().collect();
    let part = wanted.to_lowercase();
    let is_named = |name: &str| name.to_lowercase().contains(&part);
    let status = mirror.status().await?;
    found.hold = status.iter().flat_map(|status| &status.holds).map(|hold| &hold.id).find(|id| *id == wanted).cloned();
    let organizations: std::collections::BTreeSet<String> =
        status.iter().map(|status| status.directory.organization_id.clone()).collect();
    let directories = status.into_iter().map(|status| status.directory);
    let is_wanted = |directory: &MirrorDirectory| {
        directory.id == wanted || directory.organization_id == wanted || is_named(&directory.name)
    };
    found.directories = directories.filter(is_wanted).take(MOST).collect();
    for organization in organizations {
        let groups = mirror.groups(&organization, None).await?.into_iter();
        let room = MOST - found.groups.len();
        found.groups.extend(groups.filter(|group| group.id == wanted || is_named(&group.display_name)).take(room));
    }
    Ok(found)
}

fn results(found: &Found) -> Markup {
    let directory_row = |directory: &MirrorDirectory| {
        vec![link::directory(&directory.id, &directory.name), id(&directory.id), id(&directory.organization_id)]
    };
    let group_row = |group: &MirrorGroup| {
        vec![link::group(&group.id, &group.display_name), id(&group.id), link::directory(&group.directory_id, "")]
    };
    html! {
        @if found.count() == 0 { (empty("Nothing was found. A user who was removed is found by id only.")) }
        @if !found.users.is_empty() { (section("users", "Users", user_table("Users that were found", &found.users))) }
        @if let Some(former) = &found.former {
            (section("former", "Former users", html! { p { (link::user(former, "")) " is not mirrored any more." } }))
        }
        @if !found.groups.is_empty() {
            (section("groups", "Groups", table("Groups that were found", &["Group", "Id", "Directory"], found.groups.iter().map(group_row).collect())))
        }
        @if !found.directories.is_empty() {
            (section("directories", "Directories", table(
                "Directories that were found",
                &["Directory", "Id", "Organization"],
                found.directories.iter().map(directory_row).collect(),
            )))
        }
        @if let Some(hold) = &found.hold { (section("hold", "Holds", html! { p { (link::hold(hold)) } })) }
        @if !found.events.is_empty() { (section("events", "Events", events(&found.events))) }
    }
}
