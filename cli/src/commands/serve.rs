//! `headcount serve`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::serve::{self, Given, Settings};
use headcount::{Client, ErrorKind, Mirror, Webhook};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Serve the mirror: webhooks, syncs on a schedule, a JSON API, metrics and a page
///
/// Takes webhooks at /webhooks, syncs all directories at an interval, and serves the API at /v1, its OpenAPI document at /openapi.json, /metrics, /healthz, /readyz and
/// a page for operators at /. Several processes can serve one mirror: one of them does the syncs. SIGTERM ends it after the requests and the sync that are running.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Settings come from options, then environment variables, then the file of --config, whose keys are the names of the options with `_`, and `store`, `schema` and `hosts`.

Tokens are at least 24 characters. Without any, the service listens on loopback addresses only, and every program on the machine may use it.

Data: one line with the address. With --json, one line with the key `url`.

Examples:
  headcount serve
  HEADCOUNT_TOKEN=$(openssl rand -hex 32) headcount serve --listen 0.0.0.0:8080 --host headcount.internal
  headcount serve --config /etc/headcount.toml --print-config")]
pub(crate) struct Options {
    #[command(flatten)]
    given: Given,
    /// A file with settings (TOML)
    #[arg(long, value_name = "PATH", env = "HEADCOUNT_CONFIG")]
    config: Option<PathBuf>,
    /// Print the settings in force, without tokens and passwords, and end
    #[arg(long)]
    print_config: bool,
    /// Print the OpenAPI document, and end
    #[arg(long, conflicts_with = "print_config")]
    print_openapi: bool,
}

pub(crate) async fn run(context: &Context, options: Options, ending: CancellationToken) -> Result<Status, Failure> {
    if options.print_openapi {
        let document = serve::document().map_err(|error| Failure::new(error.to_string()))?;
        context.output.json(&document)?;
        return Ok(Status::Done);
    }
    let file = options.config.as_deref().map(Given::read).transpose()?.unwrap_or_default();
    let mut given = options.given;
    (given.store, given.schema) = context.given_place();
    let given = given.or(file);
    if options.print_config {
        context.output.text(given.text()?.as_bytes())?;
        return Ok(Status::Done);
    }
    let (store, schema) = (given.store.clone(), given.schema.clone());
    let mut settings = given.check()?;
    let (mut builder, webhook) = (Mirror::builder(), webhook()?);
    if let Some(client) = client(&settings)? {
        builder = builder.client(client);
        settings.has_client = true;
    }
    if let Some(webhook) = &webhook {
        builder = builder.webhook(webhook.clone());
    }
    let mirror = context.open_for_service(builder, store, schema).await?;
    serve::serve(&context.output, settings, mirror, webhook, ending).await?;
    Ok(Status::Done)
}

/// Makes the client with the settings in the environment. A service that does not sync can be without one.
fn client(settings: &Settings) -> Result<Option<Client>, Failure> {
    match Client::from_env() {
        Err(error) if error.kind() == ErrorKind::Config && settings.sync_every.is_none() && !has_account() => Ok(None),
        client => Ok(Some(client?)),
    }
}

/// Returns whether one of the account's settings is in the environment, so that others are missing by mistake.
fn has_account() -> bool {
    use headcount::env::{CLIENT_ID, CLIENT_SECRET, ENVIRONMENT_URL};
    [ENVIRONMENT_URL, CLIENT_ID, CLIENT_SECRET].iter().any(|name| std::env::var_os(name).is_some())
}

fn webhook() -> Result<Option<Webhook>, Failure> {
    match std::env::var_os(headcount::env::WEBHOOK_SECRET) {
        None => Ok(None),
        Some(_) => Ok(Some(Webhook::from_env()?)),
    }
}
