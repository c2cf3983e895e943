//! Writes the files of the Node binding: TypeScript declarations with JSDoc comments, and the table of error classes.
//!
//! The templates have the layout of each file; this module decides names, types and the wording of documentation.

use crate::doc;
use crate::ir::{Definitions, Enumeration, Field, Record, Shape, Type};
use crate::write::{GENERATED, Output, render};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The records that `records.d.ts` declares, in the order of the file; `Change` follows them. The interfaces of options are written by hand, in
/// `options.d.ts.jinja`.
const RECORDS: &[&str] = &[
    "Organization",
    "OrganizationSettings",
    "Feature",
    "PortalLink",
    "OrganizationFields",
    "Directory",
    "DirectoryStats",
    "AttributeMappings",
    "AttributeMapping",
    "RoleAssignments",
    "RoleAssignment",
    "DirectorySecret",
    "DirectoryToggle",
    "User",
    "Group",
    "Stats",
    "Activity",
    "MirrorUser",
    "MirrorGroup",
    "MirrorDirectory",
    "DirectoryStatus",
    "Hold",
    "Approval",
    "Retirement",
    "Erasure",
    "OrganizationErasure",
    "PendingEvent",
    "Run",
    "ReceivedEvent",
    "CopiedTable",
    "CopyReport",
    "RoleMapEntry",
    "GuardSettings",
    "IgnoredSetting",
    "MirrorSettings",
    "Progress",
    "SyncReport",
    "HistoryEntry",
    "RoleGrant",
    "ExplainedChange",
    "Explanation",
    "ParkedChange",
    "Consumer",
];

/// The enums that the package declares, in the order of the file.
const ENUMS: &[&str] = &[
    "RegionCode",
    "DirectoryType",
    "DirectoryProvider",
    "SecretStatus",
    "ActivityKind",
    "Level",
    "ErrorKind",
    "Reason",
    "SyncMode",
    "SyncOutcome",
    "RunOutcome",
    "UserState",
    "Phase",
    "Outcome",
    "HoldReason",
    "RoleMapKey",
    "ExportFormat",
    "ChangeKind",
];

/// Records that applications pass as arguments.
const ARGUMENTS: &[&str] = &["OrganizationFields"];

/// Types that have another name in Node: the name in Rust and the name in Node.
const RENAMED: &[(&str, &str)] =
    &[("Consumer", "FeedConsumer"), ("Progress", "SyncProgress"), ("Phase", "SyncPhase"), ("Level", "ActivityLevel")];

/// Enums, besides the open ones, whose TypeScript type accepts any string, because later versions add members.
const OPEN: &[&str] = &["ActivityKind"];

/// Error kinds whose class is a subclass of `ApiError`: those that core's `ErrorKind::from_http_status` returns, except `api` itself.
const API_ERRORS: &[&str] =
    &["bad_request", "authentication", "permission_denied", "not_found", "rate_limit", "server"];

/// A field that a record has in Node but not in Rust.
struct ExtraField {
    record: &'static str,
    /// Name of the field that it is inserted after.
    after: &'static str,
    name: &'static str,
    ty: &'static str,
    doc: &'static str,
}

const EXTRA_FIELDS: &[ExtraField] = &[
    ExtraField {
        record: "Activity",
        after: "level",
        name: "message",
        ty: "string",
        doc: "The activity as one line for a log.",
    },
    ExtraField {
        record: "Explanation",
        after: "outlook",
        name: "text",
        ty: "(options?: { personal?: boolean | undefined }) => string",
        doc: "Returns the explanation as English text of several lines, for a ticket. Without `personal`, people are named by their directory ids only. \
              With it, the text has names, addresses, accounts, the names of groups, and who decided about holds with which note. `String()` returns it \
              without personal data.",
    },
    ExtraField { record: "Activity", after: "kind", name: "level", ty: "ActivityLevel", doc: "Severity for a log." },
];

/// Names in Rust's documentation that [`Writer::code`] cannot derive: the name in Rust and the name in Node.
const NAMES_IN_DOCS: &[(&str, &str)] = &[
    ("full_every", "fullEverySeconds"),
    ("guard_window", "guardWindowSeconds"),
    ("retention", "retentionSeconds"),
    ("history", "historySeconds"),
    ("deletion_grace", "deletionGraceSeconds"),
    ("consumer_expiry", "consumerExpirySeconds"),
    ("guard_users", "guardUsers"),
    ("include_detail", "includeDetail"),
    ("approve_removals", "approveRemovals"),
    ("start_from_snapshot", "startFromSnapshot"),
    ("Activity::wait", "waitMs"),
];

/// An interface for the templates.
#[derive(Serialize)]
struct Interface {
    name: String,
    doc: String,
    fields: Vec<Property>,
}

/// A property of an interface.
#[derive(Serialize)]
struct Property {
    name: String,
    /// Whether the property may be missing.
    optional: bool,
    ty: String,
    doc: String,
}

/// A union of literals.
#[derive(Serialize)]
struct Literals {
    name: String,
    doc: String,
    /// The right-hand side of the type's declaration.
    values: String,
}

/// An error class.
#[derive(Serialize)]
struct Class {
    name: String,
    kind: String,
    base: &'static str,
    doc: String,
    fields: Vec<Property>,
}

/// The context of all templates.
#[derive(Serialize)]
struct Context {
    generated: &'static str,
    records: Vec<Interface>,
    change: Interface,
    /// The members of the union `Change`.
    shapes: Vec<String>,
    enums: Vec<Literals>,
    classes: Vec<Class>,
    event_records: Vec<Interface>,
    event_types: Vec<EventType>,
    /// Default values of settings, by `Type.field`, and public constants.
    defaults: BTreeMap<String, DefaultValue>,
}

/// A default value in each unit that options have. A unit that the value does not have is missing, so that a template which uses it
/// fails.
#[derive(Serialize)]
struct DefaultValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<String>,
}

/// A type of webhook event.
#[derive(Serialize)]
struct EventType {
    name: String,
    data: String,
    doc: String,
    /// Name of a field of the data, for `types/events.ts`, which the TypeScript compiler checks.
    field: String,
}

pub(crate) fn emit(definitions: &Definitions) -> Result<Vec<Output>, String> {
    let writer = Writer::new(definitions);
    let records =
        RECORDS.iter().map(|name| writer.interface(definitions.record(name)?, 0)).collect::<Result<Vec<_>, _>>()?;
    let change = writer.change(definitions)?;
    let enums = ENUMS
        .iter()
        .map(|name| Ok(writer.literals(definitions.enumeration(name)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let classes = writer.classes(definitions)?;
    let event_records: Vec<_> = crate::events::RECORDS
        .iter()
        .map(|name| Ok(writer.event_interface(definitions.record(name)?)))
        .collect::<Result<_, String>>()?;
    let event_types = writer.event_types(definitions)?;

    let context = Context {
        generated: GENERATED,
        records,
        change,
        shapes: definitions.shapes.iter().map(change_of).collect(),
        enums,
        classes,
        event_records,
        event_types,
        defaults: defaults(definitions),
    };
    [
        (include_str!("../templates/node/records.d.ts.jinja"), "records.d.ts"),
        (include_str!("../templates/node/options.d.ts.jinja"), "options.d.ts"),
        (include_str!("../templates/node/errors.d.ts.jinja"), "errors.d.ts"),
        (include_str!("../templates/node/error-classes.js.jinja"), "error-classes.js"),
        (include_str!("../templates/node/events.d.ts.jinja"), "events.d.ts"),
        (include_str!("../templates/node/events.ts.jinja"), "types/events.ts"),
    ]
    .into_iter()
    .map(|(template, path)| {
        Ok(Output { path: format!("bindings-node/{path}"), content: render(path, template, &context)? })
    })
    .collect()
}

/// Returns the public constants (by `NAME` or `Type::NAME`) and default values (by `Type.field`), in the units in which templates print them.
fn defaults(definitions: &Definitions) -> BTreeMap<String, DefaultValue> {
    let constants = definitions.constants.iter().map(|(name, constant)| (name, &constant.value));
    let values = definitions.defaults.iter().chain(constants);
    values
        .map(|(name, value)| {
            (name.clone(), DefaultValue { number: number(value), seconds: seconds(value), ms: milliseconds(value) })
        })
        .collect()
}

/// Formats a number: `100000` as `100,000`, and one with a fraction unchanged. `None` if the value is not a number.
fn number(value: &str) -> Option<String> {
    value.parse::<f64>().ok()?;
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.to_owned());
    }
    let mut text = String::new();
    for (index, digit) in value.chars().enumerate() {
        if index > 0 && (value.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    Some(text)
}

/// Formats a duration, such as `60 s` or `250 ms`, as a number of milliseconds. `None` for other values.
fn milliseconds(value: &str) -> Option<String> {
    let milliseconds = match value.split_once(' ')? {
        (amount, "s") => amount.parse::<u64>().ok()?.checked_mul(1000)?,
        (amount, "ms") => amount.parse().ok()?,
        _ => return None,
    };
    number(&milliseconds.to_string())
}

/// Formats a duration such as `60 s` as a number of seconds. `None` for other values.
fn seconds(value: &str) -> Option<String> {
    number(value.strip_suffix(" s")?)
}

/// Converts definitions to the values that templates print.
struct Writer {
    /// Names of all fields of [`RECORDS`], in snake case. In documentation they are replaced by the names of the properties.
    fields: BTreeSet<String>,
}

impl Writer {
    fn new(definitions: &Definitions) -> Writer {
        let declared = definitions.records.iter().filter(|record| RECORDS.contains(&record.name.as_str()));
        Writer { fields: declared.flat_map(|record| &record.fields).map(|field| field.name.clone()).collect() }
    }

    fn interface(&self, record: &Record, indent: usize) -> Result<Interface, String> {
        let mut fields = Vec::new();
        for field in &record.fields {
            fields.push(self.property(record, field, indent + 2)?);
        }
        // In reverse order, because an entry may name a field in `after` that a later entry inserts: `message` names `level`.
        for extra in EXTRA_FIELDS.iter().rev().filter(|extra| extra.record == record.name) {
            let at = fields.iter().position(|field| field.name == extra.after);
            let at = at.ok_or_else(|| format!("{} has no field {}", record.name, extra.after))?;
            let doc = comment(extra.doc, indent + 2);
            fields.insert(
                at + 1,
                Property { name: extra.name.to_owned(), optional: false, ty: extra.ty.to_owned(), doc },
            );
        }
        Ok(Interface {
            name: renamed(&record.name).to_owned(),
            doc: comment(&self.doc(&record.doc, absent_value(record)), indent),
            fields,
        })
    }

    /// Returns the interface of a change. The types of some fields depend on the kind of the change: the template makes them type
    /// parameters.
    fn change(&self, definitions: &Definitions) -> Result<Interface, String> {
        let mut change = self.interface(definitions.record("Change")?, 0)?;
        for name in ["kind"].iter().chain(&Shape::NARROWED) {
            let field = change.fields.iter_mut().find(|field| field.name == *name);
            let (first, rest) = name.split_at(1);
            field.ok_or_else(|| format!("Change has no field {name}"))?.ty = first.to_ascii_uppercase() + rest;
        }
        Ok(change)
    }

    /// Converts a field to a property. In records of the mirror, a field without a value is null; in other records it is missing, as in
    /// the vendor's JSON.
    fn property(&self, record: &Record, field: &Field, indent: usize) -> Result<Property, String> {
        let (inner, absent) = field.ty.optional();
        let nullable = is_nullable(record);
        let mut ty = type_of(inner).map_err(|problem| format!("{}.{}: {problem}", record.name, field.name))?;
        if absent && nullable {
            ty.push_str(" | null");
        }
        let mut text = self.doc(&field.doc, absent_value(record));
        if text.is_empty() {
            return Err(format!("{}.{} has no documentation", record.name, field.name));
        }
        let mut name = camel_case(&field.name);
        match inner {
            Type::Timestamp if !text.contains("RFC 3339") => text.push_str(" An RFC 3339 string."),
            // The settings of a mirror are in seconds, as its options are.
            Type::Duration if nullable => {
                name.push_str("Seconds");
                text.push_str(" In seconds.");
            }
            Type::Duration => {
                name.push_str("Ms");
                text.push_str(" In milliseconds.");
            }
            _ => {}
        }
        let optional = absent && !nullable;
        if optional && ARGUMENTS.contains(&record.name.as_str()) {
            // With TypeScript's `exactOptionalPropertyTypes`, an optional property does not accept undefined.
            ty.push_str(" | undefined");
        }
        Ok(Property { name, optional, ty, doc: comment(&text, indent) })
    }

    /// Converts an enum to a union of string literals.
    fn literals(&self, one: &Enumeration) -> Literals {
        let mut text = self.doc(&one.doc, "null");
        text.push('\n');
        for member in &one.members {
            text.push_str(&format!("\n- `{}`: {}", member.name, self.doc(&doc::summary(&member.doc), "null")));
        }
        let mut values: Vec<String> = one.members.iter().map(|member| format!("'{}'", member.name)).collect();
        if one.open || OPEN.contains(&one.name.as_str()) {
            // Accepts any string. With a plain `string` here, TypeScript would drop the literals, and editors would no longer suggest them.
            values.push("(string & {})".to_owned());
        }
        let line = values.join(" | ");
        let values = if line.len() <= 110 { format!(" {line}") } else { format!("\n  | {}", values.join("\n  | ")) };
        Literals { name: renamed(&one.name).to_owned(), doc: comment(&text, 0), values }
    }

    /// Returns the classes of error kinds in the order of the kinds.
    fn classes(&self, definitions: &Definitions) -> Result<Vec<Class>, String> {
        let mut classes = Vec::new();
        for kind in &definitions.enumeration("ErrorKind")?.members {
            let name = kind.class.clone().ok_or_else(|| format!("the error kind {} has no class", kind.name))?;
            let base = if API_ERRORS.contains(&kind.name.as_str()) { "ApiError" } else { "Error" };
            let fields = if kind.name == "mass_removal" {
                let Interface { mut fields, .. } = self.interface(definitions.record("Removals")?, 2)?;
                fields.iter_mut().for_each(|field| field.ty = field.ty.replace("string[]", "readonly string[]"));
                fields
            } else {
                Vec::new()
            };
            classes.push(Class {
                name,
                kind: kind.name.clone(),
                base,
                doc: comment(&self.doc(&kind.doc, "undefined"), 2),
                fields,
            });
        }
        Ok(classes)
    }

    /// Returns the interface of an event's data, with the vendor's names. Every field except the id may be missing, and most may be null.
    fn event_interface(&self, record: &Record) -> Interface {
        let property = |field: &Field| {
            let (inner, _) = field.ty.optional();
            let id = field.name == "id";
            let ty = match inner {
                Type::Text if id => "string".to_owned(),
                Type::Text | Type::Timestamp => "string | null".to_owned(),
                Type::Bool => "boolean".to_owned(),
                Type::Map => "Record<string, string> | null".to_owned(),
                Type::Record(name) => name.clone(),
                Type::List(item) => match item.as_ref() {
                    Type::Record(name) => format!("{name}[]"),
                    _ => "string[]".to_owned(),
                },
                _ => "unknown".to_owned(),
            };
            let text = doc::plain(&field.doc).replace(", or `None` if", ", if").replace("`None`", "missing");
            Property { name: field.name.clone(), optional: !id, ty, doc: comment(&text, 2) }
        };
        Interface {
            name: record.name.clone(),
            doc: comment(&doc::plain(&record.doc), 0),
            fields: record.fields.iter().map(property).collect(),
        }
    }

    fn event_types(&self, definitions: &Definitions) -> Result<Vec<EventType>, String> {
        let members = definitions.enumeration("EventType").map(|one| one.members.as_slice()).unwrap_or_default();
        let event_type = |event: &crate::ir::Event| {
            let record = definitions.record(&event.data)?;
            let field = record.fields.first().map(|field| field.name.clone()).unwrap_or_default();
            let member = members.iter().find(|member| member.name == event.name);
            let text = member.map(|member| doc::summary(&member.doc)).filter(|text| !text.is_empty());
            let text = text.unwrap_or_else(|| format!("`{}`.", event.name));
            Ok(EventType { name: event.name.clone(), data: event.data.clone(), doc: comment(&text, 2), field })
        };
        definitions.events.iter().map(event_type).collect()
    }

    /// Converts a doc comment for JavaScript: removes rustdoc's links, converts names to camelCase, and replaces `None` by `absent`.
    fn doc(&self, markdown: &str, absent: &str) -> String {
        let plain = doc::plain(markdown);
        let mut text = String::new();
        for (index, part) in plain.split('`').enumerate() {
            if index % 2 == 0 {
                text.push_str(part);
            } else if part == "None" {
                text.push_str(absent);
            } else {
                text.push_str(&format!("`{}`", self.code(part)));
            }
        }
        text
    }

    /// Converts code in documentation: `user_detail.active` becomes `userDetail.active`, and `Mirror::held_removals` becomes `mirror.heldRemovals`.
    fn code(&self, code: &str) -> String {
        if let Some((_, name)) = NAMES_IN_DOCS.iter().find(|(rust, _)| *rust == code) {
            return (*name).to_owned();
        }
        if let Some((object, member)) = code.split_once("::") {
            let (first, rest) = object.split_at(object.len().min(1));
            return format!("{}{rest}.{}", first.to_ascii_lowercase(), camel_case(member));
        }
        if code.split('.').next().is_some_and(|name| self.fields.contains(name)) {
            camel_case(code)
        } else {
            code.to_owned()
        }
    }
}

/// Returns the member of the union `Change` for the kinds of a shape.
fn change_of(shape: &Shape) -> String {
    let kinds: Vec<String> = shape.kinds.iter().map(|kind| format!("'{kind}'")).collect();
    let types: Vec<&str> = Shape::NARROWED.iter().map(|field| shape.record_of(field).unwrap_or("null")).collect();
    let line = format!("ChangeOf<{}, {}>", kinds.join(" | "), types.join(", "));
    if line.chars().count() <= 136 {
        return line;
    }
    let kinds = kinds.iter().map(|kind| format!("\n      | {kind}")).collect::<String>();
    let types = types.iter().map(|ty| format!(",\n      {ty}")).collect::<String>();
    format!("ChangeOf<{kinds}{types}\n    >")
}

/// Returns whether a field without a value is null (in records of the mirror) or missing (in all others).
fn is_nullable(record: &Record) -> bool {
    record.file.contains("/record/")
}

/// Returns what JavaScript reads from a field without a value.
fn absent_value(record: &Record) -> &'static str {
    if is_nullable(record) { "null" } else { "undefined" }
}

/// Returns the name in Node of a type.
fn renamed(name: &str) -> &str {
    RENAMED.iter().find(|(rust, _)| *rust == name).map_or(name, |(_, node)| *node)
}

/// Returns a type in TypeScript.
fn type_of(ty: &Type) -> Result<String, String> {
    Ok(match ty {
        Type::Text | Type::Timestamp => "string".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Int { .. } | Type::Float | Type::Duration => "number".to_owned(),
        Type::Json => "Record<string, unknown>".to_owned(),
        Type::Map => "Record<string, string>".to_owned(),
        Type::Error => "errors.Error".to_owned(),
        Type::Enum { name, .. } | Type::Record(name) => renamed(name).to_owned(),
        Type::Union(_) => "MirrorUser | MirrorGroup".to_owned(),
        Type::Optional(_) => return Err("an optional value inside another type".to_owned()),
        Type::List(item) => format!("{}[]", type_of(item)?),
    })
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        out.push_str(&first.to_ascii_uppercase());
        out.push_str(rest);
    }
    out
}

/// Formats a text as a JSDoc comment with lines of at most 139 columns, or 143 if it is on one line. The first line is not indented: the template
/// does that.
fn comment(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let lines = fill(text.trim(), 136 - indent);
    if let [line] = lines.as_slice() {
        return format!("/** {line} */");
    }
    let body: Vec<String> = lines.iter().map(|line| format!("{margin} * {line}").trim_end().to_owned()).collect();
    format!("/**\n{}\n{margin} */", body.join("\n"))
}

/// Breaks a text into lines of at most `width` characters. Paragraphs (separated by an empty line) and list items are kept apart.
fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Whether the last line is still empty, so that the next word is appended without a space.
    let mut begin = true;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() {
            // One line that stays empty, and one for the next paragraph.
            lines.push(String::new());
            begin = true;
            lines.push(String::new());
            continue;
        }
        if line.starts_with("- ") && !begin {
            lines.push(String::new());
            begin = true;
        }
        for word in line.split_whitespace() {
            let count = lines.len();
            let last = &mut lines[count - 1];
            if begin {
                last.push_str(word);
                begin = false;
            } else if last.chars().count() + 1 + word.chars().count() <= width {
                last.push(' ');
                last.push_str(word);
            } else {
                lines.push(word.to_owned());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        Writer { fields: BTreeSet::from(["user_detail".to_owned(), "updated_at".to_owned()]) }
    }

    #[test]
    fn names_in_documentation_are_converted_to_javascript() {
        let text = "From `user_detail.active`, or `None`: see `Mirror::held_removals` and `already_running`.";
        assert_eq!(
            writer().doc(text, "null"),
            "From `userDetail.active`, or null: see `mirror.heldRemovals` and `already_running`."
        );
    }

    #[test]
    fn a_long_comment_is_a_block_with_filled_lines() {
        assert_eq!(comment("Short.", 2), "/** Short. */");
        let long = "word ".repeat(40);
        let block = comment(&long, 2);
        assert!(block.starts_with("/**\n   * word"), "{block}");
        assert!(block.ends_with("\n   */"), "{block}");
        assert!(block.lines().all(|line| line.chars().count() <= 140), "{block}");
    }

    #[test]
    fn defaults_are_formatted_in_the_unit_of_the_option() {
        assert_eq!(milliseconds("60 s").as_deref(), Some("60,000"));
        assert_eq!(milliseconds("250 ms").as_deref(), Some("250"));
        assert_eq!(seconds("259200 s").as_deref(), Some("259,200"));
        assert_eq!(number("0.1").as_deref(), Some("0.1"));
        assert_eq!(number("60 s"), None);
    }

    #[test]
    fn each_list_item_starts_a_line() {
        assert_eq!(fill("Kinds.\n\n- `a`: one\n- `b`: two", 80), ["Kinds.", "", "- `a`: one", "- `b`: two"]);
    }
}
