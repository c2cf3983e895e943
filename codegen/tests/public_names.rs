//! Checks the public names of the crate `headcount`: each has one path, and the root has exactly the names in the list below. Checks also that the
//! main types have examples, and that the structs of `model` are `#[non_exhaustive]`.
//!
//! Reads `core/src` as text and follows `pub mod` and `pub use`. Left out are `blocking`, whose types have the same names as the async ones, and
//! items that are `doc(hidden)`.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syn::{Attribute, Item, UseTree, Visibility};

type Names = Vec<String>;

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src")
}

fn parse(path: &Path) -> Vec<Item> {
    syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap().items
}

/// Returns the items of the module `name` in `folder`, and the folder of its own modules.
fn module(folder: &Path, name: &str) -> (Vec<Item>, PathBuf) {
    let own = folder.join(name);
    let file = folder.join(format!("{name}.rs"));
    (parse(&if file.exists() { file } else { own.join("mod.rs") }), own)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "hidden")
    })
}

/// Adds the names that a `use` in the module with this folder brings into scope. A `*` brings those of the module that `path` names.
fn names_of_use(tree: &UseTree, folder: &Path, path: &mut Vec<String>, names: &mut Names) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            names_of_use(&step.tree, folder, path, names);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| names_of_use(tree, folder, path, names)),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Glob(_) => {
            let (start, steps) = match path[0].as_str() {
                "crate" => (core(), &path[1..]),
                _ => (folder.to_owned(), &path[..]),
            };
            let (mut items, mut folder) = (Vec::new(), start);
            for name in steps {
                (items, folder) = module(&folder, name);
            }
            let mut inside = BTreeMap::new();
            collect(items, &folder, "", &mut inside);
            names.extend(inside.remove("").unwrap_or_default());
        }
    }
}

/// Collects the public names of a module and of its public modules, by the module's path.
fn collect(items: Vec<Item>, folder: &Path, at: &str, found: &mut BTreeMap<String, Names>) {
    let mut names = Names::new();
    for item in items {
        let (attributes, visibility, name) = match &item {
            Item::Mod(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                let name = item.ident.to_string();
                let (items, own) = match &item.content {
                    Some((_, items)) => (items.clone(), folder.join(&name)),
                    None => module(folder, &name),
                };
                let path = if at.is_empty() { name } else { format!("{at}::{name}") };
                collect(items, &own, &path, found);
                continue;
            }
            Item::Use(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                names_of_use(&item.tree, folder, &mut Vec::new(), &mut names);
                continue;
            }
            Item::Struct(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Enum(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Trait(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Type(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Const(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Fn(item) => (&item.attrs, &item.vis, &item.sig.ident),
            _ => continue,
        };
        if is_public(visibility) && !is_hidden(attributes) {
            names.push(name.to_string());
        }
    }
    found.insert(at.to_owned(), names);
}

fn public_names() -> BTreeMap<String, Names> {
    let mut found = BTreeMap::new();
    collect(parse(&core().join("lib.rs")), &core(), "", &mut found);
    found
}

#[test]
fn every_public_name_has_one_path() {
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, names) in public_names() {
        if module.split("::").next() == Some("blocking") {
            continue;
        }
        for name in names {
            paths.entry(name).or_default().push(module.clone());
        }
    }
    // Names of each kind were found: of a re-export, of a definition in the module itself, and of a glob.
    assert_eq!(paths["Hold"], ["mirror"]);
    assert_eq!(paths["StoreFuture"], ["store"]);
    assert_eq!(paths["DirectoryUserData"], ["events"]);
    paths.retain(|_, modules| modules.len() > 1);
    assert_eq!(paths, BTreeMap::new(), "names with several paths");
}

#[test]
fn the_root_has_exactly_these_names() {
    let mut root = public_names().remove("").unwrap();
    root.sort();
    assert_eq!(
        root,
        [
            "Change",
            "ChangeKind",
            "Client",
            "ClientBuilder",
            "Error",
            "ErrorKind",
            "ErrorStatus",
            "Event",
            "Mirror",
            "MirrorBuilder",
            "MirrorUser",
            "Reason",
            "Removals",
            "Result",
            "Secret",
            "Timestamp",
            "UnknownName",
            "Webhook",
            "WebhookBuilder",
        ]
    );
}

/// Returns the lines of a doc comment.
fn documentation(attributes: &[Attribute]) -> Vec<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        pair.path.is_ident("doc").then(|| text.value())
    });
    lines.collect()
}

/// Returns the Rust files in a folder and its subfolders, without those of `blocking`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.filter(|path| path.file_stem().unwrap() != "blocking").flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn every_main_type_has_an_example() {
    let mut without = vec!["Client", "Error", "Mirror", "ReplayGuard", "Sandbox", "Source", "Store", "Webhook"];
    for path in [sources(&core()), sources(&core().join("../../sandbox/src"))].concat() {
        for item in parse(&path) {
            let (attributes, visibility, name) = match &item {
                Item::Struct(item) => (&item.attrs, &item.vis, &item.ident),
                Item::Trait(item) => (&item.attrs, &item.vis, &item.ident),
                _ => continue,
            };
            let lines = documentation(attributes);
            // rustdoc runs blocks without a language, and compiles those that are `no_run`.
            let has_code = lines.iter().any(|line| ["```", "```no_run"].contains(&line.trim()));
            if is_public(visibility) && has_code {
                without.retain(|wanted| name != wanted);
            }
        }
    }
    assert_eq!(without, [""; 0], "main types without an example");
}

#[test]
fn the_structs_of_the_model_are_non_exhaustive() {
    let mut structs = 0;
    for entry in std::fs::read_dir(core().join("model")).unwrap() {
        for item in parse(&entry.unwrap().path()) {
            let Item::Struct(item) = item else { continue };
            if !is_public(&item.vis) || !item.fields.iter().all(|field| is_public(&field.vis)) {
                continue;
            }
            let is_open = item.attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
            assert!(is_open, "{} is not #[non_exhaustive]", item.ident);
            structs += 1;
        }
    }
    assert!(structs >= 16, "{structs} structs were found");
}
