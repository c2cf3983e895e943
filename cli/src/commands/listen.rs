//! `headcount listen`.

use crate::backoff::{BackoffOptions, NotHanded};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::post::{Poster, signed_headers};
use crate::target::post;
use crate::values;
use crate::webhooks::{Names, event_of};
use headcount::mirror::{SyncMode, SyncOutcome};
use headcount::system::{OsRandom, Random};
use headcount::{Change, Mirror, Webhook, env};
use headcount_sandbox::internal::Event;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// Number of changes that are read at a time.
const PAGE: usize = 500;
/// The last changes that `--replay` can send again, in a mirror that is kept.
const KEPT: i64 = 1_000;
/// The consumer whose position is that of the last event that was sent.
const CONSUMER: &str = "listen";
/// The consumer whose position is [`KEPT`] changes before that, so that the retention keeps these changes.
const SENT: &str = "listen.sent";

/// Send what changes in the directories to your endpoint as signed webhooks, without a tunnel
///
/// Syncs a mirror again and again, and sends what changed in the vendor's form: users, groups, and directories that are enabled or disabled. The first sync
/// sends nothing: it reads what is there. The mirror is in memory; with --keep, it is the one of --store, and a later call continues after the last event.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Events are signed with SCALEKIT_WEBHOOK_SECRET. If that is not set, a new secret is made, and written to stderr. Each sync lists all users, because only a listing \
of all users shows who has left: choose a longer --every for large directories. An event that is not answered with 2xx is sent again, after a wait that doubles; \
later events wait for it. Its id and its `webhook-id` are the same in all attempts. The API does not tell the environment's id, so `environment_id` is empty \
unless --environment is given.

Data: one line for each event that was sent: the status of the answer, the type and the id. With --json, the keys `id`, `type`, `status` and `attempts`; `status` \
is null if the event was given up.

Examples:
  headcount listen --forward-to http://127.0.0.1:8000/webhooks
  headcount listen --forward-to http://127.0.0.1:8000/webhooks --from-start --every 30s
  headcount listen --forward-to http://127.0.0.1:8000/webhooks --keep --store listen.db
  headcount listen --forward-to http://127.0.0.1:8000/webhooks --keep --store listen.db --replay evt_0a1b2c_17_17")]
pub(crate) struct Options {
    /// The URL of your endpoint
    #[arg(long, value_name = "URL")]
    forward_to: String,
    /// How often the directories are listed
    #[arg(long, value_name = "INTERVAL", value_parser = values::duration, default_value = "5s")]
    every: Duration,
    /// Also send an event for each user and group that is there already
    #[arg(long)]
    from_start: bool,
    /// Use the mirror of --store instead of one in memory
    #[arg(long)]
    keep: bool,
    /// Send an event again, one of the last 1,000 changes, and end
    #[arg(long, value_name = "ID", requires = "keep", conflicts_with = "from_start")]
    replay: Option<String>,
    /// Id of the environment in the events (env_…)
    #[arg(long, value_name = "ENV", default_value = "", hide_default_value = true)]
    environment: String,
    /// Permit http:// to another machine
    #[arg(long)]
    plain_http: bool,
    /// How long a request may take
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "15s")]
    timeout: Duration,
    #[command(flatten)]
    backoff: BackoffOptions,
    /// Give an event up after this many failed attempts, and go on with the next one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    give_up_after: Option<u32>,
}

/// Sends events to the endpoint.
struct Sender<'a> {
    context: &'a Context,
    poster: Poster,
    webhook: Webhook,
    environment: String,
    backoff: BackoffOptions,
    give_up_after: Option<u32>,
}

/// What was sent, as it is written to stdout.
#[derive(Serialize)]
struct Sent<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    type_: &'a str,
    status: Option<u16>,
    attempts: u32,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let sender = Sender {
        context,
        poster: Poster::new(&options.forward_to, options.timeout, options.plain_http)?,
        webhook: webhook(context)?,
        environment: options.environment.clone(),
        backoff: options.backoff,
        // A replay is one attempt, unless more are asked for.
        give_up_after: options.give_up_after.or(options.replay.is_some().then_some(1)),
    };
    if let Some(id) = &options.replay {
        return replay(&sender, &context.mirror().await?, id).await;
    }
    let mirror = context.listening_mirror(options.keep).await?;
    let is_known = mirror.consumers().await?.iter().any(|consumer| consumer.name == CONSUMER);
    let mut has_started = is_known || options.from_start;
    loop {
        let started = Instant::now();
        let is_complete = sync(context, &mirror).await?;
        if has_started {
            forward(&sender, &mirror, options.keep).await?;
        } else {
            // Until all directories were listed once, changes may be of users who are there already.
            skip(&mirror).await?;
            if is_complete {
                has_started = true;
                context.output.note("the directories are listed: what changes from now on is sent");
            }
        }
        context.output.finish()?;
        tokio::time::sleep_until(started + options.every).await;
    }
}

/// Returns the signer with the secret of the environment, or with a new secret, which is shown.
fn webhook(context: &Context) -> Result<Webhook, Failure> {
    if std::env::var_os(env::WEBHOOK_SECRET).is_some_and(|secret| !secret.is_empty()) {
        return Ok(Webhook::from_env()?);
    }
    let secret = headcount_sandbox::internal::new_webhook_secret(|| OsRandom.bits());
    let webhook = Webhook::new([secret.as_str()])?;
    context.output.message(&format!(
        "{} is not set, so this new secret signs the events: set it to {secret} where your endpoint runs",
        env::WEBHOOK_SECRET
    ));
    Ok(webhook)
}

/// Syncs all directories, and returns whether all of them were listed. A sync that fails is reported, and the next one tries again.
async fn sync(context: &Context, mirror: &Mirror) -> Result<bool, Failure> {
    let reports = match mirror.sync_all().mode(SyncMode::Full).reports().await {
        Ok(reports) => reports,
        Err(error) => {
            let failure = Failure::from(error);
            // The same settings will be refused again.
            if failure.status() == Status::Usage {
                return Err(failure);
            }
            context.output.error(failure.message().unwrap_or_default());
            return Ok(false);
        }
    };
    for report in &reports {
        if let Some(hold) = report.holds.first() {
            context.output.note(&format!("{}: held: {}: see `headcount holds list`", report.directory_id, hold.reason));
        } else if let Some(error) = &report.error {
            context.output.error(&format!("{}: {}", report.directory_id, crate::failure::message_of(error)));
        } else if let Some(reason) = &report.incomplete {
            context.output.note(&format!("{}: incomplete: {reason}", report.directory_id));
        }
    }
    Ok(reports.iter().all(|report| matches!(report.outcome, SyncOutcome::Done | SyncOutcome::Held)))
}

/// Acknowledges all changes so far.
async fn skip(mirror: &Mirror) -> Result<(), Failure> {
    while let Some(last) = mirror.poll(CONSUMER, PAGE).await?.last() {
        mirror.ack(CONSUMER, last.seq).await?;
    }
    Ok(())
}

/// Sends an event for each group of changes that was not sent yet.
async fn forward(sender: &Sender<'_>, mirror: &Mirror, keeps: bool) -> Result<(), Failure> {
    loop {
        let groups = mirror.poll_groups(CONSUMER, PAGE).await?;
        let Some(end) = groups.last().and_then(|group| group.last()).map(|change| change.seq) else { return Ok(()) };
        let names = names(mirror, &groups).await?;
        for group in &groups {
            let Some(last) = group.last() else { continue };
            if let Some(event) = event_of(group, &names) {
                sender.send(&event, &id_of(mirror, group), last).await?;
            }
            mirror.ack(CONSUMER, last.seq).await?;
        }
        if keeps && end > KEPT {
            // A number can be acknowledged once a poll has returned it.
            mirror.poll_after(SENT, Some(end - 1), 1).await?;
            mirror.ack(SENT, end - KEPT).await?;
        }
    }
}

/// Returns the id of the event of a group of changes. [`replay`] finds the changes by it.
fn id_of(mirror: &Mirror, group: &[Change]) -> String {
    let seq = |change: Option<&Change>| change.map_or(0, |change| change.seq);
    format!("evt_{}_{}_{}", plain_id(mirror), seq(group.first()), seq(group.last()))
}

/// Returns the mirror's id without hyphens.
fn plain_id(mirror: &Mirror) -> String {
    mirror.id().unwrap_or_default().replace('-', "")
}

/// Sends an event again.
async fn replay(sender: &Sender<'_>, mirror: &Mirror, id: &str) -> Result<Status, Failure> {
    let known = id.strip_prefix(&format!("evt_{}_", plain_id(mirror))).and_then(|numbers| numbers.split_once('_'));
    let numbers = known.and_then(|(first, last)| Some((first.parse::<i64>().ok()?, last.parse::<i64>().ok()?)));
    let Some((first, last)) = numbers.filter(|(first, last)| (1..=*last).contains(first)) else {
        return Err(Failure::usage(format!(
            "{id} is no event of the mirror at {}: pass an id that `headcount listen --keep` wrote, and its --store",
            sender.context.place()
        )));
    };
    let limit = usize::try_from(last - first + 1).unwrap_or(usize::MAX).min(10_000);
    let changes = match mirror.poll_after(SENT, Some(first - 1), limit).await {
        Ok(changes) => changes,
        Err(error) if error.kind() == headcount::ErrorKind::HistoryTrimmed => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let group: Vec<Change> = changes.into_iter().filter(|change| change.seq <= last).collect();
    let is_whole = group.first().is_some_and(|change| change.seq == first);
    let names = names(mirror, std::slice::from_ref(&group)).await?;
    let (Some(change), Some(event)) = (group.last().filter(|_| is_whole), event_of(&group, &names)) else {
        return Err(Failure::new(format!("the feed no longer has {id}: it keeps the last {KEPT} changes")));
    };
    Ok(if sender.send(&event, id, change).await? { Status::Done } else { Status::Failed })
}

/// Reads the names of the groups and the directories that the changes mention.
async fn names(mirror: &Mirror, groups: &[Vec<Change>]) -> Result<Names, Failure> {
    let mut names = Names::default();
    for change in groups.iter().flatten() {
        for id in change.user.iter().flat_map(|user| &user.group_ids) {
            if !names.groups.contains_key(id)
                && let Some(group) = mirror.group(id).await?
            {
                names.groups.insert(id.clone(), group.display_name);
            }
        }
        if change.user.is_none() && change.group.is_none() && !names.directories.contains_key(&change.directory_id) {
            let all = mirror.directories(Some(&change.organization_id)).await?;
            names.directories.extend(all.into_iter().map(|directory| (directory.id.clone(), directory)));
        }
    }
    Ok(names)
}

impl Sender<'_> {
    /// Sends an event until it is accepted or given up, and returns whether it was accepted.
    async fn send(&self, event: &Event, id: &str, change: &Change) -> Result<bool, Failure> {
        let body = event.body(id, change.at, &self.environment).to_string();
        let message_id = id.replacen("evt_", "msg_", 1);
        let mut failed = 0;
        loop {
            // Signed for each attempt, because a receiver refuses an old signature.
            let signed = self.webhook.sign(body.as_bytes(), Some(&message_id), None)?;
            let headers = signed_headers(&signed).map_err(|_| Failure::new("the signature cannot be sent"))?;
            let NotHanded { reason, retry_after } = match post(&self.poster, headers, body.clone()).await {
                Ok(status) => return self.write(event, id, Some(status), failed + 1).map(|()| true),
                Err(not_handed) => not_handed,
            };
            failed += 1;
            if self.give_up_after.is_some_and(|most| failed >= most) {
                self.context.output.note(&format!("{id}: {reason}; given up after {failed} failed"));
                return self.write(event, id, None, failed).map(|()| false);
            }
            let wait = self.backoff.wait(failed, retry_after);
            let next = failed + 1;
            self.context.output.note(&format!("{id}: {reason}; attempt {next} in {:.1} s", wait.as_secs_f64()));
            tokio::time::sleep(wait).await;
        }
    }

    fn write(&self, event: &Event, id: &str, status: Option<u16>, attempts: u32) -> Result<(), Failure> {
        let output = &self.context.output;
        match output.is_json() {
            true => output.json(&Sent { id, type_: event.type_, status, attempts })?,
            false => {
                let status = status.map_or_else(|| "---".to_owned(), |status| status.to_string());
                output.line(&format!("{status} {} {id}", event.type_))?;
            }
        }
        output.finish()
    }
}
