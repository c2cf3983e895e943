//! The types of webhook events, and the record that describes the `data` of each.
//!
//! The names come from the vendor's published examples (`tests/contract/webhook-events.json`), which must match the records: an event
//! without a record, or a field that its record does not have, is an error.

use crate::ir::{Definitions, Event, Type};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The records of the `data` of events, and the records inside them, in the order in which bindings list them.
pub(crate) const RECORDS: &[&str] = &[
    "GroupReference",
    "RoleReference",
    "DirectoryUserData",
    "DirectoryGroupData",
    "DirectoryData",
    "OrganizationData",
    "DomainData",
    "UserProfile",
    "UserData",
    "UserSession",
    "MembershipData",
    "SessionData",
    "ConnectionData",
    "RoleData",
    "PermissionData",
    "ConnectedAccountData",
];

/// Prefixes of events' names, and the record of the `data` of such events. The longest prefix that matches a name applies.
const DATA: &[(&str, &str)] = &[
    ("organization.", "OrganizationData"),
    ("organization.domain_", "DomainData"),
    ("organization.directory_", "DirectoryData"),
    ("organization.directory.user_", "DirectoryUserData"),
    ("organization.directory.group_", "DirectoryGroupData"),
    ("organization.sso_", "ConnectionData"),
    ("user.signup", "MembershipData"),
    ("user.organization_", "MembershipData"),
    ("user.login", "SessionData"),
    ("user.logout", "SessionData"),
    ("role.", "RoleData"),
    ("permission.", "PermissionData"),
    ("connected_account.", "ConnectedAccountData"),
];

/// The vendor's older names of events, each with the current name.
pub(crate) const OLDER_NAMES: &[(&str, &str)] = &[
    ("scalekit.dir.sync.enable", "organization.directory_enabled"),
    ("scalekit.dir.sync.disable", "organization.directory_disabled"),
    ("scalekit.dir.user.create", "organization.directory.user_created"),
    ("scalekit.dir.user.update", "organization.directory.user_updated"),
    ("scalekit.dir.user.delete", "organization.directory.user_deleted"),
    ("scalekit.dir.group.create", "organization.directory.group_created"),
    ("scalekit.dir.group.update", "organization.directory.group_updated"),
    ("scalekit.dir.group.delete", "organization.directory.group_deleted"),
];

/// The examples by name, in the order of the file. (serde_json's own map would sort them.)
struct Examples(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Examples {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Examples, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Examples;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of events by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Examples, A::Error> {
                let mut examples = Vec::new();
                while let Some(example) = map.next_entry()? {
                    examples.push(example);
                }
                Ok(Examples(examples))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Parses the file of examples.
fn examples(text: &str) -> Result<Vec<(String, Value)>, String> {
    let Examples(examples) =
        serde_json::from_str(text).map_err(|error| format!("tests/contract/webhook-events.json: {error}"))?;
    Ok(examples)
}

/// Returns the types of events that have an example in `text`.
pub(crate) fn events(text: &str) -> Result<Vec<Event>, String> {
    examples(text)?
        .into_iter()
        .map(|(name, _)| {
            let matching = DATA.iter().filter(|(prefix, _)| name.starts_with(prefix));
            let (_, data) = matching
                .max_by_key(|(prefix, _)| prefix.len())
                .ok_or_else(|| format!("codegen/src/events.rs names no record for the event {name}"))?;
            let variant = camel_case(&name);
            Ok(Event { name, variant, data: (*data).to_owned() })
        })
        .collect()
}

/// Converts `user.organization_invitation` to `UserOrganizationInvitation`.
fn camel_case(name: &str) -> String {
    name.split(['.', '_'])
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

/// Checks that every field of the examples in `text` is a field of their record and has its type.
pub(crate) fn check_examples(definitions: &Definitions, text: &str) -> Result<(), String> {
    for (name, example) in examples(text)? {
        let event =
            definitions.events.iter().find(|event| event.name == name).ok_or_else(|| format!("no event {name}"))?;
        check_value(definitions, &Type::Record(event.data.clone()), &example["data"], &format!("{name}: data"))?;
    }
    Ok(())
}

/// Checks that `value` is null or has the type `ty`. `place` is its path in errors.
fn check_value(definitions: &Definitions, ty: &Type, value: &Value, place: &str) -> Result<(), String> {
    let is_valid = match (ty, value) {
        (_, Value::Null) | (Type::Json, _) => true,
        (Type::Optional(inner), value) => return check_value(definitions, inner, value, place),
        (Type::Text | Type::Timestamp, Value::String(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Map, Value::Object(_)) => true,
        (Type::List(inner), Value::Array(items)) => {
            return items.iter().try_for_each(|item| check_value(definitions, inner, item, place));
        }
        (Type::Record(name), Value::Object(object)) => {
            let record = definitions.record(name)?;
            for (key, value) in object {
                let field = record.fields.iter().find(|field| field.name == *key);
                let field = field.ok_or_else(|| format!("{place}: {name} has no field {key}"))?;
                check_value(definitions, &field.ty, value, &format!("{place}.{key}"))?;
            }
            true
        }
        _ => false,
    };
    if is_valid { Ok(()) } else { Err(format!("{place}: the example does not have the type {ty:?}")) }
}
