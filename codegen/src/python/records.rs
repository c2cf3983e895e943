//! The Rust code of the record classes: `bindings-python/src/generated/records.rs`.

use super::docstring;
use crate::ir::{Definitions, Field, Record, Type};
use crate::surface;
use crate::write::{self, GENERATED, Output};
use serde::Serialize;

const PATH: &str = "bindings-python/src/generated/records.rs";
const TEMPLATE: &str = include_str!("../../templates/python/records.rs.jinja");

/// The records that have a class. Values of other records become `dict`s.
pub(super) const CLASSES: &[&str] = &[
    "Organization",
    "PortalLink",
    "Directory",
    "DirectoryToggle",
    "User",
    "Group",
    "MirrorUser",
    "MirrorGroup",
    "MirrorDirectory",
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
    "DirectoryStatus",
    "Change",
    "HistoryEntry",
    "RoleGrant",
    "ExplainedChange",
    "Explanation",
    "ParkedChange",
    "Consumer",
    "Progress",
    "SyncReport",
];

/// Fields that a class has and its record does not: the record, the field and its type.
const EXTRA: &[(&str, &str, &str)] = &[("Change", "consumer", "Attached")];

/// Records whose class has subclasses.
pub(super) const SUBCLASSED: &[&str] = &["Change"];

/// The first sentence of every `to_dict`.
pub(super) const TO_DICT: &str = "Returns the fields as plain values: times are RFC 3339 text.";

/// Returns whether a record has a class.
pub(super) fn has_class(name: &str) -> bool {
    CLASSES.contains(&name)
}

/// The context of `records.rs.jinja`.
#[derive(Serialize)]
struct Context {
    generated: &'static str,
    classes: Vec<Class>,
    unions: Vec<Union>,
}

#[derive(Serialize)]
struct Class {
    name: String,
    /// The record's path in the crate `headcount`.
    path: String,
    doc: Vec<String>,
    subclass: bool,
    /// The fields of [`EXTRA`] as pairs of a name and a type.
    extra: Vec<(String, String)>,
    getters: Vec<Getter>,
    /// Fields whose Python value is made when it is first read.
    cached: Vec<String>,
    /// Fields that `repr` shows.
    shown: Vec<String>,
    /// The expressions that the hash is computed from. Empty: the hash is that of the JSON form.
    key: Vec<String>,
    /// Whether equality compares the JSON forms.
    compared_as_json: bool,
    /// The field that holds an error, if there is one: `to_dict` shows its text.
    error: Option<String>,
    to_dict_doc: String,
}

#[derive(Serialize)]
struct Getter {
    /// The name of the method and its parameters.
    name: String,
    doc: Vec<String>,
    returns: String,
    body: String,
}

#[derive(Serialize)]
struct Union {
    /// The union's path in the crate `headcount`.
    path: String,
    function: String,
    /// The variants: the Rust name, the class of the value, and the path of its record.
    variants: Vec<(String, String, String)>,
}

pub(super) fn emit(definitions: &Definitions) -> Result<Output, String> {
    let mut classes = Vec::new();
    for name in CLASSES {
        classes.push(class(definitions, definitions.record(name)?)?);
    }
    let unions: Vec<Union> =
        definitions.unions.iter().map(|found| union(definitions, found)).collect::<Result<_, _>>()?;
    let context = Context { generated: GENERATED, classes, unions };
    Ok(Output { path: PATH.to_owned(), content: write::render("records.rs.jinja", TEMPLATE, context)? })
}

/// Returns what the template prints of a union, whose variants must hold records.
fn union(definitions: &Definitions, union: &crate::ir::Union) -> Result<Union, String> {
    let variants = union.variants.iter().map(|variant| match &variant.ty {
        Type::Record(record) => Ok((camel_case(&variant.name), record.clone(), path(definitions.record(record)?))),
        other => Err(format!("{}::{} holds {other:?}, expected a record", union.name, variant.name)),
    });
    Ok(Union {
        path: surface::path(&union.name, &union.file),
        function: function(&union.name),
        variants: variants.collect::<Result<_, _>>()?,
    })
}

/// Returns the name of the function that creates a Python object from a union's value.
fn function(union: &str) -> String {
    format!("{}_object", crate::read::snake_case(union))
}

/// Returns a record's path in the crate `headcount`.
fn path(record: &Record) -> String {
    surface::path(&record.name, &record.file)
}

fn camel_case(name: &str) -> String {
    name.split('_')
        .map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>())
        .collect()
}

fn class(definitions: &Definitions, record: &Record) -> Result<Class, String> {
    let key = surface::of(&record.name).map(|surface| surface.key).unwrap_or_default();
    let extra = EXTRA.iter().filter(|(name, ..)| *name == record.name);
    let getters: Vec<Getter> =
        record.fields.iter().map(|field| getter(definitions, record, field)).collect::<Result<_, _>>()?;
    let names = |wanted: &dyn Fn(&Field) -> bool| -> Vec<String> {
        record.fields.iter().filter(|field| wanted(field)).map(|field| field.name.clone()).collect()
    };
    let error = names(&|field| matches!(field.ty.optional().0, Type::Error)).into_iter().next();
    Ok(Class {
        name: record.name.clone(),
        path: path(record),
        doc: docstring(&record.doc),
        subclass: SUBCLASSED.contains(&record.name.as_str()),
        extra: extra.map(|(_, field, ty)| ((*field).to_owned(), (*ty).to_owned())).collect(),
        cached: names(&|field| is_cached(&field.ty)),
        shown: names(&|field| !field.personal && !matches!(field.ty.optional().0, Type::Union(_) | Type::Json)),
        key: key.iter().map(|field| format!("&self.value.{field}")).collect(),
        compared_as_json: record.fields.iter().any(|field| matches!(field.ty.optional().0, Type::Float | Type::Error)),
        to_dict_doc: match &error {
            Some(_) => TO_DICT.replace("RFC 3339 text.", "RFC 3339 text, an error is its message."),
            None => TO_DICT.to_owned(),
        },
        error,
        getters,
    })
}

/// Returns whether the Python object of a field is created at the first access and then kept.
fn is_cached(ty: &Type) -> bool {
    match ty.optional().0 {
        Type::Json | Type::Union(_) | Type::Error => true,
        Type::Record(name) => has_class(name),
        _ => false,
    }
}

/// Returns the getter of a field: the type that it returns to Python, and its body.
fn getter(definitions: &Definitions, record: &Record, field: &Field) -> Result<Getter, String> {
    let value = format!("self.value.{}", field.name);
    let cache = format!("&self.{}", field.name);
    let (ty, optional) = field.ty.optional();
    let object = "PyResult<Bound<'py, PyAny>>";
    let optional_object = "PyResult<Option<Bound<'py, PyAny>>>";
    let (returns, body) = match (ty, optional) {
        (Type::Text, false) => ("&str".to_owned(), format!("&{value}")),
        (Type::Text, true) => ("Option<&str>".to_owned(), format!("{value}.as_deref()")),
        (Type::Bool, false) => ("bool".to_owned(), value),
        (Type::Bool, true) => ("Option<bool>".to_owned(), value),
        (Type::Int { signed, bits }, optional) => {
            let int = format!("{}{bits}", if *signed { 'i' } else { 'u' });
            (if optional { format!("Option<{int}>") } else { int }, value)
        }
        (Type::Float, false) => ("f64".to_owned(), value),
        (Type::Duration, false) => ("f64".to_owned(), format!("{value}.as_secs_f64()")),
        (Type::Duration, true) => ("Option<f64>".to_owned(), format!("{value}.map(|duration| duration.as_secs_f64())")),
        (Type::Enum { open: true, .. }, false) => ("&str".to_owned(), format!("{value}.as_str()")),
        (Type::Enum { open: false, .. }, false) => ("&'static str".to_owned(), format!("{value}.name()")),
        (Type::Enum { open: false, .. }, true) => {
            ("Option<&'static str>".to_owned(), format!("{value}.map(|value| value.name())"))
        }
        (Type::Timestamp, false) => (with_py("PyResult<Bound<'py, PyDateTime>>"), format!("datetime(py, {value})")),
        (Type::Timestamp, true) => (
            with_py("PyResult<Option<Bound<'py, PyDateTime>>>"),
            format!("{value}.map(|time| datetime(py, time)).transpose()"),
        ),
        (Type::Json, true) => (with_py(optional_object), format!("json_field(py, {value}.as_ref(), {cache})")),
        (Type::Error, true) => (with_py(optional_object), format!("error_field(py, {value}.as_ref(), {cache})")),
        (Type::Union(name), true) => (
            with_py(optional_object),
            format!("{value}.as_ref().map(|value| cached(py, {cache}, || {}(py, value))).transpose()", function(name)),
        ),
        (Type::Record(name), false) if has_class(name) => {
            // The generated code calls `Record::clone(&…)`, because clippy refuses `.clone()` on a record that is `Copy`.
            let record = format!("headcount::{}::clone(&{value})", path(definitions.record(name)?));
            (with_py(object), format!("cached(py, {cache}, || new_object(py, {name}::from({record})))"))
        }
        (Type::Record(name), true) if has_class(name) => (
            with_py(optional_object),
            format!(
                "{value}.as_ref().map(|value| cached(py, {cache}, || new_object(py, {name}::from(value.clone())))).transpose()"
            ),
        ),
        (Type::Record(name), false) if definitions.record(name).is_ok() => {
            (with_py(object), format!("to_dict(py, &{value})"))
        }
        (Type::Record(_), true) => {
            (with_py(optional_object), format!("{value}.as_ref().map(|value| to_dict(py, value)).transpose()"))
        }
        (Type::List(inner), false) => match inner.as_ref() {
            Type::Text => ("Vec<&str>".to_owned(), format!("{value}.iter().map(String::as_str).collect()")),
            Type::Record(name) if has_class(name) => {
                (format!("Vec<{name}>"), format!("{value}.iter().cloned().map({name}::from).collect()"))
            }
            Type::Record(_) => (with_py(object), format!("to_dict(py, &{value})")),
            other => return Err(format!("{}.{}: a list of {other:?} has no getter", record.name, field.name)),
        },
        (Type::Map, false) => (with_py("PyResult<Bound<'py, PyDict>>"), format!("(&{value}).into_py_dict(py)")),
        (other, _) => return Err(format!("{}.{}: {other:?} has no getter", record.name, field.name)),
    };
    // Getters that create Python objects have the parameter `py`.
    let (parameters, returns) = match returns.strip_prefix(PY) {
        Some(returns) => ("<'py>(&self, py: Python<'py>)", returns.to_owned()),
        None => ("(&self)", returns),
    };
    Ok(Getter { name: format!("{}{parameters}", field.name), doc: docstring(&documentation(field)), returns, body })
}

/// Returns a field's documentation, with the unit of a duration.
pub(super) fn documentation(field: &Field) -> String {
    match field.ty.optional().0 {
        Type::Duration => format!("{} In seconds.", field.doc),
        _ => field.doc.clone(),
    }
}

/// Prefix of the return type of getters that need the interpreter. It is removed before the type is printed.
const PY: &str = "py ";

fn with_py(returns: &str) -> String {
    format!("{PY}{returns}")
}
