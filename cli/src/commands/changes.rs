//! `headcount changes`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::target::{BackoffOptions, NotHanded, Target, TargetOptions};
use headcount::Change;
use headcount::mirror::Changes;
use std::time::Duration;

/// Number of changes that are written to stdout before they are acknowledged.
const PAGE: usize = 100;

/// Hand the changes of the feed to a pipe, a command or a URL
///
/// Writes one JSON object for each change, in the order of the feed, and acknowledges a change once it is handed over: its line was written to stdout,
/// the command exited with 0, or the URL answered 2xx. Each change is handed over at least once, and again if this process ends in between: `seq` tells
/// whether it was handled. While another process reads the changes of the same consumer, this one waits, or ends without --follow.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: without --exec and --post, one line of JSON for each change; --json has no effect.

A command of --exec gets the change on stdin, and the variables HEADCOUNT_SEQ, HEADCOUNT_KIND, HEADCOUNT_ATTEMPT and HEADCOUNT_MIRROR_ID. \
A request of --post has the change as its body and the header `idempotency-key`, which is the same in all attempts; if HEADCOUNT_POST_TOKEN is set, also \
`authorization: Bearer` with that token. A failed attempt is repeated, after a wait that doubles, until it succeeds or the change is parked. A command \
that is not found ends this process. `headcount parked` lists what was parked.

Examples:
  headcount changes --consumer audit | jq -c '{seq, kind, at}' >> audit.ndjson
  headcount changes --consumer accounts --follow --exec ./provision.sh --park-after 5
  headcount changes --consumer crm --follow --post https://crm.example.com/changes")]
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
    let target = Target::of(options.target)?;
    let mirror = context.mirror().await?;
    if options.from_snapshot {
        mirror.start_from_snapshot(&options.consumer).await?;
    }
    let wait = if options.follow { None } else { Some(Duration::ZERO) };
    let feed = Feed {
        context,
        changes: mirror.changes(&options.consumer, wait),
        mirror_id: mirror.id().unwrap_or_default().to_owned(),
        park_after: options.park_after,
        backoff: options.backoff,
    };
    loop {
        let page = feed.changes.next_page(if target.is_none() { PAGE } else { 1 }).await?;
        if page.is_empty() {
            return Ok(Status::Done);
        }
        match &target {
            None => feed.write(&page).await?,
            Some(target) => {
                for change in &page {
                    feed.hand_over(target, change).await?;
                }
            }
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
        // The last change first: an acknowledgement is stored when all earlier changes are acknowledged, so the page is stored once and not once a change.
        for change in page.iter().rev() {
            self.changes.ack(change.seq).await?;
        }
        Ok(())
    }

    /// Hands a change to the target until that succeeds or the change is parked.
    async fn hand_over(&self, target: &Target, change: &Change) -> Result<(), Failure> {
        let mut failed = 0;
        loop {
            let attempt = target.attempt(change, failed + 1, &self.mirror_id).await?;
            let Err(NotHanded { reason, retry_after }) = attempt else {
                return Ok(self.changes.ack(change.seq).await?);
            };
            failed += 1;
            let what = format!("change {} ({})", change.seq, change.kind);
            if self.park_after.is_some_and(|most| failed >= most) {
                self.context.output.note(&format!("{what}: {reason}; parked after {failed} failed"));
                return Ok(self.changes.park(change, &reason).await?);
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
