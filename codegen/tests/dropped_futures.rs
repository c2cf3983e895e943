//! Checks that each public async function of the crates `headcount` and `headcount-sandbox` says whether its future may be dropped, and what the
//! effect is: its documentation has a sentence that begins with "The future may be dropped:" or "The future must not be dropped:".
//!
//! Reads the sources as text. The public functions are the functions and inherent methods that are `pub`, and the methods of traits that are `pub`;
//! `IntoFuture` is documented at its implementation. Items that are `doc(hidden)`, or compiled only for tests, are left out.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use syn::{
    Attribute, Expr, ImplItem, Item, Lit, Meta, ReturnType, Signature, TraitItem, Type, TypeParamBound, Visibility,
};

const MAY: &str = "The future may be dropped:";
const MUST_NOT: &str = "The future must not be dropped:";

/// Type aliases of futures that the crates define.
const ALIASES: [&str; 2] = ["StoreFuture", "SourceFuture"];

/// What was found in the sources.
#[derive(Default)]
struct Found {
    /// All public async functions, as `file: name`.
    all: Vec<String>,
    /// Those that do not say whether their future may be dropped.
    silent: Vec<String>,
}

impl Found {
    fn add(&mut self, file: &str, name: &str, attributes: &[Attribute]) {
        if is_hidden(attributes) {
            return;
        }
        let name = format!("{file}: {name}");
        let text = documentation(attributes);
        if !text.contains(MAY) && !text.contains(MUST_NOT) {
            self.silent.push(name.clone());
        }
        self.all.push(name);
    }
}

fn documentation(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ")
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("doc") => list.tokens.to_string() == "hidden",
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        _ => false,
    })
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Returns whether a type is a future: `impl Future`, a box of `dyn Future`, or an alias of one.
fn is_future(ty: &Type) -> bool {
    let is_bound = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "Future"),
        _ => false,
    };
    match ty {
        Type::ImplTrait(bounded) => bounded.bounds.iter().any(is_bound),
        Type::TraitObject(bounded) => bounded.bounds.iter().any(is_bound),
        Type::Path(named) => named.path.segments.last().is_some_and(|last| {
            let boxed = match &last.arguments {
                syn::PathArguments::AngleBracketed(arguments) if last.ident == "Pin" || last.ident == "Box" => {
                    arguments.args.iter().any(|argument| match argument {
                        syn::GenericArgument::Type(inner) => is_future(inner),
                        _ => false,
                    })
                }
                _ => false,
            };
            boxed || last.ident == "BoxFuture" || ALIASES.iter().any(|alias| last.ident == alias)
        }),
        _ => false,
    }
}

fn is_async(signature: &Signature) -> bool {
    let returns_future = match &signature.output {
        ReturnType::Type(_, ty) => is_future(ty),
        ReturnType::Default => false,
    };
    signature.asyncness.is_some() || returns_future
}

fn read_items(items: Vec<Item>, file: &str, found: &mut Found) {
    for item in items {
        match item {
            Item::Mod(item) if !is_hidden(&item.attrs) => {
                read_items(item.content.map(|(_, items)| items).unwrap_or_default(), file, found);
            }
            Item::Fn(item) if is_public(&item.vis) && is_async(&item.sig) => {
                found.add(file, &item.sig.ident.to_string(), &item.attrs);
            }
            Item::Trait(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                for method in &item.items {
                    if let TraitItem::Fn(method) = method
                        && is_async(&method.sig)
                    {
                        found.add(file, &format!("{}::{}", item.ident, method.sig.ident), &method.attrs);
                    }
                }
            }
            Item::Impl(item) if item.trait_.is_none() => {
                for method in &item.items {
                    if let ImplItem::Fn(method) = method
                        && is_public(&method.vis)
                        && is_async(&method.sig)
                    {
                        found.add(file, &method.sig.ident.to_string(), &method.attrs);
                    }
                }
            }
            Item::Impl(item) => {
                let last = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
                if last.is_some_and(|last| last.ident == "IntoFuture") {
                    found.add(file, "IntoFuture", &item.attrs);
                }
            }
            _ => {}
        }
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn each_public_async_function_says_whether_its_future_may_be_dropped() {
    let mut found = Found::default();
    for crate_folder in ["core", "sandbox"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(crate_folder).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        files.sort();
        for path in files {
            let file = format!("{crate_folder}/{}", path.strip_prefix(&root).unwrap().display());
            // The functions in this folder are tests of stores. They are public because a macro calls them, and are not part of the API.
            if !file.contains("/conformance/") {
                let text = std::fs::read_to_string(&path).unwrap();
                read_items(syn::parse_file(&text).unwrap().items, &file, &mut found);
            }
        }
    }
    // One of each kind was found: an async method, a method that returns a future, methods of traits, and an implementation of `IntoFuture`.
    for name in [
        "core/mirror/receive.rs: receive",
        "core/mirror/handle.rs: close",
        "core/store/mod.rs: Store::write",
        "core/mirror/source.rs: SourcePages::next",
        "core/mirror/sync.rs: IntoFuture",
    ] {
        assert!(found.all.iter().any(|found| found == name), "{name} is not in {:#?}", found.all);
    }
    assert_eq!(
        found.silent,
        Vec::<String>::new(),
        "functions without a sentence that begins with {MAY:?} or {MUST_NOT:?}"
    );
}

#[test]
fn a_function_without_the_sentence_is_found() {
    let text = "
        /// Reads. The future may be dropped: it only reads.
        pub async fn documented() {}
        pub async fn silent() {}
        pub fn boxed() -> Pin<Box<dyn Future<Output = ()> + Send>> {}
        async fn private() {}
        pub(crate) async fn internal() {}
        #[doc(hidden)]
        pub async fn hidden() {}
    ";
    let mut found = Found::default();
    read_items(syn::parse_file(text).unwrap().items, "file.rs", &mut found);
    assert_eq!(found.silent, ["file.rs: silent", "file.rs: boxed"]);
    assert_eq!(found.all.len(), 3);
}
