//! What several views show: tables, badges, lists of facts, timelines, and links to the pages of a long list.

use super::failure::Failure;
use super::link;
use super::text::{at, id, name, none, number, time, took, words};
use crate::state::directory_state;
use crate::text::clean;
use headcount::MirrorUser;
use headcount::mirror::{DirectoryStatus, HistoryEntry, MirrorUsers, ReceivedEvent, Run, RunOutcome};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Number of users on a page.
pub(super) const USERS: usize = 100;

/// The longest value of a field that a timeline shows, in characters.
const LONGEST_VALUE: usize = 200;

// ---- words in colour ---------------------------------------------------------------------------------------------------------

/// How much attention a state needs. Colours show it, in addition to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Info,
    Warning,
    Bad,
    Quiet,
}

/// Returns a word about a state.
pub(super) fn badge(tone: Tone, text: &str) -> Markup {
    let class = match tone {
        Tone::Good => "good",
        Tone::Info => "info",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
        Tone::Quiet => "quiet",
    };
    html! { span.badge.(class) { (text) } }
}

/// Returns the state of a directory.
pub(super) fn directory_badge(status: &DirectoryStatus) -> Markup {
    let state = directory_state(status);
    let tone = match state {
        "enabled" => Tone::Good,
        "missing" => Tone::Bad,
        _ => Tone::Warning,
    };
    badge(tone, &words(state))
}

/// Returns how a sync ended.
pub(super) fn outcome_badge(outcome: RunOutcome) -> Markup {
    let tone = match outcome {
        RunOutcome::Done => Tone::Good,
        RunOutcome::Running => Tone::Info,
        RunOutcome::Failed => Tone::Bad,
        _ => Tone::Warning,
    };
    badge(tone, &words(outcome.name()))
}

/// Returns what is special about a user: nothing for one who is active.
pub(super) fn user_badges(user: &MirrorUser) -> Markup {
    html! {
        @if user.deletes_at.is_some() { (badge(Tone::Warning, "Leaving")) " " }
        @if user.active { (badge(Tone::Good, "Active")) } @else { (badge(Tone::Quiet, "Inactive")) }
        @if user.is_protected() { " " (badge(Tone::Info, "Protected")) }
    }
}

/// Returns the kind of a change.
fn kind_badge(kind: &str) -> Markup {
    let tone = match kind.rsplit_once('.').map_or(kind, |(_, what)| what) {
        "created" | "added" | "reactivated" | "enabled" | "found" => Tone::Good,
        "deleted" | "removed" | "deactivated" | "disabled" | "missing" => Tone::Bad,
        _ => Tone::Info,
    };
    badge(tone, &words(kind))
}

// ---- tables ------------------------------------------------------------------------------------------------------------------

/// Returns a table with a caption for screen readers. The first cell of a row is its header. Columns whose title begins with `#` have numbers.
///
/// On narrow screens, the cells of a row are below each other. The roles are explicit because browsers drop those of a table that is laid out in another way.
pub(super) fn table(caption: &str, columns: &[&'static str], rows: Vec<Vec<Markup>>) -> Markup {
    let title = |column: &'static str| column.trim_start_matches('#');
    let class = |column: &str| column.starts_with('#').then_some("number");
    html! {
        table role="table" {
            caption.hidden { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns { th scope="col" role="columnheader" class=[class(column)] { (title(column)) } }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (at, (cell, column)) in row.into_iter().zip(columns).enumerate() {
                            @if at == 0 {
                                th scope="row" role="rowheader" data-label=(title(column)) { div { (cell) } }
                            } @else {
                                td role="cell" data-label=(title(column)) class=[class(column)] { div { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns a table of users.
pub(super) fn user_table(caption: &str, users: &[MirrorUser]) -> Markup {
    let row = |user: &MirrorUser| {
        vec![
            html! { (link::user(&user.id, &user_name(user))) div.under { (id(&user.id)) } },
            if user.email.is_empty() { none() } else { name(&user.email) },
            user_badges(user),
            list(user.roles.iter().map(|role| name(role))),
            html! { (number(user.group_ids.len() as u64)) },
            user.linked_id.as_ref().map_or_else(none, |account| id(account)),
        ]
    };
    let columns = ["User", "Email address", "State", "Roles", "#Groups", "Account"];
    table(caption, &columns, users.iter().map(row).collect())
}

/// Returns items with commas between them, or the sign for none.
pub(super) fn list(items: impl Iterator<Item = Markup>) -> Markup {
    let items: Vec<Markup> = items.collect();
    if items.is_empty() {
        return none();
    }
    html! { @for (at, item) in items.iter().enumerate() { @if at > 0 { ", " } (item) } }
}

/// Returns facts: names, each with a value.
pub(super) fn facts(facts: Vec<(&str, Markup)>) -> Markup {
    html! { dl.facts { @for (what, value) in facts { div { dt { (what) } dd { (value) } } } } }
}

/// Returns a part of a page: a heading, and what is below it.
pub(super) fn section(anchor: &str, title: &str, content: Markup) -> Markup {
    html! { section.card aria-labelledby=(anchor) { h2 id=(anchor) { (title) } (content) } }
}

/// Returns a sentence that says that there is nothing to show.
pub(super) fn empty(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

// ---- long lists --------------------------------------------------------------------------------------------------------------

/// Which part of a long list is shown. What is not understood is ignored, so that a mistyped address shows the first page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    #[serde(default)]
    page: String,
    #[serde(default)]
    before: String,
}

impl Paging {
    /// Returns the number of the page, from 1.
    pub(super) fn page(&self) -> usize {
        self.page.parse().ok().filter(|page| *page > 0).unwrap_or(1)
    }

    /// Returns the number before which the list begins, or `None` for its beginning.
    pub(super) fn before(&self) -> Option<i64> {
        self.before.parse().ok()
    }
}

/// Reads a page of users, and whether there are more after it.
///
/// # Errors
///
/// Those of [`MirrorUsers::next_page`].
pub(super) async fn page_of(users: MirrorUsers, page: usize) -> Result<(Vec<MirrorUser>, bool), Failure> {
    let first = (page - 1).saturating_mul(USERS);
    // One more than the page has tells whether there are more.
    let mut users = users.page_size(first.saturating_add(USERS + 1));
    let (mut skipped, mut shown) = (0, Vec::new());
    while shown.len() <= USERS {
        let read = users.next_page().await?;
        if read.is_empty() {
            break;
        }
        let count = read.len();
        let skip = first.saturating_sub(skipped).min(count);
        shown.extend(read.into_iter().skip(skip).take(USERS + 1 - shown.len()));
        skipped += count;
    }
    let has_more = shown.len() > USERS;
    shown.truncate(USERS);
    Ok((shown, has_more))
}

/// Returns links to the pages before and after a page of a list, which has no links if it has one page. `url` is the address of the list, which may have a query.
pub(super) fn pager(url: &str, page: usize, has_more: bool) -> Markup {
    let of = |page: usize| format!("{url}{}page={page}", if url.contains('?') { '&' } else { '?' });
    html! {
        @if page > 1 || has_more {
            nav.pager aria-label="Pages" {
                @if page > 1 { a rel="prev" href=(of(page - 1)) { "Previous page" } }
                span aria-current="page" { "Page " (page) }
                @if has_more { a rel="next" href=(of(page + 1)) { "Next page" } }
            }
        }
    }
}

/// Returns a link to the older entries of a list that is shown newest first, if there may be any.
pub(super) fn older(url: &str, before: Option<i64>, last: Option<i64>) -> Markup {
    html! {
        @if before.is_some() || last.is_some() {
            nav.pager aria-label="Pages" {
                @if before.is_some() { a href=(url) { "Newest" } }
                @if let Some(last) = last { a rel="next" href=(format!("{url}?before={last}")) { "Older" } }
            }
        }
    }
}

// ---- timelines ---------------------------------------------------------------------------------------------------------------

/// Returns the name of a user, or what comes closest to it.
pub(super) fn user_name(user: &MirrorUser) -> String {
    let name = format!("{} {}", user.given_name, user.family_name);
    [name.trim(), &user.preferred_username, &user.email]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
        .to_owned()
}

/// Returns syncs as a timeline, newest first. The one with the id `chosen` is marked.
pub(super) fn runs(runs: &[Run], chosen: &str) -> Markup {
    html! {
        ol.timeline {
            @for run in runs {
                li.chosen[run.id == chosen] aria-current=[(run.id == chosen).then_some("true")] {
                    div.when { (time(Some(run.started_at))) }
                    div.what {
                        p {
                            (outcome_badge(run.outcome)) " "
                            strong { (words(run.mode.name())) " sync" }
                            @if let Some(ended_at) = run.ended_at { " in " (took(run.started_at, ended_at)) }
                        }
                        p.counts { (run_counts(run)) }
                        @if let Some(why) = &run.incomplete { p { (clean(why)) } }
                        @if let Some(error) = &run.error { p.error[run.outcome == RunOutcome::Failed] { (clean(error)) } }
                        p.under { (id(&run.id)) " by " (clean(&run.process)) }
                    }
                }
            }
        }
    }
}

/// Says what a sync read and changed.
fn run_counts(run: &Run) -> Markup {
    let changes: Vec<String> = [
        (run.created, "created"),
        (run.updated, "updated"),
        (run.deactivated, "deactivated"),
        (run.reactivated, "reactivated"),
        (run.deleted, "removed"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", number(count)))
    .collect();
    html! {
        (number(run.users)) " users and " (number(run.groups)) " groups read; "
        @if changes.is_empty() { "no user changed" } @else { (changes.join(", ")) }
        @if run.holds > 0 { "; " (super::text::count(run.holds, "open hold")) }
    }
}

/// Returns received events as a timeline.
pub(super) fn events(events: &[ReceivedEvent]) -> Markup {
    html! {
        ol.timeline {
            @for event in events {
                li {
                    div.when { (time(Some(event.received_at))) }
                    div.what {
                        p {
                            @if let Some(outcome) = event.outcome { (badge(outcome_tone(outcome.name()), &words(outcome.name()))) " " }
                            strong { (clean(event.event_type.as_deref().unwrap_or("Event"))) }
                        }
                        @if let Some(subject) = &event.subject_id { p { "About " (subject_link(subject)) } }
                        @if let Some(why) = &event.why { p { (clean(why)) } }
                        p.under {
                            (id(&event.id))
                            @if let Some(occurred_at) = event.occurred_at { ", occurred " (at(occurred_at)) }
                            @if let Some(settled_at) = event.settled_at { ", settled " (at(settled_at)) }
                        }
                    }
                }
            }
        }
    }
}

fn outcome_tone(outcome: &str) -> Tone {
    match outcome {
        "applied" => Tone::Good,
        "pending" | "held" => Tone::Warning,
        "foreign" => Tone::Bad,
        _ => Tone::Quiet,
    }
}

/// Returns a link to what an event is about, if it has a page.
fn subject_link(subject_id: &str) -> Markup {
    match subject_id.split_once('_').map(|(kind, _)| kind) {
        Some("diruser") => link::user(subject_id, ""),
        Some("dirgroup") => link::group(subject_id, ""),
        Some("dir") => link::directory(subject_id, ""),
        _ => id(subject_id),
    }
}

/// Returns an entry of the history in a timeline. `cause` says what made the change, and `names` has names of groups by their ids.
pub(super) fn entry(entry: &HistoryEntry, cause: &Markup, names: &HashMap<String, String>) -> Markup {
    let group = |id: &String| link::group(id, names.get(id).map_or("", String::as_str));
    let groups =
        |title: &str, ids: &[String]| html! { @if !ids.is_empty() { p { (title) " " (list(ids.iter().map(group))) } } };
    html! {
        li {
            div.when { (time(Some(entry.at))) }
            div.what {
                p.badges { @for kind in &entry.kinds { (kind_badge(kind)) " " } }
                (fields(entry))
                (groups("Joined", &entry.groups_joined))
                (groups("Left", &entry.groups_left))
                p { (cause) }
            }
        }
    }
}

/// Returns the fields that changed, each with its former and its new value.
fn fields(entry: &HistoryEntry) -> Markup {
    let (before, after) =
        (members(entry.before.as_ref().map(|json| json.get())), members(entry.after.as_ref().map(|json| json.get())));
    html! {
        @if !entry.fields.is_empty() {
            ul.fields {
                @for field in &entry.fields {
                    li {
                        span.field-name { (words(field)) } " "
                        // What a directory says about a user in its own format is too long for a line.
                        @if matches!(field.as_str(), "detail" | "attributes") { "changed" } @else {
                            del { (value(before.get(field))) } span aria-hidden="true" { " → " } span.hidden { " became " } ins { (value(after.get(field))) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the members of a JSON object; none if there is none.
pub(super) fn members(json: Option<&str>) -> Map<String, Value> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Returns a value of a field as text.
pub(super) fn value(value: Option<&Value>) -> Markup {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(value)) => if *value { "yes" } else { "no" }.to_owned(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(LONGEST_VALUE) {
        _ if text.is_empty() => html! { span.none { "none" } },
        Some((end, _)) => html! { (name(&text[..end])) "…" },
        None => name(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_as_text() {
        let shown = |json: Value| value(Some(&json)).into_string();
        assert_eq!(shown(json!("Ada")), "<bdi>Ada</bdi>");
        assert_eq!(shown(json!(true)), "<bdi>yes</bdi>");
        assert_eq!(shown(json!(["a", "b"])), "<bdi>a, b</bdi>");
        assert_eq!(shown(json!(null)), "<span class=\"none\">none</span>");
        assert_eq!(shown(json!([])), "<span class=\"none\">none</span>");
        assert!(shown(json!("é".repeat(300))).contains('…'));
    }

    #[test]
    fn a_page_number_that_is_none_means_the_first_page() {
        let of = |page: &str| Paging { page: page.to_owned(), ..Paging::default() }.page();
        assert_eq!(of("3"), 3);
        assert_eq!(of("0"), 1);
        assert_eq!(of("-1"), 1);
        assert_eq!(of("<script>"), 1);
    }

    #[test]
    fn a_list_of_one_page_has_no_links_to_others() {
        assert_eq!(pager("/x", 1, false).into_string(), "");
        let second = pager("/x", 2, true).into_string();
        assert!(second.contains("/x?page=1") && second.contains("/x?page=3"), "{second}");
        assert!(pager("/x?q=a", 1, true).into_string().contains("/x?q=a&amp;page=2"));
    }

    #[test]
    fn a_table_has_a_caption_and_scopes() {
        let markup = table("Users", &["User", "#Groups"], vec![vec![html! { "Ada" }, html! { "2" }]]).into_string();
        assert!(markup.contains("<caption class=\"hidden\">Users</caption>"), "{markup}");
        assert!(markup.contains("scope=\"row\"") && markup.contains("scope=\"col\""), "{markup}");
        assert!(markup.contains("data-label=\"Groups\" class=\"number\""), "{markup}");
    }
}
