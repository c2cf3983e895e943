//! `headcount doctor`.

use crate::context::Context;
use crate::failure::{Failure, Status, message_of};
use crate::output::Colour;
use crate::post::Poster;
use crate::text::{clean, count};
use headcount::mirror::MirrorOptions;
use headcount::system::{Clock, SystemClock};
use headcount::{Client, Error, ErrorKind, Timestamp, Webhook, env};
use reqwest::Method;
use reqwest::header::{DATE, HeaderMap};
use serde::Serialize;
use std::time::Duration;

/// How long one connection or request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How far the clocks may differ, in seconds. Verification of webhooks permits five minutes, so there is time to correct the clock.
const SKEW: i64 = 60;
/// How many organizations are asked for their directories.
const ORGANIZATIONS: usize = 20;

/// Check the settings, the connection, the permissions and the store
///
/// Checks the settings, DNS, the connection, TLS, the clock, the credentials, each organization's directories, the webhook secret, and whether the store can
/// be read and written. Each failure has a remedy.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: one line for each check. With --json, one line with the keys `check`, `result` (ok, failed or skipped), `detail` and `remedy`. Exit code 1 if a check fails.

Examples:
  headcount doctor
  headcount doctor --json | jq 'select(.result == \"failed\")'")]
pub(crate) struct Options {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Failed,
    Skipped,
}

#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    result: Outcome,
    detail: String,
    remedy: Option<&'static str>,
}

/// Writes checks as they are made.
struct Checks<'a> {
    context: &'a Context,
    has_failed: bool,
}

impl Checks<'_> {
    fn add(
        &mut self,
        check: &'static str,
        result: Outcome,
        detail: impl Into<String>,
        remedy: Option<&'static str>,
    ) -> Result<(), Failure> {
        let check = Check { check, result, detail: detail.into(), remedy };
        self.has_failed |= result == Outcome::Failed;
        let output = &self.context.output;
        if output.is_json() {
            return output.json(&check);
        }
        let (word, colour) = match result {
            Outcome::Ok => ("ok", Colour::Green),
            Outcome::Failed => ("failed", Colour::Red),
            Outcome::Skipped => ("skipped", Colour::Yellow),
        };
        output.line(&format!(
            "{}  {:<12}  {}",
            output.paint(colour, &format!("{word:<7}")),
            check.check,
            clean(&check.detail)
        ))?;
        remedy.map_or(Ok(()), |remedy| output.line(&format!("{:23}{remedy}", "")))
    }

    fn ok(&mut self, check: &'static str, detail: impl Into<String>) -> Result<(), Failure> {
        self.add(check, Outcome::Ok, detail, None)
    }

    fn failed(&mut self, check: &'static str, detail: impl Into<String>, remedy: &'static str) -> Result<(), Failure> {
        self.add(check, Outcome::Failed, detail, Some(remedy))
    }
}

pub(crate) async fn run(context: &Context, _: Options) -> Result<Status, Failure> {
    let mut checks = Checks { context, has_failed: false };
    match Client::from_env() {
        Ok(client) => {
            checks.ok("settings", "the URL, the client id and the client secret are set")?;
            if connection(&mut checks).await? {
                account(&mut checks, &client).await?;
            }
        }
        Err(error) => checks.failed("settings", message_of(&error), "set it to the value in the vendor's dashboard")?,
    }
    webhook(&mut checks)?;
    store(&mut checks, context).await?;
    Ok(if checks.has_failed { Status::Failed } else { Status::Done })
}

/// Checks DNS, the connection, TLS and the clock. Returns whether the server answers.
async fn connection(checks: &mut Checks<'_>) -> Result<bool, Failure> {
    let text = std::env::var(env::ENVIRONMENT_URL).unwrap_or_default();
    // The white space and the quotes that the client strips as well.
    let poster = Poster::new(text.trim_matches(['"', '\'', ' ', '\t', '\n', '\r']), TIMEOUT, false)?;
    let host = poster.url().host_str().unwrap_or_default().to_owned();
    let port = poster.url().port_or_known_default().unwrap_or(443);
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let addresses: Vec<_> = match tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((name, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            checks.failed(
                "dns",
                format!("{host} has no address: {error}"),
                "check the spelling of the URL, and the DNS server of this machine",
            )?;
            return Ok(false);
        }
        Err(_) => {
            checks.failed(
                "dns",
                format!("no answer about {host} came in time"),
                "check the DNS server of this machine",
            )?;
            return Ok(false);
        }
    };
    checks.ok("dns", format!("{host} has {}", count(addresses.len() as u64, "address")))?;
    match tokio::time::timeout(TIMEOUT, tokio::net::TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => checks.ok("connection", format!("port {port} accepts connections"))?,
        Ok(Err(error)) => {
            // A machine behind a proxy cannot connect by itself, so the next checks decide.
            checks.failed(
                "connection",
                format!("port {port}: {error}"),
                "check the firewall, and the port in the URL",
            )?;
            return Ok(false);
        }
        Err(_) => {
            checks.failed("connection", format!("port {port} did not answer in time"), "check the firewall")?;
            return Ok(false);
        }
    }
    let secure = poster.url().scheme() == "https";
    match poster.request(Method::GET, HeaderMap::new(), String::new()).await {
        Ok(response) => {
            match secure {
                true => checks.ok("tls", "the certificate is valid")?,
                false => checks.add("tls", Outcome::Skipped, "the URL is http:// on this machine", None)?,
            }
            clock(checks, response.headers().get(DATE).and_then(|value| value.to_str().ok()))?;
            Ok(true)
        }
        Err(reason) => {
            let remedy = "trust the server's certificate authority (SSL_CERT_FILE), or correct the URL";
            checks.failed("tls", reason, remedy)?;
            Ok(false)
        }
    }
}

/// Compares this machine's clock with the server's header `date` (RFC 9110).
fn clock(checks: &mut Checks<'_>, date: Option<&str>) -> Result<(), Failure> {
    let theirs =
        date.and_then(|date| Timestamp::strptime("%a, %d %b %Y %H:%M:%S %z", date.replace("GMT", "+0000")).ok());
    let Some(theirs) = theirs else {
        return checks.add("clock", Outcome::Skipped, "the server does not tell its time", None);
    };
    let skew = SystemClock.now().as_second() - theirs.as_second();
    let detail = match skew {
        0 => "this machine and the server have the same time".to_owned(),
        1.. => format!("this machine is {skew} s ahead of the server"),
        _ => format!("this machine is {} s behind the server", -skew),
    };
    match skew.abs() <= SKEW {
        true => checks.ok("clock", detail),
        false => {
            checks.failed("clock", detail, "synchronize the clock (NTP): webhooks are refused from five minutes on")
        }
    }
}

/// Checks the credentials, and what they permit.
async fn account(checks: &mut Checks<'_>, client: &Client) -> Result<(), Failure> {
    let page = match client.organizations().list().page_size(ORGANIZATIONS as u32).send().await {
        Ok(page) => page,
        Err(error) => return refused(checks, "credentials", &error),
    };
    checks.ok("credentials", "the account may list its organizations")?;
    if page.items.is_empty() {
        return checks.add("directories", Outcome::Skipped, "the environment has no organization", None);
    }
    let (mut directories, mut without) = (0, Vec::new());
    for organization in &page.items {
        match client.directories().list(&organization.id).await {
            Ok(found) if found.is_empty() => without.push(organization.id.as_str()),
            Ok(found) => directories += found.len(),
            Err(error) => return refused(checks, "directories", &error),
        }
    }
    let detail = format!(
        "{directories} in {}{}",
        count(page.items.len() as u64, "organization"),
        if without.is_empty() { "" } else { "; none in " }
    );
    checks.ok("directories", detail + &without.join(", "))
}

fn refused(checks: &mut Checks<'_>, check: &'static str, error: &Error) -> Result<(), Failure> {
    let remedy = match error.kind() {
        ErrorKind::Authentication => {
            "check the client id and the client secret, and that they belong to the environment of the URL"
        }
        ErrorKind::PermissionDenied => "give the client the permission to read organizations and directories",
        ErrorKind::RateLimit => "wait a minute, and look for another program that uses the same client",
        ErrorKind::Decode => "check the URL: the server does not answer as Scalekit's API does",
        _ => "try again, and see the vendor's status page",
    };
    checks.failed(check, message_of(error), remedy)
}

fn webhook(checks: &mut Checks<'_>) -> Result<(), Failure> {
    if std::env::var_os(env::WEBHOOK_SECRET).is_none() {
        return checks.add(
            "webhook",
            Outcome::Skipped,
            format!("{} is not set: only needed to receive webhooks", env::WEBHOOK_SECRET),
            None,
        );
    }
    match Webhook::from_env() {
        Ok(_) => checks.ok("webhook", "the secret has the right form"),
        Err(error) => checks.failed(
            "webhook",
            message_of(&error),
            "copy the secret of the endpoint from the vendor's dashboard: whsec_ and base64",
        ),
    }
}

/// Checks whether the store can be read and written.
async fn store(checks: &mut Checks<'_>, context: &Context) -> Result<(), Failure> {
    if context.is_missing() {
        return checks.add(
            "store",
            Outcome::Skipped,
            format!("{} does not exist yet: `headcount sync` creates it", context.place()),
            None,
        );
    }
    let remedy = "check the path or the URL, the password, and the permissions of this user";
    let mirror = match context.mirror().await {
        Ok(mirror) => mirror,
        Err(failure) => return checks.failed("store", failure.message().unwrap_or_default().to_owned(), remedy),
    };
    let status = match mirror.status().await {
        Ok(status) => status,
        Err(error) => return checks.failed("store", message_of(&error), remedy),
    };
    // Writes the settings as they are.
    match mirror.configure(MirrorOptions::default()).await {
        Ok(()) => checks.ok(
            "store",
            format!("{} can be read and written, and has {}", context.place(), count(status.len() as u64, "directory")),
        ),
        Err(error) => {
            checks.failed("store", format!("it can be read, but not written: {}", message_of(&error)), remedy)
        }
    }
}
