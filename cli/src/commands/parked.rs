//! `headcount parked`.

use super::pages::Rows;
use crate::backoff::NotHanded;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::target::{Target, TargetOptions};
use crate::text::{count, time};
use clap::Subcommand;
use headcount::Mirror;
use headcount::mirror::ParkedChange;
use serde::Serialize;
use serde_json::json;

/// Look at the changes that consumers have set aside, and hand them over again or drop them
///
/// `headcount changes --park-after` and the libraries park a change that a consumer cannot handle, and go on with the next one.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_value_name = "COMMAND",
    after_help = "\
Data: a table. With --json, one line for each parked change with the keys `consumer`, `change`, `reason` and `at`.

Examples:
  headcount parked
  headcount parked --consumer accounts --json | jq '{seq: .change.seq, reason}'
  headcount parked retry --consumer accounts --exec ./provision.sh
  headcount parked drop --consumer accounts 412"
)]
pub(crate) struct Options {
    /// Only those of this consumer
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Retry(RetryOptions),
    Drop(DropOptions),
}

/// Hand parked changes to a command or a URL again, oldest first, and drop those that were handed over
///
/// A command and a URL get what those of `headcount changes` get. Each change is tried once; one that fails stays parked. Later changes of the same user may
/// have been handled since: compare the change with the user's present state.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("target").required(true).args(["exec", "post"])),
    after_help = "\
Data: with --json, one line with the keys `handed` and `failed`: numbers of changes. Exit code 1 if one failed.

Examples:
  headcount parked retry --consumer accounts --exec ./provision.sh
  headcount parked retry --consumer crm --post https://crm.example.com/changes 412 413"
)]
struct RetryOptions {
    /// Name of the consumer
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// Numbers of the changes (`seq`); without any, all that the consumer has parked
    #[arg(value_name = "SEQ", allow_negative_numbers = true)]
    numbers: Vec<i64>,
    #[command(flatten)]
    target: TargetOptions,
}

/// Delete parked changes: they are not handed over any more
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --json, one line with the key `dropped`: the number of changes. Exit code 1 if one is not parked.

Example:
  headcount parked drop --consumer accounts 412")]
struct DropOptions {
    /// Name of the consumer
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// Numbers of the changes (`seq`)
    #[arg(value_name = "SEQ", required = true, allow_negative_numbers = true)]
    numbers: Vec<i64>,
}

/// A row of the list.
#[derive(Serialize)]
struct Row<'a> {
    consumer: &'a str,
    #[serde(flatten)]
    parked: &'a ParkedChange,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    match options.command {
        None => list(context, options.consumer).await,
        Some(Command::Retry(options)) => retry(context, options).await,
        Some(Command::Drop(options)) => drop_some(context, &options).await,
    }
}

async fn list(context: &Context, consumer: Option<String>) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let consumers = match consumer {
        Some(consumer) => vec![consumer],
        None => {
            let all = mirror.consumers().await?.into_iter();
            all.filter(|consumer| consumer.parked > 0).map(|consumer| consumer.name).collect()
        }
    };
    let mut rows = Rows::new(context, &["CONSUMER", "SEQ", "KIND", "USER OR GROUP", "PARKED AT", "REASON"]);
    for consumer in &consumers {
        for parked in &mirror.parked_changes(consumer).await? {
            rows.add(&Row { consumer, parked }, |row| {
                let change = &row.parked.change;
                let user = change.user.as_ref().map(|user| &user.id);
                let about = user.or(change.group.as_ref().map(|group| &group.id)).unwrap_or(&change.directory_id);
                vec![
                    row.consumer.to_owned(),
                    change.seq.to_string(),
                    change.kind.to_string(),
                    about.clone(),
                    time(Some(row.parked.at)),
                    row.parked.reason.clone(),
                ]
            })?;
        }
    }
    rows.end("parked changes")?;
    Ok(Status::Done)
}

/// Returns the parked changes with these numbers, or all if there are no numbers.
async fn chosen(mirror: &Mirror, consumer: &str, numbers: &[i64]) -> Result<Vec<ParkedChange>, Failure> {
    let mut parked = mirror.parked_changes(consumer).await?;
    if let Some(missing) = numbers.iter().find(|number| parked.iter().all(|one| one.change.seq != **number)) {
        return Err(Failure::new(format!(
            "{consumer} has not parked change {missing}: see `headcount parked --consumer {consumer}`"
        )));
    }
    parked.retain(|one| numbers.is_empty() || numbers.contains(&one.change.seq));
    Ok(parked)
}

async fn retry(context: &Context, options: RetryOptions) -> Result<Status, Failure> {
    let Some(target) = Target::of(options.target)? else {
        return Err(Failure::usage("expected --exec or --post: what the changes are handed to"));
    };
    let mirror = context.mirror().await?;
    let mirror_id = mirror.id().unwrap_or_default().to_owned();
    let (mut handed, mut failed) = (0_u64, 0_u64);
    for parked in chosen(&mirror, &options.consumer, &options.numbers).await? {
        let change = &parked.change;
        match target.attempt(change, 1, &mirror_id).await? {
            Ok(()) => {
                mirror.drop_parked(&options.consumer, change.seq).await?;
                handed += 1;
            }
            Err(NotHanded { reason, .. }) => {
                context.output.note(&format!("change {} ({}): {reason}; it stays parked", change.seq, change.kind));
                failed += 1;
            }
        }
    }
    match context.output.is_json() {
        true => context.output.json(&json!({ "handed": handed, "failed": failed }))?,
        false => context.output.note(&format!("{} handed over", count(handed, "change"))),
    }
    Ok(if failed == 0 { Status::Done } else { Status::Failed })
}

async fn drop_some(context: &Context, options: &DropOptions) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let mut dropped = 0_u64;
    for parked in chosen(&mirror, &options.consumer, &options.numbers).await? {
        dropped += u64::from(mirror.drop_parked(&options.consumer, parked.change.seq).await?);
    }
    match context.output.is_json() {
        true => context.output.json(&json!({ "dropped": dropped }))?,
        false => context.output.note(&format!("{} dropped", count(dropped, "parked change"))),
    }
    Ok(Status::Done)
}
