//! `headcount status`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::output::Colour;
use crate::state::directory_state;
use crate::table::Table;
use crate::text::{count, time};
use headcount::mirror::{Consumer, DirectoryStatus};
use serde::Serialize;

/// Show the state of all directories, consumers and holds
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table of directories and a table of consumers; times are in UTC. With --json, one line with the keys `mirror_id`, `directories` and `consumers`.

Examples:
  headcount status
  headcount status --json | jq '.consumers[] | select(.lag > 1000)'")]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Overview<'a> {
    mirror_id: Option<&'a str>,
    directories: &'a [DirectoryStatus],
    consumers: &'a [Consumer],
}

pub(crate) async fn run(context: &Context, _: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let (directories, consumers) = (mirror.status().await?, mirror.consumers().await?);
    let output = &context.output;
    if output.is_json() {
        output.json(&Overview { mirror_id: mirror.id(), directories: &directories, consumers: &consumers })?;
        return Ok(Status::Done);
    }
    if directories.is_empty() {
        output.note("no directories: run `headcount sync`");
    } else {
        output.table(&directory_table(&directories))?;
    }
    if !consumers.is_empty() {
        output.line("")?;
        output.table(&consumer_table(&consumers))?;
    }
    for hold in directories.iter().flat_map(|status| &status.holds) {
        let text =
            format!("held: {} in {}, {}, {}", hold.reason, hold.directory_id, count(hold.count, "user"), hold.id);
        output.line(&output.paint(Colour::Yellow, &text))?;
    }
    Ok(Status::Done)
}

fn directory_table(directories: &[DirectoryStatus]) -> Table {
    let mut table = Table::new(&[
        "DIRECTORY",
        "ORGANIZATION",
        "NAME",
        "STATE",
        "USERS",
        "GROUPS",
        "FULL SYNC",
        "INCREMENTAL",
        "PENDING",
        "HOLDS",
    ]);
    for status in directories {
        let directory = &status.directory;
        table.add([
            directory.id.clone(),
            directory.organization_id.clone(),
            directory.name.clone(),
            directory_state(status).to_owned(),
            status.users.to_string(),
            status.groups.to_string(),
            time(status.last_full_sync),
            time(status.last_incremental_sync),
            status.pending_events.to_string(),
            status.holds.len().to_string(),
        ]);
    }
    table
}

fn consumer_table(consumers: &[Consumer]) -> Table {
    let mut table = Table::new(CONSUMER_COLUMNS);
    consumers.iter().for_each(|consumer| table.add(consumer_cells(consumer)));
    table
}

/// Columns of a table of consumers.
pub(super) const CONSUMER_COLUMNS: &[&str] = &["CONSUMER", "CURSOR", "LAG", "PARKED", "SEEN", "EXPIRES"];

/// Returns the cells of a consumer.
pub(super) fn consumer_cells(consumer: &Consumer) -> Vec<String> {
    vec![
        consumer.name.clone(),
        consumer.cursor.to_string(),
        consumer.lag.to_string(),
        consumer.parked.to_string(),
        time(Some(consumer.seen_at)),
        time(consumer.expires_at),
    ]
}
