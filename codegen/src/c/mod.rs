//! Writes the generated part of the C binding (records, enums, constants and counters): `ffi/src/generated/`, from which, with the rest of
//! `ffi/src`, cbindgen makes `include/headcount.h`.
//!
//! A record becomes an opaque type, which holds the record and the C strings that accessors returned. Fields have these accessors:
//!
//! | field | accessors |
//! |---|---|
//! | text, enum, timestamp, JSON | `const char *hc_noun_field`, NULL if absent |
//! | truth value, number | `hc_noun_field`; if it is optional, `bool hc_noun_has_field` as well |
//! | duration | `int64_t hc_noun_field_ms`, -1 if absent |
//! | list | `size_t hc_noun_field_len`, `hc_noun_field_at` |
//! | record, error | `const hc_other *hc_noun_field`, NULL if absent |
//! | union | `const hc_other *hc_noun_field_variant` for each variant |
//!
//! A map, and a record without a type in C, have no accessor: they are in the JSON form.

mod names;
mod text;

use crate::ir::{Definitions, Enumeration, Field, Record, Type};
use crate::surface;
use crate::write::{GENERATED, Output, render};
use names::CRecord;
use serde::Serialize;
use text::{c_doc, function_doc, wrap};

const THREADS: &str = "Threads: any number at once.";

pub(crate) fn emit(definitions: &Definitions) -> Result<Vec<Output>, String> {
    let mut modules = Vec::new();
    let mut outputs = Vec::new();
    let mut add = |name: &str, items: Vec<String>, content: String| {
        modules.push(Module { name: name.to_owned(), items });
        outputs.push(Output { path: format!("ffi/src/generated/{name}.rs"), content });
    };
    for c_enum in names::ENUMS {
        let file = EnumFile::new(definitions.enumeration(c_enum.name)?, c_enum)?;
        let content = render("enum.jinja", include_str!("../../templates/c/enum.jinja"), file)?;
        add(c_enum.noun, vec![format!("hc_{}", c_enum.noun)], content);
    }
    for constants in names::CONSTANTS {
        let file = ConstantsFile::new(definitions.enumeration(constants.name)?, constants)?;
        let content = render("constants.jinja", include_str!("../../templates/c/constants.jinja"), file)?;
        add(constants.reader, Vec::new(), content);
    }
    for counters in names::COUNTERS {
        let file = CountersFile::new(definitions.record(counters.record)?, counters)?;
        let content = render("counters.jinja", include_str!("../../templates/c/counters.jinja"), file)?;
        add(&format!("{}_counters", counters.noun), Vec::new(), content);
    }
    for c_record in names::RECORDS {
        let file = RecordFile::new(definitions, definitions.record(c_record.record)?, c_record)?;
        let mut items = vec![format!("hc_{}", c_record.noun)];
        items.extend(c_record.list.iter().map(|list| format!("hc_{}", list.noun)));
        if c_record.pages.is_some() {
            items.extend(["page", "iter"].map(|kind| format!("hc_{}_{kind}", c_record.noun)));
        }
        let content = render("record.jinja", include_str!("../../templates/c/record.jinja"), file)?;
        add(c_record.noun, items, content);
    }
    let content =
        render("mod.jinja", include_str!("../../templates/c/mod.jinja"), Index { generated: GENERATED, modules })?;
    outputs.push(Output { path: "ffi/src/generated/mod.rs".to_owned(), content });
    Ok(outputs)
}

/// The context of `mod.jinja`.
#[derive(Serialize)]
struct Index {
    generated: &'static str,
    modules: Vec<Module>,
}

#[derive(Serialize)]
struct Module {
    name: String,
    items: Vec<String>,
}

/// The context of `record.jinja`.
#[derive(Serialize)]
struct RecordFile {
    generated: &'static str,
    record: String,
    /// The record's path in the crate `headcount`.
    path: String,
    noun: &'static str,
    parameter: &'static str,
    one: &'static str,
    doc: Vec<String>,
    /// Paths of the types in `cached`.
    imports: Vec<&'static str>,
    /// Fields that keep what accessors returned, as pairs of a name and a type.
    cached: Vec<(String, String)>,
    accessors: Vec<Accessor>,
    /// Whether an accessor returns a text.
    texts: bool,
    json: bool,
    free: Option<Vec<String>>,
    list: Option<List>,
    pages: Option<&'static str>,
}

#[derive(Serialize)]
struct List {
    noun: &'static str,
    parameter: &'static str,
    many: &'static str,
}

/// An exported function that reads a field.
#[derive(Serialize)]
struct Accessor {
    name: String,
    doc: Vec<String>,
    /// Whether it has the parameter `index`.
    index: bool,
    /// Rust's type of the result.
    returns: String,
    /// The expression that gives the result.
    value: String,
}

impl RecordFile {
    fn new(definitions: &Definitions, record: &Record, c_record: &CRecord) -> Result<RecordFile, String> {
        let mut file = RecordFile {
            generated: GENERATED,
            record: record.name.clone(),
            path: surface::path(&record.name, &record.file),
            noun: c_record.noun,
            parameter: c_record.parameter,
            one: c_record.one,
            doc: wrap(&c_doc(&record.doc)),
            imports: Vec::new(),
            cached: Vec::new(),
            accessors: Vec::new(),
            texts: false,
            json: c_record.json,
            free: c_record.free.map(wrap),
            list: c_record.list.as_ref().map(|list| List {
                noun: list.noun,
                parameter: list.parameter,
                many: list.many,
            }),
            pages: c_record.pages,
        };
        for field in &record.fields {
            let accessors = Accessors { definitions, record, c_record, field };
            accessors
                .add(&mut file)
                .map_err(|problem| format!("{}: {}.{}: {problem}", record.file, record.name, field.name))?;
        }
        file.texts = c_record.json || file.accessors.iter().any(|accessor| accessor.returns == "*const c_char");
        if c_record.json {
            file.cached.push(("json".to_owned(), "Text".to_owned()));
        }
        for (start, path) in [
            ("Child<", "crate::child::Child"),
            ("Children<", "crate::child::Children"),
            ("Text", "crate::text::Text"),
            ("TextList", "crate::text::TextList"),
        ] {
            // `Child<T>` is found by its start. `Text` is compared as a whole, because `TextList` starts with it.
            let is_used = |ty: &String| if start.ends_with('<') { ty.starts_with(start) } else { ty == start };
            if file.cached.iter().any(|(_, ty)| is_used(ty)) {
                file.imports.push(path);
            }
        }
        Ok(file)
    }
}

/// Creates the accessors of one field.
struct Accessors<'a> {
    definitions: &'a Definitions,
    record: &'a Record,
    c_record: &'a CRecord,
    field: &'a Field,
}

impl Accessors<'_> {
    /// Adds the field's accessors to `file`.
    fn add(&self, file: &mut RecordFile) -> Result<(), String> {
        let (ty, optional) = self.field.ty.optional();
        let field = &self.field.name;
        let value = format!("{}.record.{field}", self.c_record.parameter);
        match ty {
            Type::Text | Type::Enum { .. } | Type::Timestamp | Type::Json => self.text(file, ty, optional, &value),
            Type::Bool => self.scalar(file, "bool", "false", optional, &value),
            Type::Int { signed, bits } => {
                let returns = match (signed, bits) {
                    (true, 64) => "i64",
                    (false, 64) => "u64",
                    (true, _) => "i32",
                    (false, _) => "u32",
                };
                self.scalar(file, returns, "0", optional, &value);
            }
            Type::Float => self.scalar(file, "f64", "0", optional, &value),
            Type::Duration => self.duration(file, optional, &value),
            Type::List(item) if !optional => self.list(file, item, &value)?,
            Type::Record(name) => {
                if let Some(other) = names::of(name) {
                    let option = if optional { format!("{value}.as_ref()") } else { format!("Some(&{value})") };
                    self.child(file, field, other, optional, &option);
                }
            }
            Type::Error => {
                let option = if optional { format!("{value}.as_ref()") } else { format!("Some(&{value})") };
                self.borrowed(file, field, "crate::error::hc_error", "an error", optional, &option);
            }
            Type::Union(name) if optional => {
                for variant in &self.definitions.union(name)?.variants {
                    let Type::Record(inner) = &variant.ty else {
                        return Err(format!("{name}::{} does not hold a record", variant.name));
                    };
                    let other = names::of(inner).ok_or_else(|| format!("{inner} has no type in C"))?;
                    let option = format!("{value}.as_ref().and_then(|either| either.{}())", variant.name);
                    self.child(file, &format!("{field}_{}", variant.name), other, true, &option);
                }
            }
            // A map has no accessor: it is read in the record's JSON form.
            Type::Map => {}
            other => return Err(format!("there is no accessor in C for {other:?}")),
        }
        Ok(())
    }

    /// Returns the name of an accessor: `hc_noun_field`, with the name in `renamed` in place of the field's, if there is one.
    fn name(&self, field: &str) -> String {
        let renamed = self.c_record.renamed.iter().find(|(from, _)| *from == field).map_or(field, |(_, to)| to);
        format!("hc_{}_{renamed}", self.c_record.noun)
    }

    /// Returns an accessor's documentation. `empty` is its result for a NULL object, `index` whether it has the parameter `index`, and
    /// `result` the list item about its result.
    fn doc(&self, empty: &str, index: bool, result: Option<String>) -> Vec<String> {
        let mut items = vec![format!("`{}`: may be NULL, which gives {empty}.", self.c_record.parameter)];
        if index {
            items.push("`index`: from 0.".to_owned());
        }
        items.extend(result);
        items.push(THREADS.to_owned());
        function_doc(&format!("{}{}", c_doc(&self.field.doc), self.values()), &items)
    }

    /// Returns a sentence that lists the values of an enum field, to append to its documentation.
    ///
    /// Empty if the field is not an enum, or if its documentation already names all values.
    fn values(&self) -> String {
        let (Type::Enum { name, open }, _) = self.field.ty.optional() else { return String::new() };
        let Ok(enumeration) = self.definitions.enumeration(name) else { return String::new() };
        let names: Vec<String> = enumeration.members.iter().map(|member| format!("\"{}\"", member.name)).collect();
        let Some((last, rest)) = names.split_last() else { return String::new() };
        if names.iter().all(|name| c_doc(&self.field.doc).contains(name)) {
            return String::new();
        }
        if *open {
            return format!(" {}, {last} or a value that is newer than this library.", rest.join(", "));
        }
        format!(" {} or {last}. Later versions may add values.", rest.join(", "))
    }

    fn owned_by(&self) -> String {
        format!("owned by `{}`", self.c_record.parameter)
    }

    /// Adds the accessor of a field that is a string in C. `value` is the expression for the field.
    fn text(&self, file: &mut RecordFile, ty: &Type, optional: bool, value: &str) {
        let cache = format!("{}.cached.{}", self.c_record.parameter, self.field.name);
        let text = match (ty, optional) {
            (Type::Enum { open: true, .. }, false) => format!("{cache}.of({value}.as_str())"),
            (Type::Enum { open: true, .. }, true) => {
                format!("{cache}.of_option({value}.as_ref().map(|value| value.as_str()))")
            }
            (Type::Enum { .. }, false) => format!("{cache}.of({value}.name())"),
            (Type::Enum { .. }, true) => format!("{cache}.of_option({value}.map(|value| value.name()))"),
            (Type::Timestamp, false) => format!("{cache}.of_display(Some({value}))"),
            (Type::Timestamp, true) => format!("{cache}.of_display({value})"),
            (Type::Json, false) => format!("{cache}.of({value}.get())"),
            (Type::Json, true) => format!("{cache}.of_option({value}.as_ref().map(|json| json.get()))"),
            (_, false) => format!("{cache}.of(&{value})"),
            (_, true) => format!("{cache}.of_option({value}.as_deref())"),
        };
        let kind = match ty {
            Type::Timestamp => "RFC 3339 text",
            Type::Json => "JSON text",
            _ => "text",
        };
        // Records of `model` come from the vendor: a text that it did not send is "". In other records, a text that is not optional is never
        // absent.
        let absent = match (optional, self.record.file.starts_with("core/src/model/")) {
            (true, _) => ", or NULL if there is none",
            (false, true) => "; \"\" if the server sent none",
            (false, false) => "",
        };
        file.cached.push((self.field.name.clone(), "Text".to_owned()));
        file.accessors.push(Accessor {
            name: self.name(&self.field.name),
            doc: self.doc("NULL", false, Some(format!("Returns {kind} {}{absent}.", self.owned_by()))),
            index: false,
            returns: "*const c_char".to_owned(),
            value: text,
        });
    }

    /// Adds the accessor of a number or a truth value and, if it is optional, one that returns whether it is set. `empty` is the result for a NULL
    /// object.
    fn scalar(&self, file: &mut RecordFile, returns: &str, empty: &str, optional: bool, value: &str) {
        if optional {
            let name = self.name(&format!("has_{}", self.field.name));
            let items = [format!("`{}`: may be NULL, which gives false.", self.c_record.parameter), THREADS.to_owned()];
            file.accessors.push(Accessor {
                doc: function_doc(&format!("Returns whether {} has a value.", self.name(&self.field.name)), &items),
                name,
                index: false,
                returns: "bool".to_owned(),
                value: format!("{value}.is_some()"),
            });
        }
        let result = optional.then(|| format!("Returns {empty} if there is none."));
        file.accessors.push(Accessor {
            name: self.name(&self.field.name),
            doc: self.doc(empty, false, result),
            index: false,
            returns: returns.to_owned(),
            value: if optional { format!("{value}.unwrap_or_default()") } else { value.to_owned() },
        });
    }

    /// Adds the accessor of a duration.
    fn duration(&self, file: &mut RecordFile, optional: bool, value: &str) {
        let milliseconds = "i64::try_from(time.as_millis()).unwrap_or(i64::MAX)";
        let (value, absent) = if optional {
            (format!("{value}.map_or(-1, |time| {milliseconds})"), ", or -1 if there is none")
        } else {
            (milliseconds.replace("time", value), "")
        };
        file.accessors.push(Accessor {
            name: format!("{}_ms", self.name(&self.field.name)),
            doc: self.doc("0", false, Some(format!("Returns milliseconds{absent}."))),
            index: false,
            returns: "i64".to_owned(),
            value,
        });
    }

    /// Adds the accessors of a list's length and of its items.
    fn list(&self, file: &mut RecordFile, item: &Type, value: &str) -> Result<(), String> {
        let name = self.name(&self.field.name);
        let cache = format!("{}.cached.{}", self.c_record.parameter, self.field.name);
        let (cached, returns, at, one) = match item {
            Type::Text => {
                ("TextList".to_owned(), "*const c_char".to_owned(), format!("{cache}.at(&{value}, index)"), "text")
            }
            Type::Record(inner) => match names::of(inner) {
                Some(other) => (
                    format!("Children<super::hc_{}>", other.noun),
                    format!("*const super::hc_{}", other.noun),
                    format!("{cache}.at(&{value}, index)"),
                    other.one,
                ),
                // The items have no type in C: they are read in the record's JSON form.
                None => return Ok(()),
            },
            other => return Err(format!("there is no accessor in C for a list of {other:?}")),
        };
        file.cached.push((self.field.name.clone(), cached));
        let length = [format!("`{}`: may be NULL, which gives 0.", self.c_record.parameter), THREADS.to_owned()];
        file.accessors.push(Accessor {
            doc: function_doc(&format!("Returns the number of items that {name}_at returns."), &length),
            name: format!("{name}_len"),
            index: false,
            returns: "usize".to_owned(),
            value: format!("{value}.len()"),
        });
        file.accessors.push(Accessor {
            doc: self.doc(
                "NULL",
                true,
                Some(format!("Returns {one} {}, or NULL if `index` is out of range.", self.owned_by())),
            ),
            name: format!("{name}_at"),
            index: true,
            returns,
            value: at,
        });
        Ok(())
    }

    /// Adds an accessor that returns a record inside the record. `option` is the expression for it, an `Option<&T>`.
    fn child(&self, file: &mut RecordFile, name: &str, other: &CRecord, optional: bool, option: &str) {
        self.borrowed(file, name, &format!("super::hc_{}", other.noun), other.one, optional, option);
    }

    /// Adds an accessor that returns a pointer to an object of the C type `ty`, which the record owns.
    fn borrowed(&self, file: &mut RecordFile, name: &str, ty: &str, one: &str, optional: bool, option: &str) {
        let absent = if optional { ", or NULL if there is none" } else { "" };
        file.cached.push((name.to_owned(), format!("Child<{ty}>")));
        file.accessors.push(Accessor {
            name: self.name(name),
            doc: self.doc("NULL", false, Some(format!("Returns {one} {}{absent}.", self.owned_by()))),
            index: false,
            returns: format!("*const {ty}"),
            value: format!("{}.cached.{name}.of({option})", self.c_record.parameter),
        });
    }
}

/// A member of an enum in C.
#[derive(Serialize)]
struct CMember {
    variant: String,
    c_name: String,
    name: String,
    number: i32,
    doc: Vec<String>,
}

/// Returns the members in the order of their numbers. `numbers` has those that the Rust definition does not give.
fn members(enumeration: &Enumeration, prefix: &str, numbers: &[(&str, i32)]) -> Result<Vec<CMember>, String> {
    let mut members = Vec::new();
    for member in &enumeration.members {
        let given = numbers.iter().find(|(variant, _)| *variant == member.variant).map(|(_, number)| *number);
        let number = member.number.or(given).ok_or_else(|| {
            format!("{}::{} has no number: give it one in codegen/src/c/names.rs", enumeration.name, member.variant)
        })?;
        members.push(CMember {
            variant: member.variant.clone(),
            c_name: format!("{prefix}{}", member.name.to_uppercase()),
            name: member.name.clone(),
            number,
            doc: wrap(&c_doc(&member.doc)),
        });
    }
    members.sort_by_key(|member| member.number);
    Ok(members)
}

/// The context of `enum.jinja`.
#[derive(Serialize)]
struct EnumFile {
    generated: &'static str,
    name: String,
    /// The enum's path in the crate `headcount`.
    path: String,
    noun: &'static str,
    doc: Vec<String>,
    zero: CMember,
    zero_name: Option<&'static str>,
    members: Vec<CMember>,
}

impl EnumFile {
    fn new(enumeration: &Enumeration, c_enum: &names::CEnum) -> Result<EnumFile, String> {
        let (zero, zero_doc) = c_enum.zero;
        Ok(EnumFile {
            generated: GENERATED,
            name: enumeration.name.clone(),
            path: surface::path(&enumeration.name, &enumeration.file),
            noun: c_enum.noun,
            doc: wrap(&format!("{} {}", c_doc(&enumeration.doc), c_enum.more)),
            zero: CMember {
                variant: String::new(),
                c_name: zero.to_owned(),
                name: String::new(),
                number: 0,
                doc: wrap(zero_doc),
            },
            zero_name: c_enum.zero_name,
            members: members(enumeration, c_enum.prefix, c_enum.numbers)?,
        })
    }
}

/// The context of `constants.jinja`.
#[derive(Serialize)]
struct ConstantsFile {
    generated: &'static str,
    name: String,
    /// The enum's path in the crate `headcount`.
    path: String,
    reader: &'static str,
    option: &'static str,
    expected: String,
    members: Vec<CMember>,
}

impl ConstantsFile {
    fn new(enumeration: &Enumeration, constants: &names::CConstants) -> Result<ConstantsFile, String> {
        let members = members(enumeration, constants.prefix, constants.numbers)?;
        let names: Vec<&str> = members.iter().map(|member| member.c_name.as_str()).collect();
        let expected = match names.split_last() {
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => return Err(format!("{} has no members", enumeration.name)),
        };
        Ok(ConstantsFile {
            generated: GENERATED,
            name: enumeration.name.clone(),
            path: surface::path(&enumeration.name, &enumeration.file),
            reader: constants.reader,
            option: constants.option,
            expected,
            members,
        })
    }
}

/// The context of `counters.jinja`.
#[derive(Serialize)]
struct CountersFile {
    generated: &'static str,
    record: String,
    noun: &'static str,
    handle: &'static str,
    accessors: Vec<Accessor>,
}

impl CountersFile {
    fn new(record: &Record, counters: &names::CCounters) -> Result<CountersFile, String> {
        let mut accessors = Vec::new();
        for field in &record.fields {
            if field.ty != (Type::Int { signed: false, bits: 64 }) {
                return Err(format!("{}: {}.{} is not a u64", record.file, record.name, field.name));
            }
            let items = [format!("`{}`: may be NULL, which gives 0.", counters.noun), THREADS.to_owned()];
            accessors.push(Accessor {
                name: format!("hc_{}_{}", counters.noun, field.name),
                doc: function_doc(&c_doc(&field.doc), &items),
                index: false,
                returns: "u64".to_owned(),
                value: format!("{}.{}", counters.value, field.name),
            });
        }
        Ok(CountersFile {
            generated: GENERATED,
            record: record.name.clone(),
            noun: counters.noun,
            handle: counters.handle,
            accessors,
        })
    }
}
