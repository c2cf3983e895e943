//! The definitions that emitters work with: records, enums, unions, constants and events, each with its documentation.
//!
//! Built by [`crate::read`]. Nothing here depends on a target language.

use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that was read from the sources in `core` and from the vendor's examples of events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definitions {
    /// The records of [`crate::surface::RECORDS`], then those of [`crate::events::RECORDS`].
    pub(crate) records: Vec<Record>,
    /// All public enums without data, in the order in which they were read.
    pub(crate) enums: Vec<Enumeration>,
    /// The unions of [`crate::surface::UNIONS`]: enums whose variants have one value each.
    pub(crate) unions: Vec<Union>,
    /// Public constants, by `NAME` or `Type::NAME`.
    pub(crate) constants: BTreeMap<String, Constant>,
    /// Default values from `impl Default`, by `Type.field`, in the form of [`Field::default`]. Includes those of types that are not
    /// records, such as `Settings`.
    pub(crate) defaults: BTreeMap<String, String>,
    /// The fields that the changes of each kind have, in the order in which `ChangeKind::present_fields` lists them. Each kind is in one of them.
    pub(crate) shapes: Vec<Shape>,
    /// The types of webhook events, in the order of `tests/contract/webhook-events.json`.
    pub(crate) events: Vec<Event>,
    /// The vendor's published examples as JSON text: one of each type of event.
    pub(crate) examples: String,
}

/// A struct whose fields are all public.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Record {
    /// Rust's name, such as `MirrorUser`.
    pub(crate) name: String,
    /// Documentation in Markdown, with the line breaks of the source and without the space after `///`.
    pub(crate) doc: String,
    /// The fields in the order of the definition.
    pub(crate) fields: Vec<Field>,
    /// The file that defines it, from the repository's root.
    pub(crate) file: String,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Field {
    /// Rust's name, in snake case.
    pub(crate) name: String,
    /// Documentation in Markdown.
    pub(crate) doc: String,
    /// The type.
    pub(crate) ty: Type,
    /// The value in the record's `impl Default`: `20`, `0.1`, `true`, `"text"`, or a duration such as `60 s` or `250 ms`. `None` if
    /// there is no such `impl`, or if the value is of another kind.
    pub(crate) default: Option<String>,
    /// Whether the field holds personal data, which no text form for logs (`repr`, `Debug`) may show.
    pub(crate) personal: bool,
}

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    /// `String`, `&str`, or a type that bindings show as text, such as an HTTP method.
    Text,
    /// `bool`.
    Bool,
    /// An integer.
    Int {
        /// Whether it may be negative.
        signed: bool,
        /// Its size: 8, 16, 32 or 64. `usize` counts as 64.
        bits: u8,
    },
    /// `f64`.
    Float,
    /// A point in time: RFC 3339 text in most languages.
    Timestamp,
    /// Raw JSON.
    Json,
    /// A span of time.
    Duration,
    /// An enum of this name.
    Enum {
        /// Rust's name.
        name: String,
        /// Whether values that are not members are kept as text.
        open: bool,
    },
    /// A record of this name.
    Record(String),
    /// A union of this name.
    Union(String),
    /// The error type.
    Error,
    /// A value that may be absent.
    Optional(Box<Type>),
    /// A list.
    List(Box<Type>),
    /// A map of texts to texts.
    Map,
}

/// An enum without data, made by `named!`, `open_enum!`, `error_kinds!` or written out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Enumeration {
    /// Rust's name, such as `ChangeKind`.
    pub(crate) name: String,
    /// Documentation in Markdown.
    pub(crate) doc: String,
    /// Whether values that are not members are kept as text.
    pub(crate) open: bool,
    /// The members in the order of the definition.
    pub(crate) members: Vec<Member>,
    /// The file that defines it, from the repository's root.
    pub(crate) file: String,
}

/// A member of an enum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Member {
    /// Rust's name, such as `UserCreated`.
    pub(crate) variant: String,
    /// The name that every language uses, such as `user.created`.
    pub(crate) name: String,
    /// Documentation in Markdown.
    pub(crate) doc: String,
    /// The number, if the definition gives one.
    pub(crate) number: Option<i32>,
    /// The name of the exception class, for error kinds.
    pub(crate) class: Option<String>,
}

/// An enum whose variants have one value each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Union {
    /// Rust's name, such as `Mirrored`.
    pub(crate) name: String,
    /// Documentation in Markdown.
    pub(crate) doc: String,
    /// The variants; `name` is in snake case, and `default` and `personal` have no meaning.
    pub(crate) variants: Vec<Field>,
    /// The file that defines it, from the repository's root.
    pub(crate) file: String,
}

/// The kinds of change that have the same of the fields `user`, `group`, `before` and `after`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// The kinds, such as `user.created`, in the order of the enum's members.
    pub(crate) kinds: Vec<String>,
    /// The names of the fields that are not `None`.
    pub(crate) fields: Vec<String>,
}

impl Shape {
    /// Returns the record that a field of [`Shape::NARROWED`] has, or `None` if it is absent.
    pub(crate) fn record_of(&self, field: &str) -> Option<&'static str> {
        let has = |name: &str| self.fields.iter().any(|field| field == name);
        match field {
            "group" => has("group").then_some("MirrorGroup"),
            "user" => has("user").then_some("MirrorUser"),
            other if has(other) => Some(if has("user") { "MirrorUser" } else { "MirrorGroup" }),
            _ => None,
        }
    }

    /// The fields of a change whose types depend on its kind.
    pub(crate) const NARROWED: [&'static str; 4] = ["user", "group", "before", "after"];
}

/// A public constant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Constant {
    /// Documentation in Markdown.
    pub(crate) doc: String,
    /// The value, in the form of [`Field::default`].
    pub(crate) value: String,
}

/// A type of webhook event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Event {
    /// The vendor's name, such as `user.login`.
    pub(crate) name: String,
    /// The name in camel case, such as `UserLogin`.
    pub(crate) variant: String,
    /// Name of the record that describes its `data`, such as `SessionData`.
    pub(crate) data: String,
}

impl Definitions {
    /// Returns the record of this name, or an error if there is none.
    pub(crate) fn record(&self, name: &str) -> Result<&Record, String> {
        self.records.iter().find(|record| record.name == name).ok_or_else(|| format!("there is no record {name}"))
    }

    /// Returns the enum of this name, or an error if there is none.
    pub(crate) fn enumeration(&self, name: &str) -> Result<&Enumeration, String> {
        self.enums.iter().find(|one| one.name == name).ok_or_else(|| format!("there is no enum {name}"))
    }

    /// Returns the union of this name, or an error if there is none.
    pub(crate) fn union(&self, name: &str) -> Result<&Union, String> {
        self.unions.iter().find(|one| one.name == name).ok_or_else(|| format!("there is no union {name}"))
    }
}

impl Type {
    /// Returns the type inside `Optional` and true, or the type itself and false.
    pub(crate) fn optional(&self) -> (&Type, bool) {
        match self {
            Type::Optional(inner) => (inner, true),
            other => (other, false),
        }
    }
}
