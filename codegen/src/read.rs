//! Reads the definitions from the Rust sources of the core.
//!
//! Parses every file under `core/src`, and takes from them the records that [`crate::surface`] and [`crate::events`] name, and all public enums
//! without data, public constants and default values. A field whose Rust type has no counterpart in [`Type`] is an error that names the file, the
//! record and the field.

use crate::events;
use crate::ir::{Constant, Definitions, Enumeration, Field, Member, Record, Shape, Type, Union};
use crate::surface;
use quote::ToTokens;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Fields, GenericArgument, Item, Lit, PathArguments, Token, Visibility};

/// Reads all definitions of the repository at `root`.
///
/// # Errors
///
/// A message that names the file, and the record and field where there is one.
pub(crate) fn read(root: &Path) -> Result<Definitions, String> {
    let mut files = Vec::new();
    rust_files(&root.join("core/src"), &mut files)?;
    let mut sources = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        sources.push((name, text));
    }
    let contract = root.join("tests/contract/webhook-events.json");
    let examples = fs::read_to_string(&contract).map_err(|error| format!("{}: {error}", contract.display()))?;
    let events = events::events(&examples)?;
    let mut names: Vec<&str> = surface::RECORDS.iter().map(|surface| surface.name).collect();
    names.extend(events::RECORDS);
    let mut definitions = parse(&sources, &names, surface::UNIONS)?;
    definitions.events = events;
    events::check_examples(&definitions, &examples)?;
    definitions.examples = examples;
    Ok(definitions)
}

/// Appends all Rust files below a directory to `files`, sorted by path.
fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The items of all files, before their types are resolved.
#[derive(Default)]
struct Items {
    /// By name: the definitions, each with its file. Several modules may use the same name.
    structs: BTreeMap<String, Vec<(String, syn::ItemStruct)>>,
    /// Enums whose variants have values, by name, each with its file.
    data_enums: BTreeMap<String, (String, syn::ItemEnum)>,
    enums: Vec<Enumeration>,
    /// The name, the doc comment and the value of each constant.
    constants: Vec<(String, String, Expr)>,
    /// The name (`Type.field`) and the value of each default.
    defaults: Vec<(String, Expr)>,
    /// The arms of the table in `ChangeKind::present_fields`: the variants, and the names of the fields.
    shapes: Vec<(Vec<String>, Vec<String>)>,
}

/// Reads `records` and `unions`, and all enums, constants and defaults, from pairs of a file's name and its text.
pub(crate) fn parse(sources: &[(String, String)], records: &[&str], unions: &[&str]) -> Result<Definitions, String> {
    let mut items = Items::default();
    for (file, text) in sources {
        let parsed = syn::parse_file(text).map_err(|error| format!("{file}: {error}"))?;
        for item in parsed.items {
            items.add(file, item)?;
        }
    }
    let mut definitions = Definitions { enums: std::mem::take(&mut items.enums), ..Definitions::default() };
    for (name, doc, value) in &items.constants {
        if let Some(value) = literal(value, &definitions.constants) {
            definitions.constants.insert(name.clone(), Constant { doc: doc.clone(), value });
        }
    }
    for (name, value) in &items.defaults {
        if let Some(value) = literal(value, &definitions.constants) {
            definitions.defaults.insert(name.clone(), value);
        }
    }
    definitions.shapes = shapes(&definitions.enums, &items.shapes)?;
    let names = Names { enums: &definitions.enums, records, unions };
    let mut read_records = Vec::new();
    for record in records {
        read_records.push(items.record(record, &names, &definitions.defaults)?);
    }
    let mut read_unions = Vec::new();
    for union in unions {
        read_unions.push(items.union(union, &names)?);
    }
    definitions.records = read_records;
    definitions.unions = read_unions;
    Ok(definitions)
}

impl Items {
    /// Adds an item of a file. Ignores items that are not public, and those of kinds that [`Items`] does not have.
    fn add(&mut self, file: &str, item: Item) -> Result<(), String> {
        match item {
            Item::Struct(item) if is_public(&item.vis) => {
                self.structs.entry(item.ident.to_string()).or_default().push((file.to_owned(), item))
            }
            Item::Enum(item) if is_public(&item.vis) => {
                if item.variants.iter().all(|variant| variant.fields.is_empty()) {
                    self.enums.push(plain_enum(file, &item)?);
                } else {
                    self.data_enums.insert(item.ident.to_string(), (file.to_owned(), item));
                }
            }
            Item::Macro(item) if item.ident.is_none() => {
                let name = item.mac.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
                if matches!(name.as_str(), "named" | "open_enum" | "error_kinds") {
                    let parsed: EnumMacro =
                        item.mac.parse_body().map_err(|error| format!("{file}: {name}!: {error}"))?;
                    self.enums.push(Enumeration {
                        name: parsed.name,
                        doc: parsed.doc,
                        open: name == "open_enum",
                        members: parsed.members,
                        file: file.to_owned(),
                    });
                }
            }
            Item::Const(item) if is_public(&item.vis) => {
                self.constants.push((item.ident.to_string(), doc(&item.attrs), *item.expr));
            }
            Item::Impl(item) => self.add_impl(&item),
            _ => {}
        }
        Ok(())
    }

    /// Adds the public constants of a type, the values in its `impl Default`, and the table of the kinds of change.
    fn add_impl(&mut self, item: &syn::ItemImpl) {
        let Some(name) = type_name(&item.self_ty) else { return };
        let is_default = item
            .trait_
            .as_ref()
            .and_then(|(_, path, _)| path.segments.last())
            .is_some_and(|last| last.ident == "Default");
        for member in &item.items {
            match member {
                syn::ImplItem::Const(constant) if is_public(&constant.vis) => {
                    let value = constant.expr.clone();
                    self.constants.push((format!("{name}::{}", constant.ident), doc(&constant.attrs), value));
                }
                syn::ImplItem::Fn(function) if name == "ChangeKind" && function.sig.ident == "present_fields" => {
                    // Of a body of another form, nothing is read: `shapes` then reports that kinds are missing.
                    self.shapes = table(&function.block).unwrap_or_default();
                }
                syn::ImplItem::Fn(function) if is_default => {
                    if let Some(syn::Stmt::Expr(Expr::Struct(value), None)) = function.block.stmts.last() {
                        for field in &value.fields {
                            if let syn::Member::Named(field_name) = &field.member {
                                self.defaults.push((format!("{name}.{field_name}"), field.expr.clone()));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Resolves the record `name`.
    ///
    /// # Errors
    ///
    /// Not exactly one struct has this name, its fields have no names, a field is not public, or the type of a field is not supported.
    fn record(&self, name: &str, names: &Names<'_>, defaults: &BTreeMap<String, String>) -> Result<Record, String> {
        let found = self.structs.get(name).map(Vec::as_slice).unwrap_or_default();
        let [(file, item)] = found else {
            return Err(format!(
                "record {name} is defined {} times under core/src; expected one definition",
                found.len()
            ));
        };
        let Fields::Named(fields) = &item.fields else {
            return Err(format!("{file}: record {name} has no named fields"));
        };
        let mut read = Vec::new();
        for field in &fields.named {
            let field_name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            if !is_public(&field.vis) {
                return Err(format!("{file}: {name}.{field_name} is not public: a record has public fields only"));
            }
            read.push(Field {
                doc: doc(&field.attrs),
                ty: names.resolve(&field.ty).map_err(|problem| format!("{file}: {name}.{field_name}: {problem}"))?,
                default: defaults.get(&format!("{name}.{field_name}")).cloned(),
                personal: surface::is_personal(name, &field_name),
                name: field_name,
            });
        }
        Ok(Record { name: name.to_owned(), doc: doc(&item.attrs), fields: read, file: file.clone() })
    }

    /// Resolves the union `name`.
    ///
    /// # Errors
    ///
    /// No enum with values has this name, or a variant does not have exactly one value of a supported type.
    fn union(&self, name: &str, names: &Names<'_>) -> Result<Union, String> {
        let (file, item) =
            self.data_enums.get(name).ok_or_else(|| format!("union {name} is not defined under core/src"))?;
        let mut variants = Vec::new();
        for variant in &item.variants {
            let Fields::Unnamed(fields) = &variant.fields else {
                return Err(format!("{file}: {name}::{} has no value", variant.ident));
            };
            let mut types = fields.unnamed.iter();
            let (Some(field), None) = (types.next(), types.next()) else {
                return Err(format!("{file}: {name}::{} has more than one value", variant.ident));
            };
            variants.push(Field {
                name: snake_case(&variant.ident.to_string()),
                doc: doc(&variant.attrs),
                ty: names
                    .resolve(&field.ty)
                    .map_err(|problem| format!("{file}: {name}::{}: {problem}", variant.ident))?,
                default: None,
                personal: false,
            });
        }
        Ok(Union { name: name.to_owned(), doc: doc(&item.attrs), variants, file: file.clone() })
    }
}

/// The names of all types of this repository that a field may have.
struct Names<'a> {
    enums: &'a [Enumeration],
    records: &'a [&'a str],
    unions: &'a [&'a str],
}

impl Names<'_> {
    /// Converts the Rust type of a field.
    fn resolve(&self, ty: &syn::Type) -> Result<Type, String> {
        let path = match ty {
            syn::Type::Reference(reference) => return self.resolve(&reference.elem),
            syn::Type::Path(path) => path,
            other => return Err(format!("type `{}` is not supported", other.to_token_stream())),
        };
        let unsupported = || format!("type `{}` is not supported", path.to_token_stream());
        let last = path.path.segments.last().ok_or_else(unsupported)?;
        let mut arguments = Vec::new();
        if let PathArguments::AngleBracketed(angle) = &last.arguments {
            for argument in &angle.args {
                match argument {
                    GenericArgument::Type(inner) => arguments.push(self.resolve(inner)?),
                    GenericArgument::Lifetime(_) => {}
                    _ => return Err(unsupported()),
                }
            }
        }
        let name = last.ident.to_string();
        let resolved = match (name.as_str(), arguments.as_slice()) {
            // An HTTP method is shown as its name.
            ("String" | "str" | "Method", []) => Type::Text,
            ("bool", []) => Type::Bool,
            ("i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize", []) => integer(&name),
            ("f64", []) => Type::Float,
            ("Timestamp", []) => Type::Timestamp,
            ("RawJson", []) => Type::Json,
            ("Duration", []) => Type::Duration,
            ("Error", []) => Type::Error,
            ("Box", [inner]) => inner.clone(),
            ("Option", [inner]) => Type::Optional(Box::new(inner.clone())),
            ("Vec", [inner]) => Type::List(Box::new(inner.clone())),
            // `Groups` is a list that also records whether the vendor sent it. Bindings show only the list.
            ("Groups", []) => Type::List(Box::new(Type::Record("Group".to_owned()))),
            ("BTreeMap", [Type::Text, Type::Text]) => Type::Map,
            (name, []) => {
                if let Some(known) = self.enums.iter().find(|known| known.name == name) {
                    Type::Enum { name: name.to_owned(), open: known.open }
                } else if self.records.contains(&name) {
                    Type::Record(name.to_owned())
                } else if self.unions.contains(&name) {
                    Type::Union(name.to_owned())
                } else {
                    return Err(format!(
                        "type `{name}` is not supported; if it is a record, add it to codegen/src/surface.rs"
                    ));
                }
            }
            _ => return Err(unsupported()),
        };
        Ok(resolved)
    }
}

fn integer(name: &str) -> Type {
    // `usize` has no number in its name and counts as 64 bits.
    let bits = name.trim_start_matches(['i', 'u']).parse().unwrap_or(64);
    Type::Int { signed: name.starts_with('i'), bits }
}

/// The content of a `named!`, `open_enum!` or `error_kinds!`.
struct EnumMacro {
    name: String,
    doc: String,
    members: Vec<Member>,
}

impl Parse for EnumMacro {
    fn parse(input: ParseStream<'_>) -> syn::Result<EnumMacro> {
        let attributes = input.call(Attribute::parse_outer)?;
        let name: syn::Ident = input.parse()?;
        let body;
        syn::braced!(body in input);
        let mut members = Vec::new();
        while !body.is_empty() {
            members.push(parse_member(&body)?);
        }
        Ok(EnumMacro { name: name.to_string(), doc: doc(&attributes), members })
    }
}

/// Parses a member of a macro that defines an enum: `Variant = "name",`, `Variant: 1 = "name",` or `Variant = 1, "name", "Class";`.
fn parse_member(body: ParseStream<'_>) -> syn::Result<Member> {
    let attributes = body.call(Attribute::parse_outer)?;
    let variant: syn::Ident = body.parse()?;
    let (mut number, mut texts) = (None, Vec::new());
    if body.peek(Token![:]) {
        body.parse::<Token![:]>()?;
        number = Some(body.parse::<syn::LitInt>()?.base10_parse()?);
    }
    body.parse::<Token![=]>()?;
    loop {
        match body.parse()? {
            Lit::Int(value) => number = Some(value.base10_parse()?),
            Lit::Str(text) => texts.push(text.value()),
            other => return Err(syn::Error::new_spanned(other, "expected a number or a text")),
        }
        if body.peek(Token![;]) {
            body.parse::<Token![;]>()?;
            break;
        }
        if body.is_empty() {
            break;
        }
        body.parse::<Token![,]>()?;
        if !body.peek(Lit) {
            break;
        }
    }
    let mut texts = texts.into_iter();
    let name = texts.next().ok_or_else(|| syn::Error::new(variant.span(), "expected the member's name as a text"))?;
    Ok(Member { variant: variant.to_string(), name, doc: doc(&attributes), number, class: texts.next() })
}

/// Reads an enum that is defined without a macro. The names of its members are those of its variants in snake case.
fn plain_enum(file: &str, item: &syn::ItemEnum) -> Result<Enumeration, String> {
    let mut members = Vec::new();
    for variant in &item.variants {
        let number = match &variant.discriminant {
            Some((_, Expr::Lit(syn::ExprLit { lit: Lit::Int(value), .. }))) => Some(
                value.base10_parse().map_err(|error| format!("{file}: {}::{}: {error}", item.ident, variant.ident))?,
            ),
            Some(_) => return Err(format!("{file}: {}::{}: expected a number", item.ident, variant.ident)),
            None => None,
        };
        members.push(Member {
            variant: variant.ident.to_string(),
            name: snake_case(&variant.ident.to_string()),
            doc: doc(&variant.attrs),
            number,
            class: None,
        });
    }
    Ok(Enumeration { name: item.ident.to_string(), doc: doc(&item.attrs), open: false, members, file: file.to_owned() })
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn type_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// Returns the doc comment of an item, without the space after `///`.
fn doc(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            let line = text.value();
            lines.push(line.strip_prefix(' ').unwrap_or(&line).to_owned());
        }
    }
    lines.join("\n")
}

/// Evaluates a constant expression and returns its value in the form of [`Field::default`], or `None` if it is not a number, a boolean,
/// a text or a duration.
fn literal(value: &Expr, constants: &BTreeMap<String, Constant>) -> Option<String> {
    match value {
        Expr::Lit(value) => match &value.lit {
            Lit::Int(value) => Some(value.base10_digits().to_owned()),
            Lit::Float(value) => Some(value.base10_digits().to_owned()),
            Lit::Bool(value) => Some(value.value.to_string()),
            Lit::Str(value) => Some(format!("{:?}", value.value())),
            _ => None,
        },
        Expr::Paren(value) => literal(&value.expr, constants),
        Expr::Cast(value) => literal(&value.expr, constants),
        Expr::Path(path) => {
            let segments: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let last = segments.last()?;
            if segments.ends_with(&["Duration".to_owned(), "ZERO".to_owned()]) {
                return Some("0 s".to_owned());
            }
            let qualified = segments.get(segments.len().saturating_sub(2)..)?.join("::");
            constants.get(&qualified).or_else(|| constants.get(last)).map(|constant| constant.value.clone())
        }
        Expr::Binary(binary) => {
            let left: u64 = literal(&binary.left, constants)?.parse().ok()?;
            let right: u64 = literal(&binary.right, constants)?.parse().ok()?;
            let result = match binary.op {
                syn::BinOp::Add(_) => left.checked_add(right),
                syn::BinOp::Sub(_) => left.checked_sub(right),
                syn::BinOp::Mul(_) => left.checked_mul(right),
                syn::BinOp::Shl(_) => left.checked_mul(1_u64.checked_shl(u32::try_from(right).ok()?)?),
                _ => None,
            };
            result.map(|value| value.to_string())
        }
        Expr::Call(call) => duration(call, constants),
        _ => None,
    }
}

/// Reads a function whose body is one `match` from variants to lists of texts. Returns the variants and the texts of each arm, or `None` if it has
/// another form.
fn table(body: &syn::Block) -> Option<Vec<(Vec<String>, Vec<String>)>> {
    let [syn::Stmt::Expr(Expr::Match(table), None)] = body.stmts.as_slice() else { return None };
    let variant = |pattern: &syn::Pat| match pattern {
        syn::Pat::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    };
    let text = |value: &Expr| match value {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    let arm = |arm: &syn::Arm| {
        let variants = match &arm.pat {
            syn::Pat::Or(several) => several.cases.iter().map(variant).collect::<Option<_>>()?,
            one => vec![variant(one)?],
        };
        let Expr::Reference(list) = arm.body.as_ref() else { return None };
        let Expr::Array(list) = list.expr.as_ref() else { return None };
        Some((variants, list.elems.iter().map(text).collect::<Option<_>>()?))
    };
    table.arms.iter().map(arm).collect()
}

/// Returns the arms of `ChangeKind::present_fields` with the names of the kinds.
fn shapes(enums: &[Enumeration], arms: &[(Vec<String>, Vec<String>)]) -> Result<Vec<Shape>, String> {
    let Some(kinds) = enums.iter().find(|one| one.name == "ChangeKind") else { return Ok(Vec::new()) };
    let shape = |(variants, fields): &(Vec<String>, Vec<String>)| {
        let known = kinds.members.iter().filter(|member| variants.contains(&member.variant));
        Shape { kinds: known.map(|member| member.name.clone()).collect(), fields: fields.clone() }
    };
    let shapes: Vec<Shape> = arms.iter().map(shape).collect();
    let count: usize = shapes.iter().map(|shape| shape.kinds.len()).sum();
    if count == kinds.members.len() {
        Ok(shapes)
    } else {
        let all = kinds.members.len();
        Err(format!(
            "expected ChangeKind::present_fields to be one match from all {all} kinds to lists of texts, got {count} kinds"
        ))
    }
}

/// Evaluates a call: `Duration::from_secs(60)` as `60 s`, `Duration::from_millis(250)` as `250 ms`.
fn duration(call: &syn::ExprCall, constants: &BTreeMap<String, Constant>) -> Option<String> {
    let Expr::Path(path) = call.func.as_ref() else { return None };
    let unit = match path.path.segments.last()?.ident.to_string().as_str() {
        "from_secs" => "s",
        "from_millis" => "ms",
        _ => return None,
    };
    let arguments: &Punctuated<Expr, Token![,]> = &call.args;
    let amount = literal(arguments.first()?, constants)?;
    Some(format!("{amount} {unit}"))
}

/// Converts `UserCreated` to `user_created`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests;
