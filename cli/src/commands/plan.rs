//! `headcount plan`.

use super::pages::name_of;
use crate::context::Context;
use crate::failure::{Failure, Status, message_of};
use crate::output::Colour;
use crate::progress::SyncProgress;
use crate::text::{clean, count};
use headcount::mirror::{Mirrored, Plan, SyncMode, SyncOutcome};
use headcount::{Change, ChangeKind, Mirror};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Show what a sync would change, without writing to the mirror
///
/// Lists the users and groups as a sync does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: text, grouped by user, in which + is a new user or group, - one that would go, and ~ another change. With --json, one line for each change of the \
feed that the sync would make. Exit code 3 if the guard would hold losses of access, 4 if a listing is incomplete.

Examples:
  headcount plan
  headcount plan org_1 dir_1 --full
  headcount plan --json | jq -r 'select(.kind == \"user.deleted\") | .before.email'")]
pub(crate) struct Options {
    /// Id of the organization (org_…); without it, all of the environment
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// Id of the directory (dir_…)
    #[arg(value_name = "DIR")]
    directory: Option<String>,
    /// Plan a sync that lists all users and groups, and removes those who are no longer listed
    #[arg(long)]
    full: bool,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.planning_mirror().await?;
    let organizations = match &options.organization {
        Some(organization) => vec![organization.clone()],
        None => listed(context).await?,
    };
    let mut outcomes: Vec<SyncOutcome> = Vec::new();
    for organization in &organizations {
        let plan = plan(context, &mirror, organization, &options).await?;
        outcomes.push(plan.outcome());
        if context.output.is_json() {
            let mut changes = plan.changes();
            while let Some(change) = changes.next().await? {
                context.output.json(&change)?;
            }
        } else {
            write(context, organization, &plan).await?;
        }
        plan.close().await?;
    }
    Ok(Status::of_outcomes(outcomes))
}

/// Lists the ids of the environment's organizations.
async fn listed(context: &Context) -> Result<Vec<String>, Failure> {
    let mut pages = context.client()?.organizations().list().pages();
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await? {
        ids.extend(page.items.into_iter().map(|organization| organization.id));
    }
    Ok(ids)
}

async fn plan(context: &Context, mirror: &Mirror, organization: &str, options: &Options) -> Result<Plan, Failure> {
    let progress = SyncProgress::start(&context.output);
    let mode = if options.full { SyncMode::Full } else { SyncMode::Auto };
    let builder = mirror.plan(organization).directory(options.directory.as_deref()).mode(mode);
    Ok(builder.on_progress(progress.observer()).await?)
}

/// The planned changes of one user or group, as lines of text.
struct Subject {
    title: String,
    sign: char,
    lines: Vec<String>,
}

/// Writes a plan as text. The lines of all changes are in memory at once, because those of one user may be apart from each other.
async fn write(context: &Context, organization: &str, plan: &Plan) -> Result<(), Failure> {
    let output = &context.output;
    let mut subjects: Vec<Subject> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut changes = plan.changes();
    while let Some(change) = changes.next().await? {
        let (id, title) = subject(&change);
        let at = *places.entry(id).or_insert(subjects.len());
        if at == subjects.len() {
            subjects.push(Subject { title, sign: '~', lines: Vec::new() });
        }
        if let Some(subject) = subjects.get_mut(at) {
            subject.add(&change);
        }
    }
    output.line(&output.paint(Colour::Bold, &format!("{organization}: {}", summary(plan))))?;
    for Subject { title, sign, lines } in &subjects {
        let colour = match sign {
            '+' => Colour::Green,
            '-' => Colour::Red,
            _ => Colour::Yellow,
        };
        output.line(&output.paint(colour, &format!("{sign} {title}")))?;
        lines.iter().try_for_each(|line| output.line(&format!("    {line}")))?;
    }
    for hold in plan.holds() {
        let text = format!("! held: {} in {}: {}", hold.reason, hold.directory_id, count(hold.count, "user"));
        output.line(&output.paint(Colour::Yellow, &text))?;
    }
    if let Some(reason) = plan.incomplete() {
        output.line(&output.paint(Colour::Yellow, &format!("! incomplete: {reason}")))?;
    }
    if let Some(error) = plan.error() {
        output.note(&message_of(error));
    }
    Ok(())
}

fn summary(plan: &Plan) -> String {
    match plan.counts() {
        [] => "no changes".to_owned(),
        counts => counts.iter().map(|(kind, number)| format!("{number} {kind}")).collect::<Vec<_>>().join(", "),
    }
}

/// Returns the id and the title of what a change is about: the user if there is one, or else the group, the directory or the organization.
fn subject(change: &Change) -> (String, String) {
    let state = change.after.as_ref().or(change.before.as_ref());
    let user = change.user.as_ref().or(state.and_then(Mirrored::user));
    let group = change.group.as_ref().or(state.and_then(Mirrored::group));
    match (user, group) {
        (Some(user), _) => (user.id.clone(), clean(&format!("{} <{}> {}", name_of(user), user.email, user.id))),
        (None, Some(group)) => (group.id.clone(), clean(&format!("group {} {}", group.display_name, group.id))),
        (None, None) if change.directory_id.is_empty() => {
            (change.organization_id.clone(), format!("organization {}", change.organization_id))
        }
        (None, None) => (change.directory_id.clone(), format!("directory {}", change.directory_id)),
    }
}

impl Subject {
    fn add(&mut self, change: &Change) {
        match change.kind {
            ChangeKind::UserCreated | ChangeKind::GroupCreated => self.sign = '+',
            ChangeKind::UserDeleted | ChangeKind::GroupDeleted => self.sign = '-',
            ChangeKind::MembershipAdded => self.lines.push(format!("joins {}", group_name(change))),
            ChangeKind::MembershipRemoved => self.lines.push(format!("leaves {}", group_name(change))),
            ChangeKind::RolesChanged => self.lines.push(roles(change)),
            ChangeKind::UserUpdated | ChangeKind::GroupUpdated => self.lines.extend(values(change)),
            kind => self.lines.push(kind.to_string()),
        }
    }
}

fn group_name(change: &Change) -> String {
    let name = change.group.as_ref().map_or("", |group| &group.display_name);
    clean(name)
}

fn roles(change: &Change) -> String {
    let of = |state: &Option<Mirrored>| {
        let roles = state.as_ref().and_then(Mirrored::user).map(|user| user.roles.join(", ")).unwrap_or_default();
        if roles.is_empty() { "none".to_owned() } else { clean(&roles) }
    };
    format!("roles: {} → {}", of(&change.before), of(&change.after))
}

/// Returns a line for each field that changed, with its former and its new value.
fn values(change: &Change) -> Vec<String> {
    let json = |state: &Option<Mirrored>| match state {
        Some(Mirrored::User(user)) => serde_json::to_value(user).unwrap_or_default(),
        Some(Mirrored::Group(group)) => serde_json::to_value(group).unwrap_or_default(),
        None => Value::Null,
    };
    let (before, after) = (json(&change.before), json(&change.after));
    let text = |state: &Value, field: &str| match &state[field] {
        Value::String(text) => clean(text),
        Value::Null => "none".to_owned(),
        value => clean(&value.to_string()),
    };
    let line = |field: &String| match (&before[field], &after[field]) {
        // The vendor's data about the user. They are long, so only the names of what changed are shown.
        (Value::Object(before), Value::Object(after)) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let changed: Vec<String> = names
                .into_iter()
                .filter(|name| before.get(*name) != after.get(*name))
                .map(|name| clean(name))
                .collect();
            format!("{field}: {} changed", changed.join(", "))
        }
        _ => format!("{field}: {} → {}", text(&before, field), text(&after, field)),
    };
    change.fields.iter().map(line).collect()
}
