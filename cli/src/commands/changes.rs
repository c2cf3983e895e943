//! `headcount changes`.

use crate::backoff::Backoff;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::post::Poster;
use crate::shell::{self, NotDone};
use crate::values;
use headcount::Change;
use headcount::mirror::Changes;
use headcount::system::OsRandom;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use std::time::Duration;

/// Number of changes that are written to stdout before they are acknowledged.
const PAGE: usize = 100;
/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// The variable with the bearer token for `--post`.
const TOKEN: &str = "HEADCOUNT_POST_TOKEN";

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
that is not found ends this process.

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
    /// Run this command with `sh` for each change
    #[arg(long, value_name = "COMMAND", conflicts_with = "post")]
    exec: Option<String>,
    /// Send each change to this URL
    #[arg(long, value_name = "URL")]
    post: Option<String>,
    /// Permit http:// to another machine
    #[arg(long, requires = "post")]
    plain_http: bool,
    /// How long a command or a request may take
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "30s")]
    timeout: Duration,
    /// Park a change after this many failed attempts, and go on with the next one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    park_after: Option<u32>,
    /// The wait after the first failed attempt
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "1s")]
    backoff: Duration,
    /// The longest wait between two attempts
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "60s")]
    backoff_limit: Duration,
}

/// What changes are handed to.
enum Target {
    Stdout,
    Command(String),
    Url(Box<Poster>, HeaderMap),
}

/// Why a change was not handed over.
struct NotHanded {
    reason: String,
    /// How long the server asks to wait.
    retry_after: Option<Duration>,
}

/// Hands changes over, one after another.
struct Feed<'a> {
    context: &'a Context,
    changes: Changes,
    mirror_id: String,
    target: Target,
    timeout: Duration,
    park_after: Option<u32>,
    backoff: Backoff,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let target = match (options.exec, options.post) {
        (Some(command), _) => Target::Command(command),
        (None, Some(url)) => Target::Url(Box::new(Poster::new(&url, options.timeout, options.plain_http)?), headers()?),
        (None, None) => Target::Stdout,
    };
    let mirror = context.mirror().await?;
    if options.from_snapshot {
        mirror.start_from_snapshot(&options.consumer).await?;
    }
    let wait = if options.follow { None } else { Some(Duration::ZERO) };
    let feed = Feed {
        context,
        changes: mirror.changes(&options.consumer, wait),
        mirror_id: mirror.id().unwrap_or_default().to_owned(),
        target,
        timeout: options.timeout,
        park_after: options.park_after,
        backoff: Backoff { first: options.backoff, limit: options.backoff_limit },
    };
    loop {
        let page = feed.changes.next_page(if matches!(feed.target, Target::Stdout) { PAGE } else { 1 }).await?;
        if page.is_empty() {
            return Ok(Status::Done);
        }
        match &feed.target {
            Target::Stdout => feed.write(&page).await?,
            _ => {
                for change in &page {
                    feed.hand_over(change).await?;
                }
            }
        }
    }
}

/// Returns the headers of all requests.
fn headers() -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    if let Some(token) = std::env::var_os(TOKEN).filter(|token| !token.is_empty()) {
        let value = token.to_str().and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.trim())).ok());
        let mut value =
            value.ok_or_else(|| Failure::usage(format!("{TOKEN} has characters that a header cannot have")))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
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

    /// Hands a change to the command or the URL until that succeeds or the change is parked.
    async fn hand_over(&self, change: &Change) -> Result<(), Failure> {
        let text = serde_json::to_string(change)
            .map_err(|error| Failure::new(format!("a change cannot be written: {error}")))?;
        let mut failed = 0;
        loop {
            let Err(NotHanded { reason, retry_after }) = self.attempt(change, &text, failed + 1).await? else {
                return Ok(self.changes.ack(change.seq).await?);
            };
            failed += 1;
            let what = format!("change {} ({})", change.seq, change.kind);
            if self.park_after.is_some_and(|most| failed >= most) {
                self.context.output.note(&format!("{what}: {reason}; parked after {failed} failed"));
                return Ok(self.changes.park(change, &reason).await?);
            }
            let wait = self.backoff.wait(failed, &OsRandom).max(retry_after.unwrap_or_default().min(LONGEST_WAIT));
            self.context.output.note(&format!(
                "{what}: {reason}; attempt {} in {:.1} s",
                failed + 1,
                wait.as_secs_f64()
            ));
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes one attempt. The outer error ends the command.
    async fn attempt(&self, change: &Change, text: &str, attempt: u32) -> Result<Result<(), NotHanded>, Failure> {
        match &self.target {
            Target::Stdout => Ok(Ok(())),
            Target::Command(command) => {
                let variables = [
                    ("HEADCOUNT_SEQ", change.seq.to_string()),
                    ("HEADCOUNT_KIND", change.kind.to_string()),
                    ("HEADCOUNT_ATTEMPT", attempt.to_string()),
                    ("HEADCOUNT_MIRROR_ID", self.mirror_id.clone()),
                ];
                match shell::run(command, format!("{text}\n"), &variables, self.timeout).await {
                    Ok(()) => Ok(Ok(())),
                    Err(NotDone::Failed(reason)) => Ok(Err(NotHanded { reason, retry_after: None })),
                    Err(NotDone::Missing(reason)) => Err(Failure::new(format!(
                        "change {} ({}) is not acknowledged: {reason}",
                        change.seq, change.kind
                    ))),
                }
            }
            Target::Url(poster, headers) => {
                let mut headers = headers.clone();
                if let Ok(key) = HeaderValue::from_str(&format!("{}-{}", self.mirror_id, change.seq)) {
                    headers.insert("idempotency-key", key);
                }
                Ok(match poster.send(Method::POST, headers, text.to_owned()).await {
                    Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
                    Ok(answer) => Err(NotHanded {
                        reason: format!("the URL answered {}", answer.status),
                        retry_after: answer.retry_after,
                    }),
                    Err(reason) => Err(NotHanded { reason, retry_after: None }),
                })
            }
        }
    }
}
