//! `headcount changes`.

use crate::backoff::{BackoffOptions, NotHanded};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::nats::{NatsOptions, Relay};
use crate::target::{Target, TargetOptions};
use futures_util::{StreamExt, TryStreamExt};
use headcount::Change;
use headcount::mirror::Changes;
use std::collections::BTreeMap;
use std::time::Duration;

/// Number of changes that are written to stdout, or published, before they are acknowledged.
const PAGE: usize = 100;

/// Hand the changes of the feed to a pipe, a command, a URL or NATS JetStream
///
/// Writes one JSON object for each change, in the order of the feed, and acknowledges a change once it is handed over: its line was written to stdout,
/// the command exited with 0, the URL answered 2xx, or the stream has it. Each change is handed over at least once, and again if this process ends in between: `seq` tells
/// whether it was handled. While another process reads the changes of the same consumer, this one waits, or ends without --follow.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: without --exec, --post and --to, one line of JSON for each change; --json has no effect.

A command of --exec gets the change on stdin, and the variables HEADCOUNT_SEQ, HEADCOUNT_KIND, HEADCOUNT_ATTEMPT and HEADCOUNT_MIRROR_ID. \
A request of --post has the change as its body and the header `idempotency-key`, which is the same in all attempts; if HEADCOUNT_POST_TOKEN is set, also \
`authorization: Bearer` with that token. A failed attempt is repeated, after a wait that doubles, until it succeeds or the change is parked. A command \
that is not found ends this process. `headcount parked` lists what was parked.

A message of --to has the change as its payload, and as its `Nats-Msg-Id` the mirror's id and the change's number, by which the stream recognizes a copy within its duplicate window. Messages with the same subject are published in the order of the feed, each after the stream has the one before. In a subject, characters of an id other than ASCII letters, digits, - and _ are percent-encoded. The credentials are in HEADCOUNT_NATS_TOKEN, in HEADCOUNT_NATS_USER and HEADCOUNT_NATS_PASSWORD, or in the file of HEADCOUNT_NATS_CREDS. nats:// to another machine uses TLS, unless --plain-nats is given.

Examples:
  headcount changes --consumer audit | jq -c '{seq, kind, at}' >> audit.ndjson
  headcount changes --consumer accounts --follow --exec ./provision.sh --park-after 5
  headcount changes --consumer crm --follow --post https://crm.example.com/changes
  headcount changes --consumer nats --follow --to tls://nats.example.com:4222 --subject 'directory.{organization}.{kind}'")]
pub(crate) struct Options {
    /// Name of the consumer, whose position is kept in the mirror; a new one starts with the feed's oldest change
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// Wait for further changes until Ctrl-C, instead of ending after the last one
    #[arg(long)]
    follow: bool,
    /// Start again with the current groups and users: once, for a consumer whose next change is no longer kept
    #[arg(long)]
    from_snapshot: bool,
    #[command(flatten)]
    target: TargetOptions,
    #[command(flatten)]
    nats: NatsOptions,
    /// Park a change after this many failed attempts, and go on with the next one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    park_after: Option<u32>,
    #[command(flatten)]
    backoff: BackoffOptions,
}

/// Hands changes over, one after another.
struct Feed<'a> {
    context: &'a Context,
    changes: Changes,
    mirror_id: String,
    park_after: Option<u32>,
    backoff: BackoffOptions,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let limit = options.target.timeout();
    let target = Target::of(options.target)?;
    let mirror = context.mirror().await?;
    if options.from_snapshot {
        mirror.start_from_snapshot(&options.consumer).await?;
    }
    let (target, window) = match options.nats.to {
        Some(_) => {
            let relay = Relay::connect(&options.nats, limit, options.backoff, &context.output).await?;
            (Some(Target::Stream(Box::new(relay))), usize::from(options.nats.window))
        }
        None => (target, 1),
    };
    let wait = if options.follow { None } else { Some(Duration::ZERO) };
    let feed = Feed {
        context,
        changes: mirror.changes(&options.consumer, wait),
        mirror_id: mirror.id().unwrap_or_default().to_owned(),
        park_after: options.park_after,
        backoff: options.backoff,
    };
    let size = if matches!(target, Some(Target::Command { .. } | Target::Url(..))) { 1 } else { PAGE };
    loop {
        let page = feed.changes.next_page(size).await?;
        if page.is_empty() {
            return Ok(Status::Done);
        }
        match &target {
            None => feed.write(&page).await?,
            Some(target) => feed.hand_over_all(target, &page, window).await?,
        }
    }
}

impl Feed<'_> {
    /// Writes changes to stdout, and acknowledges them once they are flushed.
    async fn write(&self, page: &[Change]) -> Result<(), Failure> {
        for change in page {
            self.context.output.json(change)?;
        }
        self.context.output.finish()?;
        self.acknowledge(&page.iter().map(|change| change.seq).collect::<Vec<_>>()).await
    }

    /// Acknowledges changes, whose numbers ascend.
    async fn acknowledge(&self, numbers: &[i64]) -> Result<(), Failure> {
        // The last change first: an acknowledgement is stored when all earlier changes are acknowledged, so the page is stored once and not once a change.
        for seq in numbers.iter().rev() {
            self.changes.ack(*seq).await?;
        }
        Ok(())
    }

    /// Hands changes over: to a stream, those of `window` subjects at a time; otherwise one after another.
    async fn hand_over_all(&self, target: &Target, page: &[Change], window: usize) -> Result<(), Failure> {
        let mut queues: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
        for change in page {
            let subject = if let Target::Stream(relay) = target { relay.subject(change) } else { String::new() };
            queues.entry(subject).or_default().push(change);
        }
        let mut queues: Vec<Vec<&Change>> = queues.into_values().collect();
        queues.sort_by_key(|queue| queue.first().map(|change| change.seq));
        let handed = futures_util::stream::iter(queues.into_iter().map(|queue| async move {
            let mut handed = Vec::new();
            for change in queue {
                if self.hand_over(target, change).await? {
                    handed.push(change.seq);
                }
            }
            Ok::<_, Failure>(handed)
        }));
        let mut numbers: Vec<i64> = handed.buffer_unordered(window).try_concat().await?;
        numbers.sort_unstable();
        self.acknowledge(&numbers).await
    }

    /// Hands a change to the target until that succeeds or the change is parked. Returns whether it has to be acknowledged.
    async fn hand_over(&self, target: &Target, change: &Change) -> Result<bool, Failure> {
        let mut failed = 0;
        loop {
            let attempt = target.attempt(change, failed + 1, &self.mirror_id).await?;
            let Err(NotHanded { reason, retry_after }) = attempt else {
                return Ok(true);
            };
            failed += 1;
            let what = format!("change {} ({})", change.seq, change.kind);
            if self.park_after.is_some_and(|most| failed >= most) {
                self.context.output.note(&format!("{what}: {reason}; parked after {failed} failed"));
                self.changes.park(change, &reason).await?;
                return Ok(false);
            }
            let wait = self.backoff.wait(failed, retry_after);
            self.context.output.note(&format!(
                "{what}: {reason}; attempt {} in {:.1} s",
                failed + 1,
                wait.as_secs_f64()
            ));
            tokio::time::sleep(wait).await;
        }
    }
}
