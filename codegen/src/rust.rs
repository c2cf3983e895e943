//! Writes the types of webhook events for the core, and the examples of events for the sandbox.

use crate::doc;
use crate::events::OLDER_NAMES;
use crate::ir::{Definitions, Event};
use crate::write::{GENERATED, Output, render};
use serde::Serialize;

/// The context of `event_type.jinja`.
#[derive(Serialize)]
struct EventTypes<'a> {
    generated: &'static str,
    records: Vec<&'a str>,
    events: &'a [Event],
    older_names: &'a [(&'a str, &'a str)],
    objects: Vec<Object<'a>>,
}

/// A record that is the `data` of one or more types of events.
#[derive(Serialize)]
struct Object<'a> {
    record: &'a str,
    /// The record's name without `Data`.
    variant: &'a str,
    doc: String,
    /// The paths of these types, such as `EventType::UserLogin`.
    events: Vec<String>,
}

pub(crate) fn emit(definitions: &Definitions) -> Result<Vec<Output>, String> {
    let mut objects: Vec<Object<'_>> = Vec::new();
    for event in &definitions.events {
        let name = format!("EventType::{}", event.variant);
        match objects.iter_mut().find(|object| object.record == event.data) {
            Some(object) => object.events.push(name),
            None => objects.push(Object {
                record: &event.data,
                variant: event.data.strip_suffix("Data").unwrap_or(&event.data),
                doc: doc::summary(&definitions.record(&event.data)?.doc),
                events: vec![name],
            }),
        }
    }
    let mut records: Vec<&str> = objects.iter().map(|object| object.record).collect();
    records.sort_unstable();
    let context =
        EventTypes { generated: GENERATED, records, events: &definitions.events, older_names: OLDER_NAMES, objects };
    let content = render("event_type.jinja", include_str!("../templates/rust/event_type.jinja"), context)?;
    Ok(vec![
        Output { path: "core/src/webhook/event_type.rs".to_owned(), content },
        // A copy of `tests/contract/webhook-events.json`: the sandbox includes it, and a published package cannot include files outside of itself.
        Output { path: "sandbox/src/webhook-events.json".to_owned(), content: compact(&definitions.examples) + "\n" },
    ])
}

/// Removes the white space between the tokens of a JSON text.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for letter in json.chars() {
        if in_string {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
        } else if letter.is_whitespace() {
            continue;
        } else if letter == '"' {
            in_string = true;
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_inside_texts_is_kept() {
        assert_eq!(compact("{ \"a b\": [1,\n 2], \"c\\\" \": null }"), r#"{"a b":[1,2],"c\" ":null}"#);
    }
}
