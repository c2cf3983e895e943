//! The exception classes: `headcount/errors.py`, and their names in the package's `__init__.py`.

use super::{docstring, sections};
use crate::ir::{Definitions, Member};
use crate::write::{self, GENERATED, Output};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../../templates/python/errors.py.jinja");

/// Bases that a class has beside `Error`, by kind. They are Python's own, so that code which catches those works.
const BASES: &[(&str, &str)] = &[
    ("invalid_argument", "Error, ValueError"),
    ("connection", "Error, builtins.ConnectionError"),
    ("timeout", "Error, builtins.TimeoutError"),
    ("mass_removal", "RemovalsError"),
];

/// Names that `from headcount import *` leaves out because they would hide Python's own.
const BUILTIN: &[&str] = &["ConnectionError", "TimeoutError"];

/// What the template is given.
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
    // A base precedes its subclasses.
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
    // The documentation of a kind for HTTP statuses starts with them.
    let for_status = kind.doc.starts_with(|first: char| first.is_ascii_digit());
    let bases = bases.unwrap_or(if for_status { "ApiError" } else { "Error" });
    let doc = docstring(&kind.doc).join(" ").replace("``Error.reason``", "``reason``");
    Ok(Class { name, kind: kind.name.clone(), bases: bases.to_owned(), doc })
}
