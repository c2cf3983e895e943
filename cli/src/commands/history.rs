//! `headcount history`.

use super::pages::Rows;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::text::time;
use crate::values;
use headcount::Timestamp;
use headcount::mirror::HistoryEntry;

/// List what changed, when and why, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table; times are in UTC. With --json, one line for each entry, with the former and the new values of what changed.

Examples:
  headcount history --user diruser_1
  headcount history --organization org_1 --since 2025-01-01 --json")]
pub(crate) struct Options {
    /// Only changes of this user (diruser_…)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only changes of this group (dirgroup_…)
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only changes in this organization (org_…)
    #[arg(long, value_name = "ORG")]
    organization: Option<String>,
    /// Only changes at this time or later: RFC 3339, or a date
    #[arg(long, value_name = "DATE", value_parser = values::moment)]
    since: Option<Timestamp>,
    /// Only changes before this time: RFC 3339, or a date
    #[arg(long, value_name = "DATE", value_parser = values::moment)]
    until: Option<Timestamp>,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let history = mirror.history().user(options.user.as_deref()).group(options.group.as_deref());
    let mut history = history.organization(options.organization.as_deref()).since(options.since).until(options.until);
    let mut rows = Rows::new(context, &["NUMBER", "TIME", "KINDS", "SUBJECT", "FIELDS", "CAUSE"]);
    loop {
        let page = history.next_page().await?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            rows.add(entry, cells)?;
        }
    }
    rows.end("changes")?;
    Ok(Status::Done)
}

fn cells(entry: &HistoryEntry) -> Vec<String> {
    let subject = entry.user_id.as_ref().or(entry.group_id.as_ref()).unwrap_or(&entry.directory_id);
    let fields = entry.fields.iter().cloned();
    let joined = entry.groups_joined.iter().map(|id| format!("+{id}"));
    let left = entry.groups_left.iter().map(|id| format!("-{id}"));
    vec![
        entry.seq.to_string(),
        time(Some(entry.at)),
        entry.kinds.join(", "),
        subject.clone(),
        fields.chain(joined).chain(left).collect::<Vec<_>>().join(", "),
        entry.cause.clone(),
    ]
}
