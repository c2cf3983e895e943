//! `headcount trigger`.

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::post::{Poster, signed_headers};
use headcount::Webhook;
use headcount_sandbox::{EventOverrides, event_body, event_types};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a webhook may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Make a signed webhook of any type, and send it to your endpoint
///
/// The body is the vendor's example of the event, with the values that are set. It is signed with SCALEKIT_WEBHOOK_SECRET.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: with --to, the status of the answer; with --json, one line with the keys `id`, `type` and `status`. Without --to, one line of JSON with the keys `headers` \
and `body`. Exit code 1 if the endpoint does not answer 2xx.

Examples:
  headcount trigger --list
  headcount trigger organization.directory.user_created --to http://127.0.0.1:8000/webhooks --set data.email=ada@example.com
  headcount trigger organization.directory.user_deleted --organization org_1 --set data.id=diruser_1")]
pub(crate) struct Options {
    /// Type of the event
    #[arg(value_name = "TYPE", required_unless_present = "list")]
    event: Option<String>,
    /// Send it to this URL
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Set a value of the body: JSON, or else text; may be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,
    /// Organization of the event (org_…)
    #[arg(long, value_name = "ORG")]
    organization: Option<String>,
    /// Directory of the event (dir_…)
    #[arg(long, value_name = "DIR")]
    directory: Option<String>,
    /// Id of the event (evt_…), to send it twice
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Permit http:// to another machine
    #[arg(long, requires = "to")]
    plain_http: bool,
    /// List the types of events
    #[arg(long, conflicts_with_all = ["event", "to", "set"])]
    list: bool,
}

/// Reads a setting such as `data.email=ada@example.com`.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE, such as data.email=ada@example.com")?;
    if path.split('.').any(str::is_empty) {
        return Err("expected a path of names, such as data.email".to_owned());
    }
    Ok((path.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let Some(event) = options.event.filter(|_| !options.list) else { return list(context) };
    let overrides = EventOverrides {
        id: options.id,
        organization_id: options.organization,
        directory_id: options.directory,
        ..EventOverrides::default()
    };
    let mut body: Value = serde_json::from_str(&event_body(&event, &overrides)?)
        .map_err(|error| Failure::new(format!("the example of the event cannot be read: {error}")))?;
    for (path, value) in options.set {
        set(&mut body, &path, value)?;
    }
    let text = body.to_string();
    let signed = Webhook::from_env()?.sign(text.as_bytes(), None, None)?;
    let Some(url) = options.to else {
        let headers: BTreeMap<&str, &str> = signed.iter().into_iter().collect();
        context.output.json(&json!({ "headers": headers, "body": text }))?;
        return Ok(Status::Done);
    };
    let headers = signed_headers(&signed)
        .map_err(|_| Failure::usage("the signature cannot be sent: use an --id of ASCII letters"))?;
    let poster = Poster::new(&url, TIMEOUT, options.plain_http)?;
    let answer = poster.send(Method::POST, headers, text).await.map_err(Failure::new)?;
    match context.output.is_json() {
        true => context.output.json(&json!({ "id": body["id"], "type": event, "status": answer.status }))?,
        false => {
            context.output.line(&format!("{} {event}: {}", body["id"].as_str().unwrap_or_default(), answer.status))?
        }
    }
    Ok(if (200..300).contains(&answer.status) { Status::Done } else { Status::Failed })
}

fn list(context: &Context) -> Result<Status, Failure> {
    for event in event_types() {
        match context.output.is_json() {
            true => context.output.json(&event)?,
            false => context.output.line(event)?,
        }
    }
    Ok(Status::Done)
}

/// Sets the value at a path of names and indices. Objects that are missing are made.
fn set(body: &mut Value, path: &str, value: Value) -> Result<(), Failure> {
    let mut place = body;
    for name in path.split('.') {
        place = match place {
            Value::Array(items) => {
                let item = name.parse().ok().and_then(|index: usize| items.get_mut(index));
                item.ok_or_else(|| Failure::usage(format!("{path}: the list has no element {name}")))?
            }
            Value::Object(fields) => fields.entry(name).or_insert(Value::Null),
            other => {
                *other = Value::Object(serde_json::Map::new());
                &mut other[name]
            }
        };
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_or_text() {
        assert_eq!(
            setting("data.email=ada@example.com"),
            Ok(("data.email".to_owned(), Value::from("ada@example.com")))
        );
        assert_eq!(setting("data.active=false"), Ok(("data.active".to_owned(), Value::from(false))));
        assert_eq!(setting("data.title=a=b"), Ok(("data.title".to_owned(), Value::from("a=b"))));
        assert!(setting("data").is_err());
        assert!(setting("data..x=1").is_err());
    }

    #[test]
    fn a_path_reaches_into_objects_and_lists() {
        let mut body = json!({ "data": { "groups": [{ "name": "Sales" }] } });
        set(&mut body, "data.groups.0.name", json!("Support")).unwrap();
        set(&mut body, "data.detail.title", json!("Designer")).unwrap();
        assert_eq!(body, json!({ "data": { "groups": [{ "name": "Support" }], "detail": { "title": "Designer" } } }));
        assert!(set(&mut body, "data.groups.7.name", json!("x")).is_err());
    }
}
