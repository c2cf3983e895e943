//! `headcount copy`.

use crate::context::{Context, shown_place};
use crate::failure::{Failure, Status};
use crate::text::count;
use headcount::mirror::CopyOptions;

/// Copy the mirror to a new file or to a PostgreSQL database, with its feed and its consumers
///
/// Stop everything that writes to the mirror before: receivers of webhooks, syncs and consumers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line: the number of rows of each table, and a checksum.

Example, with the password in ~/.pgpass or PGPASSWORD:
  headcount --store headcount.db copy --to postgresql://app@db.example.com/app")]
pub(crate) struct Options {
    /// The empty target: path of a new file, or URL of a PostgreSQL database
    #[arg(long, value_name = "PATH|URL")]
    to: String,
    /// Schema that gets the tables, in a PostgreSQL database [default: headcount]
    #[arg(long, value_name = "NAME")]
    to_schema: Option<String>,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let mut copy = CopyOptions::default();
    copy.schema = options.to_schema;
    let report = mirror.copy_to(&options.to, copy).await?;
    match context.output.is_json() {
        true => context.output.json(&report)?,
        false => context.output.note(&format!(
            "copied {} from {} to {}, up to change {}",
            count(report.rows, "row"),
            context.place(),
            shown_place(&options.to),
            report.last_change
        )),
    }
    Ok(Status::Done)
}
