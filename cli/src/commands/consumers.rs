//! `headcount consumers`.

use super::pages::Rows;
use super::status::{CONSUMER_COLUMNS, consumer_cells};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prompt;
use clap::Subcommand;
use serde_json::json;

/// Look at the consumers of the feed, and remove those that are no longer used
///
/// A consumer that is no longer used keeps the changes that it has not acknowledged, so that the feed grows.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListOptions),
    Drop(DropOptions),
}

/// List the consumers with their positions, and how many changes each has not acknowledged
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table. With --json, one line for each consumer.

Examples:
  headcount consumers list
  headcount consumers list --json | jq -r 'select(.lag > 1000) | .name'")]
pub(crate) struct ListOptions {}

/// Remove a consumer, with the changes that it has parked
///
/// A consumer of the same name starts again with the feed's oldest change.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line with the keys `consumer` and `dropped`. Exit code 1 if there is no such consumer.

Example:
  headcount consumers drop old-crm --yes")]
pub(crate) struct DropOptions {
    /// Name of the consumer
    name: String,
    /// Do it without a question
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    match command {
        Command::List(_) => list(context).await,
        Command::Drop(options) => drop_one(context, options).await,
    }
}

async fn list(context: &Context) -> Result<Status, Failure> {
    let mut rows = Rows::new(context, CONSUMER_COLUMNS);
    for consumer in context.mirror().await?.consumers().await? {
        rows.add(&consumer, consumer_cells)?;
    }
    rows.end("consumers")?;
    Ok(Status::Done)
}

async fn drop_one(context: &Context, options: DropOptions) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let output = &context.output;
    let known = mirror.consumers().await?.into_iter().find(|consumer| consumer.name == options.name);
    if let Some(consumer) = known.filter(|_| !options.yes) {
        let question = format!(
            "Drop {}, which has not acknowledged {} and has parked {}?",
            consumer.name,
            crate::text::count(consumer.lag, "change"),
            consumer.parked
        );
        prompt::confirm(output, &question).await?;
    }
    if !mirror.drop_consumer(&options.name).await? {
        return Err(Failure::new(format!("there is no consumer {}: see `headcount consumers list`", options.name)));
    }
    match output.is_json() {
        true => output.json(&json!({ "consumer": options.name, "dropped": true }))?,
        false => output.note(&format!("dropped {}", options.name)),
    }
    Ok(Status::Done)
}
