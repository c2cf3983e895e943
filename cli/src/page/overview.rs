//! The overview: open holds first, then the last days, directories and consumers.

use super::chart::charts;
use super::failure::Failure;
use super::frame::{Frame, OVERVIEW};
use super::link;
use super::parts::{Tone, badge, directory_badge, empty, outcome_badge, section, table};
use super::reply::reply;
use super::text::{count, id, none, number, time, words};
use super::viewer::{State, Viewer};
use crate::text::clean;
use axum::extract;
use axum::http::StatusCode;
use axum::response::Response;
use headcount::mirror::{Consumer, DirectoryStatus, Hold, MirrorDirectory, Run, RunOutcome, RunQuery};
use maud::{Markup, html};

/// How many days the diagrams show.
const DAYS: u32 = 30;

/// How many of the last syncs are searched for the last one of each directory.
const RUNS: usize = 1_000;

pub(super) async fn show(viewer: Viewer, extract::State(state): extract::State<State>) -> Result<Response, Failure> {
    let mirror = &state.mirror;
    let (directories, consumers) = (mirror.status().await?, mirror.consumers().await?);
    let runs = mirror.runs(RunQuery { limit: RUNS, ..RunQuery::default() }).await?;
    let days = mirror.days(DAYS).await?;
    let holds: Vec<(&Hold, &DirectoryStatus)> =
        directories.iter().flat_map(|status| status.holds.iter().map(move |hold| (hold, status))).collect();
    let main = html! {
        h1 { (OVERVIEW) }
        (holds_section(&holds))
        @if !days.is_empty() { (section("days", "The last days", charts(&days))) }
        (section("directories", "Directories", directory_table(&directories, &runs)))
        (section("consumers", "Consumers of the change feed", consumer_table(&consumers)))
    };
    Ok(reply(StatusCode::OK, Frame::new(&viewer, OVERVIEW).around(main)))
}

fn holds_section(holds: &[(&Hold, &DirectoryStatus)]) -> Markup {
    html! {
        section.card.attention[!holds.is_empty()] aria-labelledby="holds" {
            h2 #holds { "Open holds" @if !holds.is_empty() { " " span.badge.warning { (holds.len()) } } }
            @if holds.is_empty() {
                p.empty { "Nothing is held: nobody waits for a decision." }
            } @else {
                ul.holds {
                    @for (hold, status) in holds {
                        li {
                            div {
                                strong { (words(hold.reason.name())) }
                                div { (count(hold.count, "user")) " of " (link::directory(&hold.directory_id, &status.directory.name)) }
                                div.under { "since " (time(Some(hold.since))) }
                            }
                            a.button href=(link::path(&["holds", &hold.id])) { "Review" span.hidden { " the hold " (hold.id) } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the last sync of a directory that has ended, or the last one whose organization's directories could not be listed, whichever is later. `runs` are newest first.
fn last_run<'a>(runs: &'a [Run], directory: &MirrorDirectory) -> Option<&'a Run> {
    runs.iter().find(|run| {
        let is_of_all = run.directory_id.is_empty() && run.organization_id == directory.organization_id;
        run.outcome != RunOutcome::Running && (run.directory_id == directory.id || is_of_all)
    })
}

fn directory_table(directories: &[DirectoryStatus], runs: &[Run]) -> Markup {
    if directories.is_empty() {
        return empty("No directory is mirrored yet: a sync finds them.");
    }
    let row = |status: &DirectoryStatus| {
        let directory = &status.directory;
        // A held sync has its holds beside the state.
        let failed =
            last_run(runs, directory).filter(|run| !matches!(run.outcome, RunOutcome::Done | RunOutcome::Held));
        vec![
            html! {
                (link::directory(&directory.id, &directory.name))
                div.under { (id(&directory.organization_id)) }
            },
            html! {
                (directory_badge(status))
                @if !status.holds.is_empty() { " " (badge(Tone::Warning, &count(status.holds.len() as u64, "hold"))) }
                @if let Some(run) = failed {
                    div.under { "Last sync: " (outcome_badge(run.outcome)) @if let Some(error) = &run.error { " " (clean(error)) } }
                }
            },
            html! { (number(status.users)) @if status.leaving > 0 { div.under { (number(status.leaving)) " leaving" } } },
            html! { (number(status.groups)) },
            time(status.last_full_sync),
            time(status.last_incremental_sync),
            html! { (number(status.pending_events)) },
        ]
    };
    let columns =
        ["Directory", "State", "#Users", "#Groups", "Last full sync", "Last incremental sync", "#Pending events"];
    table("Directories", &columns, directories.iter().map(row).collect())
}

fn consumer_table(consumers: &[Consumer]) -> Markup {
    if consumers.is_empty() {
        return empty("No program reads the change feed.");
    }
    let row = |consumer: &Consumer| {
        vec![
            id(&consumer.name),
            html! {
                @if consumer.lag == 0 { (badge(Tone::Good, "Up to date")) } @else { (badge(Tone::Info, &format!("{} behind", count(consumer.lag, "change")))) }
            },
            html! { @if consumer.parked == 0 { (number(0)) } @else { (badge(Tone::Warning, &number(consumer.parked))) } },
            html! { @if consumer.cursor < 0 { "in a snapshot" } @else { (number(consumer.cursor.unsigned_abs())) } },
            time(Some(consumer.seen_at)),
            consumer.expires_at.map_or_else(none, |at| time(Some(at))),
        ]
    };
    let columns = ["Consumer", "Lag", "#Parked", "#Cursor", "Last seen", "Expires"];
    table("Consumers of the change feed", &columns, consumers.iter().map(row).collect())
}
