//! `headcount protect` and `headcount unprotect`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use headcount::Mirror;

/// Let a user never lose access without an approval
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: none; with --json, one line: the user.

Example:
  headcount protect diruser_1 --reason 'last admin'")]
pub(crate) struct Options {
    /// Id of the user (diruser_…)
    user: String,
    /// Why
    #[arg(long)]
    reason: String,
}

/// End the protection of a user
#[derive(Debug, clap::Args)]
#[command(after_help = "Data: none; with --json, one line: the user.")]
pub(crate) struct UserOptions {
    /// Id of the user (diruser_…)
    user: String,
}

pub(crate) async fn protect(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    mirror.protect(&options.user, &options.reason).await?;
    show(context, &mirror, &options.user).await
}

pub(crate) async fn unprotect(context: &Context, options: UserOptions) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    mirror.unprotect(&options.user).await?;
    show(context, &mirror, &options.user).await
}

/// Writes a user that was changed, as JSON if that is asked for.
///
/// # Errors
///
/// Those of [`Mirror::user`], and if stdout cannot be written.
pub(crate) async fn show(context: &Context, mirror: &Mirror, id: &str) -> Result<Status, Failure> {
    if context.output.is_json()
        && let Some(user) = mirror.user(id).await?
    {
        context.output.json(&user)?;
    }
    Ok(Status::Done)
}
