//! The feed in NATS JetStream: publishes changes, each with a message id by which the stream recognizes a copy.

use crate::backoff::{BackoffOptions, NotHanded};
use crate::failure::Failure;
use crate::output::Output;
use async_nats::connection::State;
use async_nats::jetstream::Context as JetStream;
use async_nats::jetstream::context::{GetStreamByNameErrorKind, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use headcount::Change;
use headcount::internal::is_loopback;
use headcount::internal::tls::{SystemRoots, config};
use reqwest::Url;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest wait for an answer of the server. A message that is lost with its connection is published again after that time.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// The variables with the credentials.
const TOKEN: &str = "HEADCOUNT_NATS_TOKEN";
const CREDENTIALS: &str = "HEADCOUNT_NATS_CREDS";
const USER: &str = "HEADCOUNT_NATS_USER";
const PASSWORD: &str = "HEADCOUNT_NATS_PASSWORD";

/// The options of a relay into NATS JetStream.
#[derive(Debug, clap::Args)]
pub(crate) struct NatsOptions {
    /// Publish each change to NATS JetStream: nats://host:4222 or tls://host:4222; several servers of a cluster are separated by commas
    #[arg(long, value_name = "URL", conflicts_with_all = ["exec", "post"])]
    pub(crate) to: Option<String>,
    /// Subject of a change, with {organization}, {directory}, {kind} and {id}, the id of the user or group
    #[arg(long, value_name = "TEXT", default_value = "directory.{organization}.{kind}", requires = "to")]
    subject: Template,
    /// How many messages may wait for the server's answer at a time, each with another subject
    #[arg(long, value_name = "NUMBER", default_value = "64", requires = "to",
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) window: u16,
    /// Permit nats:// without TLS to another machine
    #[arg(long, requires = "to")]
    plain_nats: bool,
}

/// The subject of changes, with places for their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Organization,
    Directory,
    Kind,
    Id,
}

impl std::str::FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Template, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a { has no }")?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(match name {
                "organization" => Part::Organization,
                "directory" => Part::Directory,
                "kind" => Part::Kind,
                "id" => Part::Id,
                _ => {
                    return Err(format!(
                        "expected {{organization}}, {{directory}}, {{kind}} or {{id}}, got {{{name}}}"
                    ));
                }
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let is_refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>' | '{' | '}');
        if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains(is_refused))) {
            return Err("a subject to publish to has no spaces and no wildcards * and >".to_owned());
        }
        let template = Template(parts);
        let example = template.fill("o", "d", "k", "i");
        if example.split('.').any(str::is_empty) {
            return Err("a subject has names that are separated by single dots, such as directory.{kind}".to_owned());
        }
        if example.starts_with('$') {
            return Err("subjects that start with $ are the server's own".to_owned());
        }
        Ok(template)
    }
}

impl Template {
    /// Returns the subject of a change.
    pub(crate) fn subject(&self, change: &Change) -> String {
        let user = change.user.as_ref().map(|user| user.id.as_str());
        let group = change.group.as_ref().map(|group| group.id.as_str());
        let id = user.or(group).unwrap_or_default();
        self.fill(&token(&change.organization_id), &token(&change.directory_id), change.kind.name(), &token(id))
    }

    fn fill(&self, organization: &str, directory: &str, kind: &str, id: &str) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Organization => organization,
            Part::Directory => directory,
            Part::Kind => kind,
            Part::Id => id,
        });
        parts.collect()
    }
}

/// Returns an id as one token of a subject: characters other than ASCII letters, digits, `-` and `_` are percent-encoded, and an empty id is `_`. So a dot or
/// a wildcard in an id changes neither the number of tokens nor the subscriptions that match.
fn token(id: &str) -> String {
    if id.is_empty() {
        return "_".to_owned();
    }
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    id.bytes().map(encode).collect()
}

/// Publishes changes.
pub(crate) struct Relay {
    client: async_nats::Client,
    jetstream: JetStream,
    template: Template,
    /// The last error that the server reported apart from its answers, such as a missing permission.
    problem: Arc<Mutex<Option<String>>>,
}

impl Relay {
    /// Connects to the first server that answers, and tries again until one does. `limit` is the longest wait for an answer, at most five seconds. Afterwards a
    /// lost connection is made again in the background.
    ///
    /// # Errors
    ///
    /// A usage error for URLs and credentials that cannot be used; a failure if the server refuses the credentials.
    pub(crate) async fn connect(
        options: &NatsOptions,
        limit: Duration,
        backoff: BackoffOptions,
        output: &Output,
    ) -> Result<Relay, Failure> {
        let (servers, needs_tls) = servers(options.to.as_deref().unwrap_or_default(), options.plain_nats)?;
        let limit = limit.min(LONGEST_ANSWER);
        let problem: Arc<Mutex<Option<String>>> = Arc::default();
        let mut failed = 0;
        let client = loop {
            let settings = settings(needs_tls, limit, Arc::clone(&problem)).await?;
            let error = match settings.connect(servers.as_slice()).await {
                Ok(client) => break client,
                Err(error) => error,
            };
            if matches!(error.kind(), ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication) {
                return Err(Failure::new(format!(
                    "the NATS server refused the credentials: set {TOKEN}, {USER} and {PASSWORD}, or {CREDENTIALS}"
                )));
            }
            failed += 1;
            let wait = backoff.wait(failed, None);
            output.note(&format!(
                "no connection to the NATS server: {}; attempt {} in {:.1} s",
                cause(&error),
                failed + 1,
                wait.as_secs_f64()
            ));
            tokio::time::sleep(wait).await;
        };
        let mut jetstream = async_nats::jetstream::new(client.clone());
        jetstream.set_timeout(limit);
        Ok(Relay { client, jetstream, template: options.subject.clone(), problem })
    }

    /// Returns the subject of a change.
    pub(crate) fn subject(&self, change: &Change) -> String {
        self.template.subject(change)
    }

    /// Publishes a change, and waits until the stream has it. A copy of a message that the stream has already, by its id, counts as published.
    ///
    /// # Errors
    ///
    /// The outer error ends the command: no stream takes the subject, so no later attempt succeeds unless one is made. The inner one is why this attempt failed.
    pub(crate) async fn publish(
        &self,
        change: &Change,
        text: String,
        mirror_id: &str,
    ) -> Result<Result<(), NotHanded>, Failure> {
        let subject = self.subject(change);
        let message = PublishMessage::build()
            .payload(text.into())
            .message_id(format!("{mirror_id}-{}", change.seq))
            .header("Content-Type", "application/json");
        let sent = self.jetstream.send_publish(subject.clone(), message).await;
        let answer = match sent {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        let Err(error) = answer else { return Ok(Ok(())) };
        let reason = match error.kind() {
            PublishErrorKind::StreamNotFound => return self.without_stream(&subject).await,
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe
                if self.client.connection_state() != State::Connected =>
            {
                "there is no connection to the NATS server".to_owned()
            }
            PublishErrorKind::TimedOut => "the stream did not answer in time".to_owned(),
            PublishErrorKind::MaxPayloadExceeded => {
                "the change is larger than the server's max_payload permits".to_owned()
            }
            _ => format!("the stream did not accept the change: {}", cause(&error)),
        };
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner).take();
        let problem = problem.map(|problem| format!(" ({problem})")).unwrap_or_default();
        Ok(Err(NotHanded::new(reason + &problem)))
    }

    /// Returns why nothing listens on a subject: no stream takes it, or the stream has no leader at present.
    async fn without_stream(&self, subject: &str) -> Result<Result<(), NotHanded>, Failure> {
        match self.jetstream.stream_by_subject(subject).await {
            Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => Err(Failure::new(format!(
                "no stream takes the subject {subject}: make one, such as `nats stream add DIRECTORY --subjects 'directory.>'`, or choose \
                 another --subject"
            ))),
            Ok(stream) => Ok(Err(NotHanded::new(format!("the stream {stream} has no leader at present")))),
            Err(_) => Ok(Err(NotHanded::new("JetStream does not answer: is it enabled?".to_owned()))),
        }
    }
}

/// Returns the servers, and whether their connections need TLS: the scheme is tls://, or nats:// to another machine.
fn servers(text: &str, plain: bool) -> Result<(Vec<ServerAddr>, bool), Failure> {
    let (mut servers, mut needs_tls) = (Vec::new(), false);
    for part in text.split(',').map(str::trim) {
        // The text is not shown, because it may have a password.
        let expected = "expected nats://host:4222 or tls://host:4222";
        let url = Url::parse(part)
            .map_err(|error| Failure::usage(format!("the URL of --to cannot be read ({error}): {expected}")))?;
        if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none() {
            return Err(Failure::usage(format!("the URL of --to has the scheme {}: {expected}", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::usage(format!(
                "the URL of --to has credentials, which other users of this machine can see: set {TOKEN}, {USER} and {PASSWORD}, or {CREDENTIALS}"
            )));
        }
        needs_tls |= url.scheme() == "tls" || !is_local(&url) && !plain;
        let address =
            part.parse().map_err(|_| Failure::usage(format!("the URL of --to cannot be read: {expected}")))?;
        servers.push(address);
    }
    Ok((servers, needs_tls))
}

/// Returns whether a URL is of this machine.
fn is_local(url: &Url) -> bool {
    // The rule is for URLs of HTTP, whose hosts are parsed as addresses.
    let text = url.as_str().replacen(url.scheme(), "http", 1);
    Url::parse(&text).is_ok_and(|url| is_loopback(&url))
}

/// Returns the settings of a connection, with the credentials of the environment.
async fn settings(
    needs_tls: bool,
    limit: Duration,
    problem: Arc<Mutex<Option<String>>>,
) -> Result<ConnectOptions, Failure> {
    let report = move |event| {
        let problem = Arc::clone(&problem);
        async move {
            match event {
                // The server answers such an error to no message.
                Event::ServerError(error) => {
                    *problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                }
                event => tracing::info!(target: "headcount", %event, "the connection to the NATS server"),
            }
        }
    };
    let mut tls = config(SystemRoots::IfAny, Vec::new())?;
    // The server's protocol is not HTTP.
    tls.alpn_protocols.clear();
    let settings = ConnectOptions::new()
        .name("headcount")
        .require_tls(needs_tls)
        .tls_client_config(tls)
        .connection_timeout(limit)
        .event_callback(report);
    if let Some(token) = text(TOKEN)? {
        return Ok(settings.token(token));
    }
    if let Some(user) = text(USER)? {
        return Ok(settings.user_and_password(user, text(PASSWORD)?.unwrap_or_default()));
    }
    match std::env::var_os(CREDENTIALS).filter(|path| !path.is_empty()) {
        Some(path) => settings
            .credentials_file(&path)
            .await
            .map_err(|error| Failure::usage(format!("the credentials file of {CREDENTIALS} cannot be read: {error}"))),
        None => Ok(settings),
    }
}

/// Returns the text of an environment variable, or `None` if it is empty or not set.
fn text(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var_os(name).map(OsString::into_string) {
        Some(Ok(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(Err(_)) => Err(Failure::usage(format!("{name} is not valid UTF-8"))),
        None => Ok(None),
    }
}

/// Returns the innermost cause of an error, which says what happened.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(organization: &str, kind: &str) -> Change {
        serde_json::from_value(json!({
            "seq": 7, "kind": kind, "organization_id": organization, "directory_id": "dir_1", "fields": [], "cause": "sync:1",
            "at": "2026-01-02T03:04:05Z", "user": null,
            "group": { "id": "dirgroup_1", "organization_id": organization, "directory_id": "dir_1", "display_name": "x", "updated_at": null },
        }))
        .unwrap()
    }

    fn subject(template: &str, organization: &str) -> String {
        template.parse::<Template>().unwrap().subject(&change(organization, "group.created"))
    }

    #[test]
    fn a_subject_has_the_ids_and_the_kind() {
        assert_eq!(subject("directory.{organization}.{kind}", "org_1"), "directory.org_1.group.created");
        assert_eq!(subject("a-{directory}.{id}", "org_1"), "a-dir_1.dirgroup_1");
        assert_eq!(subject("all", "org_1"), "all");
    }

    #[test]
    fn an_id_is_always_one_token() {
        assert_eq!(subject("{organization}.x", "a.b *>\u{e9}%"), "a%2Eb%20%2A%3E%C3%A9%25.x");
        assert_eq!(subject("{organization}.x", ""), "_.x");
    }

    #[test]
    fn subjects_that_cannot_be_published_to_are_refused() {
        for text in ["", "a..b", ".a", "a.", "a b", "a.*", "a.>", "{org}", "a{", "{kind", "a}", "$JS.x", "a\tb"] {
            assert!(text.parse::<Template>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn another_machine_needs_tls_and_no_url_has_credentials() {
        let needs_tls = |text: &str, plain| servers(text, plain).map(|(_, needs)| needs).ok();
        assert_eq!(needs_tls("nats://127.0.0.1:4222", false), Some(false));
        assert_eq!(needs_tls("nats://localhost", false), Some(false));
        assert_eq!(needs_tls("tls://127.0.0.1:4222", false), Some(true));
        assert_eq!(needs_tls("nats://nats.example.com", false), Some(true));
        assert_eq!(needs_tls("nats://nats.example.com", true), Some(false));
        assert_eq!(needs_tls("nats://127.0.0.1,nats://nats.example.com", false), Some(true));
        for text in
            ["", "nats.example.com:4222", "http://127.0.0.1", "nats://a,", "nats://t0ken@127.0.0.1", "tls://u:p@h"]
        {
            let failure = servers(text, false).unwrap_err();
            assert_eq!(failure.status().code(), 2, "{text}");
            assert!(!failure.message().unwrap().contains("t0ken"));
        }
    }
}
