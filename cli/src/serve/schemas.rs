//! The schemas of records in the OpenAPI document. They are generated from the definitions of the records, in `schemas.json`; the types here are their names.

use serde_json::{Map, Value};
use std::borrow::Cow;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// The generated schemas, by name.
const SCHEMAS: &str = include_str!("schemas.json");

macro_rules! records {
    ($($name:ident,)*) => { $(
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                // Replaced by the generated schema.
                Schema::Object(Object::default()).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )* };
}

records! {
    Change,
    Consumer,
    DirectoryStatus,
    Explanation,
    HistoryEntry,
    Hold,
    MirrorDirectory,
    MirrorGroup,
    MirrorUser,
    ParkedChange,
    ReceivedEvent,
    Run,
    SyncReport,
}

/// Returns the document with the generated schemas.
///
/// # Errors
///
/// If one of them is not JSON, which a test excludes.
pub(super) fn complete(document: &OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(document)?;
    let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS)?;
    if let Some(Value::Object(existing)) = document.pointer_mut("/components/schemas") {
        existing.extend(schemas);
    }
    Ok(document)
}
