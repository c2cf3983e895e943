//! `headcount explain`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use headcount::Mirror;
use headcount::mirror::UserState;

/// Explain why a user has or lost access
///
/// Shows each role with the group that gives it, each change with its cause, open holds, and what would take access away or bring the user back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: text. With --json, one line for each user. Exit code 1 if the mirror does not know the user.

Examples:
  headcount explain diruser_1
  headcount explain ada@example.com --impersonal   without names and addresses, for a ticket")]
pub(crate) struct Options {
    /// Id of the user (diruser_…), or an email address, which may have several users
    #[arg(value_name = "USER|EMAIL")]
    user: String,
    /// Leave out personal data: names, addresses, notes and values of fields; has no effect on JSON
    #[arg(long)]
    impersonal: bool,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let mut is_known = false;
    for (at, id) in ids(&mirror, &options.user).await?.iter().enumerate() {
        let explanation = mirror.explain(id).await?;
        is_known |= explanation.state != UserState::Unknown;
        if context.output.is_json() {
            context.output.json(&explanation)?;
            continue;
        }
        if at > 0 {
            context.output.line("")?;
        }
        // The text has no control characters apart from its line breaks.
        context.output.line(&explanation.text(!options.impersonal))?;
    }
    Ok(if is_known { Status::Done } else { Status::Failed })
}

/// Returns the ids of the users that the argument names. Ids of users have no `@`.
async fn ids(mirror: &Mirror, user: &str) -> Result<Vec<String>, Failure> {
    if !user.contains('@') {
        return Ok(vec![user.to_owned()]);
    }
    let found = mirror.find_users(user).await?;
    if found.is_empty() {
        return Err(Failure::new(
            "no mirrored user has this address: a user who was removed is found by the id only, see `headcount history`",
        ));
    }
    Ok(found.into_iter().map(|user| user.id).collect())
}
