//! The record classes' part of the stub file, between two comments in `bindings-python/python/headcount/_headcount.pyi`.

use super::records::{CLASSES, SUBCLASSED, TO_DICT, documentation, has_class};
use super::{docstring, quoted, sections};
use crate::ir::{Definitions, Field, Member, Record, Shape, Type};
use crate::write::{self, Output};
use serde::Serialize;

const PATH: &str = "bindings-python/python/headcount/_headcount.pyi";
const TEMPLATE: &str = include_str!("../../templates/python/records.pyi.jinja");
/// Stubs of the methods that are not generated: the class and the text.
const METHODS: &[(&str, &str)] = &[
    ("Change", include_str!("../../templates/python/change.pyi")),
    ("Explanation", include_str!("../../templates/python/explanation.pyi")),
    ("RoleMapEntry", include_str!("../../templates/python/role_map_entry.pyi")),
];

/// Names that methods written by hand use for the values of an enum: the name in the stub, and the enum.
const VALUES: &[(&str, &str)] = &[
    ("_Mode", "SyncMode"),
    ("_Outcome", "Outcome"),
    ("_PlanOutcome", "SyncOutcome"),
    ("_Kind", "ChangeKind"),
    ("_ExportFormat", "ExportFormat"),
];

/// Enum members that a field never has, and that its annotation leaves out: the record, the field and the member.
const UNUSED_MEMBERS: &[(&str, &str, &str)] = &[("SyncReport", "mode", "auto")];

/// The context of `records.pyi.jinja`.
#[derive(Serialize)]
struct Context {
    classes: Vec<Class>,
    changes: Vec<ChangeClass>,
}

/// The class that a change of one kind has for type checkers.
#[derive(Serialize)]
struct ChangeClass {
    name: String,
    kind: String,
    /// The fields whose types depend on the kind, and their types.
    fields: Vec<(&'static str, &'static str)>,
}

#[derive(Serialize)]
struct Class {
    name: String,
    /// `final`, or `disjoint_base` for a class that has subclasses.
    decorator: &'static str,
    doc: String,
    fields: Vec<Property>,
    to_dict_doc: String,
    methods: &'static str,
    /// Whether the record has an error, which is pickled in addition to the JSON form.
    has_error: bool,
}

#[derive(Serialize)]
struct Property {
    name: String,
    doc: String,
    ty: String,
}

pub(super) fn emit(definitions: &Definitions) -> Result<Output, String> {
    let mut classes = Vec::new();
    for name in CLASSES {
        classes.push(class(definitions, definitions.record(name)?)?);
    }
    let generated =
        write::render("records.pyi.jinja", TEMPLATE, Context { classes, changes: change_classes(definitions)? })?;
    let mut values = String::new();
    for (alias, name) in VALUES {
        values += &format!("{alias}: TypeAlias = {}\n", literal(definitions, name, None)?);
    }
    sections(PATH, &[("values", &values), ("records", &generated)])
}

/// Returns the `Literal` type of the names of an enum's members, except for the member `unused`.
fn literal(definitions: &Definitions, name: &str, unused: Option<&str>) -> Result<String, String> {
    let members = definitions.enumeration(name)?.members.iter().map(|member| member.name.as_str());
    let names: Vec<String> =
        members.filter(|member| Some(*member) != unused).map(|member| format!("\"{member}\"")).collect();
    Ok(format!("Literal[{}]", names.join(", ")))
}

/// Returns the classes of the kinds of change, in the order of the kinds.
fn change_classes(definitions: &Definitions) -> Result<Vec<ChangeClass>, String> {
    let kinds = &definitions.enumeration("ChangeKind")?.members;
    let class = |kind: &Member| {
        let shape = definitions.shapes.iter().find(|shape| shape.kinds.contains(&kind.name));
        let shape = shape.ok_or_else(|| format!("the kind of change {} has no fields", kind.name))?;
        let fields = Shape::NARROWED.map(|field| (field, shape.record_of(field).unwrap_or("None")));
        Ok(ChangeClass { name: kind.variant.clone(), kind: kind.name.clone(), fields: fields.to_vec() })
    };
    kinds.iter().map(class).collect()
}

fn class(definitions: &Definitions, record: &Record) -> Result<Class, String> {
    let methods = METHODS.iter().find(|(name, _)| *name == record.name).map(|(_, methods)| *methods);
    let fields = record.fields.iter().map(|field| {
        let ty = annotation(definitions, record, field, &field.ty)?;
        Ok(Property { name: field.name.clone(), doc: quoted(&documentation(field), 8), ty })
    });
    let has_error = record.fields.iter().any(|field| matches!(field.ty.optional().0, Type::Error));
    Ok(Class {
        name: record.name.clone(),
        decorator: if SUBCLASSED.contains(&record.name.as_str()) { "disjoint_base" } else { "final" },
        doc: quoted(&record.doc, 4),
        fields: fields.collect::<Result<_, String>>()?,
        to_dict_doc: docstring(&match has_error {
            true => TO_DICT.replace("RFC 3339 text.", "RFC 3339 text, an error is its message."),
            false => TO_DICT.to_owned(),
        })
        .join(" "),
        methods: methods.unwrap_or_default(),
        has_error,
    })
}

/// Returns the annotation for a value of the type `ty`, which is the type of `field` or a type inside it.
fn annotation(definitions: &Definitions, record: &Record, field: &Field, ty: &Type) -> Result<String, String> {
    Ok(match ty {
        Type::Text | Type::Enum { open: true, .. } => "str".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Int { .. } => "int".to_owned(),
        Type::Float | Type::Duration => "float".to_owned(),
        Type::Timestamp => "datetime".to_owned(),
        // In the vendor's API, every field that is read as raw JSON is an object.
        Type::Json => "dict[str, Any]".to_owned(),
        Type::Map => "dict[str, str]".to_owned(),
        Type::Error => "Error".to_owned(),
        Type::Enum { name, open: false } => {
            let unused = UNUSED_MEMBERS.iter().find(|(of, of_field, _)| *of == record.name && *of_field == field.name);
            literal(definitions, name, unused.map(|(_, _, member)| *member))?
        }
        // The union of the classes for the kinds of change.
        Type::Record(name) if name == "Change" => "_Change".to_owned(),
        Type::Record(name) if has_class(name) => name.clone(),
        Type::Record(_) => "dict[str, Any]".to_owned(),
        Type::Union(name) => {
            let variants = definitions
                .union(name)?
                .variants
                .iter()
                .map(|variant| annotation(definitions, record, field, &variant.ty));
            format!("Union[{}]", variants.collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Type::Optional(inner) => format!("Optional[{}]", annotation(definitions, record, field, inner)?),
        Type::List(inner) => format!("list[{}]", annotation(definitions, record, field, inner)?),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_values_of_enums_are_listed_only_in_generated_parts_of_the_stub() {
        let stub = include_str!("../../../bindings-python/python/headcount/_headcount.pyi");
        let mut is_generated = false;
        for line in stub.lines() {
            if line.starts_with("# ---- ") {
                is_generated = !line.starts_with("# ---- end of ");
            }
            assert!(is_generated || !line.contains("Literal[\""), "written by hand: {line}");
        }
    }
}
