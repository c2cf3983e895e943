//! `headcount sync`.

use crate::context::Context;
use crate::failure::{Failure, Status, message_of};
use crate::progress::SyncProgress;
use crate::table::Table;
use crate::text::count;
use crate::values;
use headcount::mirror::{SyncMode, SyncReport};
use headcount::{ErrorKind, Mirror, Result};
use std::time::Duration;
use tokio::time::Instant;

/// Sync directories into the mirror
///
/// Lists the users and groups of the directories and applies what changed. Without ORG, syncs every organization of the environment. The mirror is
/// created if there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table of the directories. With --json, one line for each directory: its report.

Examples:
  headcount sync
  headcount sync org_1 dir_1 --full
  headcount sync --watch 5m
  headcount --store postgresql://app@db.example.com/app sync --json | jq .outcome")]
pub(crate) struct Options {
    /// Id of the organization (org_…)
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// Id of the directory (dir_…)
    #[arg(value_name = "DIR")]
    directory: Option<String>,
    /// List all users and groups, and remove those who are no longer listed; otherwise this happens once a day
    #[arg(long)]
    full: bool,
    /// Sync again and again, at this interval, until Ctrl-C; a sync that fails is reported, and the next one tries again
    #[arg(long, value_name = "INTERVAL", value_parser = values::duration)]
    watch: Option<Duration>,
    /// Wait for another sync of a directory to end, instead of leaving the directory out
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.syncing_mirror().await?;
    let Some(interval) = options.watch else { return sync(context, &mirror, &options).await };
    loop {
        let started = Instant::now();
        match sync(context, &mirror, &options).await {
            Ok(_) => {}
            // The same settings will be refused again.
            Err(failure) if failure.status() == Status::Usage => return Err(failure),
            // Nobody reads the reports any more.
            Err(failure) if failure.message().is_none() => return Err(failure),
            Err(failure) => context.output.error(failure.message().unwrap_or_default()),
        }
        context.output.finish()?;
        tokio::time::sleep_until(started + interval).await;
    }
}

async fn sync(context: &Context, mirror: &Mirror, options: &Options) -> Result<Status, Failure> {
    let progress = SyncProgress::start(&context.output);
    let observer = progress.observer();
    let mode = if options.full { SyncMode::Full } else { SyncMode::Auto };
    let builder = match &options.organization {
        Some(organization) => mirror.sync(organization).directory(options.directory.as_deref()),
        None => mirror.sync_all(),
    };
    let reports = builder.mode(mode).wait(options.wait).on_progress(observer).reports().await;
    drop(progress);
    let reports = reports?;
    write(context, &reports)?;
    Ok(Status::of_outcomes(reports.iter().map(|report| report.outcome)))
}

/// Writes the reports to stdout, and to stderr what has to be done about them.
fn write(context: &Context, reports: &[SyncReport]) -> Result<(), Failure> {
    let output = &context.output;
    if output.is_json() {
        reports.iter().try_for_each(|report| output.json(report))?;
    } else {
        let mut table = Table::new(&[
            "DIRECTORY",
            "ORGANIZATION",
            "MODE",
            "OUTCOME",
            "LISTED",
            "CREATED",
            "UPDATED",
            "DEACTIVATED",
            "DELETED",
            "CHANGES",
        ]);
        for report in reports {
            let numbers =
                [report.users, report.created, report.updated, report.deactivated, report.deleted, report.changes];
            let texts = [
                report.directory_id.clone(),
                report.organization_id.clone(),
                report.mode.to_string(),
                report.outcome.to_string(),
            ];
            table.add(texts.into_iter().chain(numbers.map(|number| number.to_string())));
        }
        if reports.is_empty() {
            output.note("no directories");
        } else {
            output.table(&table)?;
        }
    }
    for report in reports {
        explain(context, report);
    }
    Ok(())
}

/// Writes why a directory was not synced as a whole.
fn explain(context: &Context, report: &SyncReport) {
    let place = match report.directory_id.as_str() {
        "" if report.organization_id.is_empty() => "the organizations",
        "" => &report.organization_id,
        id => id,
    };
    for hold in &report.holds {
        let text = match hold.reason.is_of_directory() {
            true => format!("{place}: held: {}: see `headcount holds show {}`", hold.reason, hold.id),
            false => format!(
                "{place}: held: {}, {}: look at them with `headcount holds show {}`, and approve or dismiss",
                hold.reason,
                count(hold.count, "user"),
                hold.id
            ),
        };
        context.output.note(&text);
    }
    if let Some(reason) = &report.incomplete {
        context.output.note(&format!("{place}: incomplete: {reason}"));
    }
    if let Some(error) = report.error.as_ref().filter(|error| error.kind() != ErrorKind::MassRemoval) {
        context.output.error(&format!("{place}: {}", message_of(error)));
    }
}
