//! `headcount users`.

use super::pages::{Rows, USER_COLUMNS, add_users, organizations, user_cells};
use crate::context::Context;
use crate::failure::{Failure, Status};

/// List the mirrored users
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table. With --json, one line for each user.

Examples:
  headcount users org_1 --group dirgroup_1
  headcount users --email ada@example.com
  headcount users --json | jq -r 'select(.active | not) | .email'")]
pub(crate) struct Options {
    /// Id of the organization (org_…); without it, all
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// Only users of this directory (dir_…)
    #[arg(long, value_name = "DIR")]
    directory: Option<String>,
    /// Only members of this group (dirgroup_…)
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only users with this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Only users with this email address
    #[arg(long, value_name = "EMAIL", conflicts_with_all = ["directory", "group", "role"])]
    email: Option<String>,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let mut rows = Rows::new(context, USER_COLUMNS);
    if let Some(email) = &options.email {
        for user in mirror.find_users(email).await? {
            if options.organization.as_ref().is_none_or(|organization| *organization == user.organization_id) {
                rows.add(&user, user_cells)?;
            }
        }
    } else {
        for organization in organizations(&mirror, options.organization).await? {
            let users = mirror.users(&organization).directory(options.directory.as_deref());
            add_users(&mut rows, users.group(options.group.as_deref()).role(options.role.as_deref())).await?;
        }
    }
    rows.end("users")?;
    Ok(Status::Done)
}
