//! The exception classes: `headcount/errors.py`, and their names in the package's `__init__.py`.

use super::{docstring, sections};
use crate::ir::{Definitions, Member};
use crate::write::{self, GENERATED, Output};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../../templates/python/errors.py.jinja");

/// Error kinds whose class has other base classes than `Error` or `ApiError`: the kind and the base classes. Code that catches a built-in
/// base class, such as `ValueError`, catches the class of the kind as well.
const BASES: &[(&str, &str)] = &[
    ("invalid_argument", "Error, ValueError"),
    ("connection", "Error, builtins.ConnectionError"),
    ("timeout", "Error, builtins.TimeoutError"),
    ("mass_removal", "RemovalsError"),
];

/// Classes that `from headcount import *` does not import, because they would hide a built-in of the same name.
const BUILTIN: &[&str] = &["ConnectionError", "TimeoutError"];

/// The context of `errors.py.jinja`.
#[derive(Serialize)]
struct Context<'a> {
    generated: &'static str,
    classes: &'a [Class],
    names: &'a [&'a str],
}

#[derive(Serialize)]
struct Class {
    name: String,
    kind: String,
    bases: String,
    doc: String,
}

pub(super) fn emit(definitions: &Definitions) -> Result<Vec<Output>, String> {
    let kinds = &definitions.enumeration("ErrorKind")?.members;
    let mut classes = kinds.iter().map(class).collect::<Result<Vec<_>, _>>()?;
    // The classes with the base `ApiError` come last. That base is itself one of the classes, and must be defined before them.
    classes.sort_by_key(|class| class.bases == "ApiError");
    let mut names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).chain(["Error"]).collect();
    names.sort_unstable();
    let module = Context { generated: GENERATED, classes: &classes, names: &names };
    let imports: String = names.iter().map(|name| format!("    {name},\n")).collect();
    let exported = names.iter().filter(|name| !BUILTIN.contains(name));
    let exported: String = exported.map(|name| format!("    \"{name}\",\n")).collect();
    Ok(vec![
        Output {
            path: "bindings-python/python/headcount/errors.py".to_owned(),
            content: write::render("errors.py.jinja", TEMPLATE, module)?,
        },
        sections(
            "bindings-python/python/headcount/__init__.py",
            &[
                ("imports", &format!("from .errors import (\n{imports})\n")),
                ("exports", &format!("__all__ += [\n{exported}]\n")),
            ],
        )?,
    ])
}

fn class(kind: &Member) -> Result<Class, String> {
    let name = kind.class.clone().ok_or_else(|| format!("the error kind {} has no class", kind.name))?;
    let bases = BASES.iter().find(|(of, _)| *of == kind.name).map(|(_, bases)| *bases);
    // The documentation of a kind that stands for HTTP statuses starts with their numbers.
    let for_status = kind.doc.starts_with(|first: char| first.is_ascii_digit());
    let bases = bases.unwrap_or(if for_status { "ApiError" } else { "Error" });
    let doc = docstring(&kind.doc).join(" ").replace("``Error.reason``", "``reason``");
    Ok(Class { name, kind: kind.name.clone(), bases: bases.to_owned(), doc })
}
