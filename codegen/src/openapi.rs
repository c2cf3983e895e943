//! Writes the JSON Schemas of records and enums for the OpenAPI document of `headcount serve`.

use crate::doc;
use crate::ir::{Definitions, Field, Type};
use crate::write::Output;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The records that the API returns. The schemas of what they contain are written as well.
const ROOTS: &[&str] = &[
    "Change",
    "Consumer",
    "DirectoryStatus",
    "Explanation",
    "HistoryEntry",
    "Hold",
    "MirrorDirectory",
    "MirrorGroup",
    "MirrorUser",
    "ParkedChange",
    "ReceivedEvent",
    "Run",
    "SyncReport",
];

pub(crate) fn emit(definitions: &Definitions) -> Result<Vec<Output>, String> {
    let mut schemas = Map::new();
    let mut names: Vec<String> = ROOTS.iter().map(|&name| name.to_owned()).collect();
    let mut seen: BTreeSet<String> = names.iter().cloned().collect();
    while let Some(name) = names.pop() {
        let mut references = Vec::new();
        schemas.insert(name.clone(), schema(definitions, &name, &mut references)?);
        names.extend(references.into_iter().filter(|name| seen.insert(name.clone())));
    }
    schemas.sort_keys();
    let content = serde_json::to_string_pretty(&schemas).map_err(|error| error.to_string())? + "\n";
    Ok(vec![Output { path: "cli/src/serve/schemas.json".to_owned(), content }])
}

/// Makes the schema of a record, an enum or a union. The names of the schemas that it refers to are added to `references`.
fn schema(definitions: &Definitions, name: &str, references: &mut Vec<String>) -> Result<Value, String> {
    if name == "Error" {
        return Ok(error(definitions));
    }
    if let Some(record) = definitions.records.iter().find(|record| record.name == name) {
        let properties: Map<String, Value> =
            record.fields.iter().map(|field| (field.name.clone(), property(field, references))).collect();
        let required: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
        return Ok(json!({
            "type": "object",
            "description": text(&record.doc),
            "properties": properties,
            "required": required,
        }));
    }
    if let Some(union) = definitions.unions.iter().find(|union| union.name == name) {
        let variants: Vec<Value> = union.variants.iter().map(|variant| of_type(&variant.ty, references)).collect();
        return Ok(json!({ "description": text(&union.doc), "anyOf": variants }));
    }
    let one = definitions.enumeration(name)?;
    let names: Vec<&str> = one.members.iter().map(|member| member.name.as_str()).collect();
    let description = text(&one.doc);
    // A later version can add members, so a client has to accept other names: the members are in the description.
    let members = one.members.iter().map(|member| format!("- `{}`: {}", member.name, text(&member.doc)));
    let members = members.collect::<Vec<_>>().join("\n");
    Ok(match one.open {
        true => json!({ "type": "string", "description": format!("{description}\n\n{members}"), "examples": names }),
        false => json!({ "type": "string", "description": format!("{description}\n\n{members}"), "enum": names }),
    })
}

/// The schema of an error in a record: `core/src/error/json.rs` has its fields.
fn error(definitions: &Definitions) -> Value {
    let kinds: Vec<&str> = definitions
        .enumeration("ErrorKind")
        .map(|kinds| kinds.members.iter().map(|member| member.name.as_str()).collect())
        .unwrap_or_default();
    json!({
        "type": "object",
        "description": "An error: its kind, and a message that says what was wrong and what to do.",
        "properties": {
            "kind": { "type": "string", "enum": kinds },
            "message": { "type": "string" },
        },
        "required": ["kind", "message"],
    })
}

fn property(field: &Field, references: &mut Vec<String>) -> Value {
    let mut schema = of_type(&field.ty, references);
    if let Value::Object(keys) = &mut schema {
        keys.insert("description".to_owned(), text(&field.doc).into());
    }
    schema
}

fn of_type(ty: &Type, references: &mut Vec<String>) -> Value {
    match ty {
        Type::Text => json!({ "type": "string" }),
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int { signed, bits } => {
            let mut schema = json!({ "type": "integer", "format": if *bits > 32 { "int64" } else { "int32" } });
            if !signed {
                schema["minimum"] = 0.into();
            }
            schema
        }
        Type::Float | Type::Duration => json!({ "type": "number" }),
        Type::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Type::Json => json!({}),
        Type::Enum { name, .. } | Type::Record(name) | Type::Union(name) => reference(name, references),
        Type::Error => reference("Error", references),
        Type::Optional(ty) => match of_type(ty, references) {
            Value::Object(mut schema) if schema.get("type").is_some_and(Value::is_string) => {
                let name = schema.remove("type");
                schema.insert("type".to_owned(), json!([name, "null"]));
                Value::Object(schema)
            }
            schema if schema == json!({}) => schema,
            schema => json!({ "anyOf": [schema, { "type": "null" }] }),
        },
        Type::List(ty) => json!({ "type": "array", "items": of_type(ty, references) }),
        Type::Map => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    }
}

fn reference(name: &str, references: &mut Vec<String>) -> Value {
    references.push(name.to_owned());
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Returns a doc comment as a description, with each paragraph on one line.
fn text(doc: &str) -> String {
    let plain = doc::plain(doc);
    plain
        .split("\n\n")
        .map(|paragraph| paragraph.replace("\n- ", "\u{0}").replace('\n', " ").replace('\u{0}', "\n- "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
