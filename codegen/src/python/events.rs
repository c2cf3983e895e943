//! The types of webhook events: `headcount/events.py` and a file that mypy checks.

use super::{docstring, quoted};
use crate::events::RECORDS;
use crate::ir::{Definitions, Event, Record, Type};
use crate::write::{self, GENERATED, Output};
use serde::Serialize;

const MODULE: &str = include_str!("../../templates/python/events.py.jinja");
const SAMPLE: &str = include_str!("../../templates/python/typing_events.py.jinja");

/// The context of `events.py.jinja`.
#[derive(Serialize)]
struct Module<'a> {
    generated: &'static str,
    objects: Vec<Object>,
    events: &'a [Event],
}

/// The context of `typing_events.py.jinja`.
#[derive(Serialize)]
struct Checked {
    generated: &'static str,
    samples: Vec<Sample>,
}

#[derive(Serialize)]
struct Object {
    name: String,
    doc: String,
    fields: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    doc: String,
    ty: String,
}

#[derive(Serialize)]
struct Sample {
    variant: String,
    /// Name of a variable for the event's data.
    variable: String,
    /// Name of the first field of the data.
    field: String,
}

pub(super) fn emit(definitions: &Definitions) -> Result<Vec<Output>, String> {
    let mut objects = Vec::new();
    for name in RECORDS {
        objects.push(object(definitions.record(name)?)?);
    }
    let mut samples = Vec::new();
    for event in &definitions.events {
        let field = definitions.record(&event.data)?.fields.first();
        samples.push(Sample {
            variant: event.variant.clone(),
            variable: event.data.to_lowercase(),
            field: field.map(|field| field.name.clone()).ok_or_else(|| format!("{} has no fields", event.data))?,
        });
    }
    let module = Module { generated: GENERATED, objects, events: &definitions.events };
    let checked = Checked { generated: GENERATED, samples };
    Ok(vec![
        Output {
            path: "bindings-python/python/headcount/events.py".to_owned(),
            content: write::render("events.py.jinja", MODULE, module)?,
        },
        Output {
            path: "bindings-python/tests/typing_events.py".to_owned(),
            content: write::render("typing_events.py.jinja", SAMPLE, checked)?,
        },
    ])
}

fn object(record: &Record) -> Result<Object, String> {
    let fields = record.fields.iter().map(|field| {
        let doc = docstring(&field.doc).join(" ");
        let ty = annotation(&field.ty).map_err(|problem| format!("{}.{}: {problem}", record.name, field.name))?;
        Ok(Key { name: field.name.clone(), doc: format!("    \"\"\"{doc}\"\"\""), ty })
    });
    Ok(Object {
        name: record.name.clone(),
        doc: quoted(&record.doc, 4),
        fields: fields.collect::<Result<_, String>>()?,
    })
}

/// Returns the type annotation of a key. Data is the `dict` that the JSON decodes to, so a time is text.
fn annotation(ty: &Type) -> Result<String, String> {
    Ok(match ty {
        Type::Text => "str".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Timestamp => "str".to_owned(),
        Type::Map => "Optional[Dict[str, str]]".to_owned(),
        Type::Record(name) => name.clone(),
        Type::List(inner) => format!("List[{}]", annotation(inner)?),
        Type::Optional(inner) if matches!(**inner, Type::Json) => "Any".to_owned(),
        Type::Json => "Any".to_owned(),
        Type::Optional(inner) => format!("Optional[{}]", annotation(inner)?),
        other => return Err(format!("the data of an event cannot have the type {other:?}")),
    })
}
