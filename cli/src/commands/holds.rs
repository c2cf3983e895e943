//! `headcount holds`.

use super::pages::{Rows, USER_COLUMNS, add_users, name_of};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::output::Colour;
use crate::prompt::{self, Decision};
use crate::text::{clean, count, time};
use clap::Subcommand;
use headcount::Mirror;
use headcount::mirror::Hold;
use serde::Serialize;

/// How many users of a hold are shown before the question.
const SHOWN: usize = 20;

/// Look at losses of access that the guard holds, and decide about them
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListOptions),
    Show(ShowOptions),
    /// Approve a hold: exactly the users that it names lose access
    #[command(after_help = APPROVE)]
    Approve(DecideOptions),
    /// Dismiss a hold: its users stay as they are, until a later listing or event says otherwise
    #[command(after_help = DISMISS)]
    Dismiss(DecideOptions),
}

const APPROVE: &str = "\
Shows the users and asks. Data: with --json, one line with the keys `hold_id` and `users`, the number of users who lost access.

Examples:
  headcount holds approve hold_1-1
  headcount holds approve hold_1-1 --yes --by ops@example.com --note 'layoff confirmed by IT'";

const DISMISS: &str = "\
Shows the users and asks. Data: with --json, one line with the keys `hold_id` and `users`, the number of users who stay.

Example:
  headcount holds dismiss hold_1-1 --yes --by ops@example.com --note 'the export was wrong'";

/// List the open holds
#[derive(Debug, clap::Args)]
#[command(after_help = "Data: a table. With --json, one line for each hold.")]
pub(crate) struct ListOptions {
    /// Id of the organization (org_…); without it, all
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// Id of the directory (dir_…)
    #[arg(value_name = "DIR")]
    directory: Option<String>,
}

/// Show a hold and the users that it names
#[derive(Debug, clap::Args)]
#[command(after_help = "Data: text and a table. With --json, one line for each user.")]
pub(crate) struct ShowOptions {
    /// Id of the hold (hold_…)
    hold: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DecideOptions {
    /// Id of the hold (hold_…), as it was shown: users who were added later stay held
    hold: String,
    #[command(flatten)]
    decision: Decision,
}

#[derive(Serialize)]
struct Decided<'a> {
    hold_id: &'a str,
    users: u64,
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    match command {
        Command::List(options) => list(context, &mirror, &options).await,
        Command::Show(options) => show(context, &mirror, &options.hold).await,
        Command::Approve(options) => decide(context, &mirror, options, true).await,
        Command::Dismiss(options) => decide(context, &mirror, options, false).await,
    }
}

/// Reads the open holds of all directories.
async fn holds(mirror: &Mirror) -> Result<Vec<Hold>, Failure> {
    Ok(mirror.status().await?.into_iter().flat_map(|status| status.holds).collect())
}

async fn list(context: &Context, mirror: &Mirror, options: &ListOptions) -> Result<Status, Failure> {
    let holds = match &options.organization {
        Some(organization) => mirror.holds(organization, options.directory.as_deref()).await?,
        None => holds(mirror).await?,
    };
    let mut rows = Rows::new(context, &["HOLD", "REASON", "DIRECTORY", "USERS", "LIMIT", "SINCE", "CAUSES"]);
    for hold in &holds {
        rows.add(hold, |hold| {
            vec![
                hold.id.clone(),
                hold.reason.to_string(),
                hold.directory_id.clone(),
                hold.count.to_string(),
                hold.limit.to_string(),
                time(Some(hold.since)),
                hold.causes.join(", "),
            ]
        })?;
    }
    rows.end("holds")?;
    Ok(Status::Done)
}

async fn show(context: &Context, mirror: &Mirror, id: &str) -> Result<Status, Failure> {
    let users = mirror.hold_users(id)?;
    let hold = holds(mirror).await?.into_iter().find(|hold| hold.id == id);
    if !context.output.is_json() {
        match &hold {
            Some(hold) => head(context, hold)?,
            None => context
                .output
                .note("no open hold has this id: it was decided about, or users were added and it has another id"),
        }
    }
    let mut rows = Rows::new(context, USER_COLUMNS);
    add_users(&mut rows, users).await?;
    rows.end("users")?;
    Ok(Status::Done)
}

fn head(context: &Context, hold: &Hold) -> Result<(), Failure> {
    let output = &context.output;
    output.line(&output.paint(Colour::Bold, &format!("{}: {}", hold.id, hold.reason)))?;
    output.line(&format!(
        "{} of {}, since {}",
        count(hold.count, "user"),
        hold.directory_id,
        time(Some(hold.since))
    ))?;
    output.line(&format!("without approval: {} within the guard's window", count(hold.limit, "user")))?;
    output.line(&format!("causes: {}", clean(&hold.causes.join(", "))))?;
    output.line("")
}

async fn decide(context: &Context, mirror: &Mirror, options: DecideOptions, approves: bool) -> Result<Status, Failure> {
    let output = &context.output;
    if !options.decision.yes {
        let total = show_some(context, mirror, &options.hold).await?;
        let question = match approves {
            true => format!("Approve? {} will lose access.", count(total, "user")),
            false => format!("Dismiss? {} will stay.", count(total, "user")),
        };
        prompt::confirm(output, &question).await?;
    }
    let (by, note) = options.decision.by_and_note(output).await?;
    let users = match approves {
        true => mirror.approve(&options.hold, &by, &note).await?,
        false => mirror.dismiss(&options.hold, &by, &note).await?,
    };
    match output.is_json() {
        true => output.json(&Decided { hold_id: &options.hold, users })?,
        false => {
            let done = if approves { "approved" } else { "dismissed" };
            output.note(&format!("{done} {}: {}", options.hold, count(users, "user")));
        }
    }
    Ok(Status::Done)
}

/// Writes the first users of a hold to stderr, because stdout has only the result. Returns the number of all of them.
async fn show_some(context: &Context, mirror: &Mirror, id: &str) -> Result<u64, Failure> {
    let mut users = mirror.hold_users(id)?;
    let mut total = 0;
    while let Some(user) = users.next().await? {
        total += 1;
        if total <= SHOWN as u64 {
            context.output.message(&clean(&format!("  {}  {} <{}>", user.id, name_of(&user), user.email)));
        }
    }
    if total > SHOWN as u64 {
        context.output.message(&format!("  and {} more: see `headcount holds show {id}`", total - SHOWN as u64));
    }
    Ok(total)
}
