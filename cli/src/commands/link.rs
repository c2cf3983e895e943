//! `headcount link`.

use crate::context::Context;
use crate::failure::{Failure, Status};

/// Store the application's own account id with a user; every change then carries it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: none; with --json, one line: the user.

Examples:
  headcount link diruser_1 acct_42
  headcount link diruser_1 --remove")]
pub(crate) struct Options {
    /// Id of the user (diruser_…)
    user: String,
    /// Id of the account
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    account: Option<String>,
    /// Remove the id
    #[arg(long)]
    remove: bool,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    mirror.link(&options.user, options.account.as_deref()).await?;
    super::protect::show(context, &mirror, &options.user).await
}
