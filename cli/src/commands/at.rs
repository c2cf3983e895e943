//! `headcount at`.

use super::pages::{Rows, USER_COLUMNS, add_users, organizations};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::values;
use headcount::Timestamp;

/// List who was there at a past time, with the groups and roles of that time
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: as `headcount users`.

Examples:
  headcount at 2025-01-31
  headcount at 2025-01-31T09:00:00Z org_1 --role admin --json")]
pub(crate) struct Options {
    /// RFC 3339 time, or a date, which means its first instant in UTC
    #[arg(value_parser = values::moment)]
    date: Timestamp,
    /// Id of the organization (org_…); without it, all
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// Only users of this directory (dir_…)
    #[arg(long, value_name = "DIR")]
    directory: Option<String>,
    /// Only members of this group (dirgroup_…) at that time
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only users with this role at that time
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let mut rows = Rows::new(context, USER_COLUMNS);
    for organization in organizations(&mirror, options.organization).await? {
        let users = mirror.at(options.date, &organization).directory(options.directory.as_deref());
        add_users(&mut rows, users.group(options.group.as_deref()).role(options.role.as_deref())).await?;
    }
    rows.end("users")?;
    Ok(Status::Done)
}
