//! `headcount events`.

use super::pages::Rows;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::text::time;
use headcount::mirror::{EventQuery, ReceivedEvent};

/// List received webhooks and what the mirror did with them, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: a table; times are in UTC. With --json, one line for each event.

Examples:
  headcount events --user diruser_1
  headcount events --json | jq 'select(.outcome == \"pending\") | .why'")]
pub(crate) struct Options {
    /// Only events of this organization (org_…)
    #[arg(long, value_name = "ORG")]
    organization: Option<String>,
    /// Only events about this user, group or directory
    #[arg(long, visible_alias = "user", value_name = "ID")]
    subject: Option<String>,
    /// Only the event with this id (evt_…)
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The greatest number of events to list
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let query = EventQuery {
        ids: options.id.map(|id| vec![id]),
        organization_id: options.organization,
        subject_id: options.subject,
        limit: options.limit,
        ..EventQuery::default()
    };
    let mut rows = Rows::new(context, &["RECEIVED", "TYPE", "SUBJECT", "OUTCOME", "EVENT", "WHY"]);
    for event in mirror.events(query).await? {
        rows.add(&event, cells)?;
    }
    rows.end("events")?;
    Ok(Status::Done)
}

fn cells(event: &ReceivedEvent) -> Vec<String> {
    vec![
        time(Some(event.received_at)),
        event.event_type.clone().unwrap_or_default(),
        event.subject_id.clone().unwrap_or_default(),
        event.outcome.map(|outcome| outcome.to_string()).unwrap_or_default(),
        event.id.clone(),
        event.why.clone().unwrap_or_default(),
    ]
}
