//! Checks that `include/headcount.h` is what cbindgen makes of the sources (`HEADCOUNT_BLESS=1` writes it), and that every exported function
//! uses one of the macros and functions that catch panics.
#![allow(clippy::expect_used, reason = "a test")]

use headcount_core::mirror::METRICS_CONTENT_TYPE;
use std::path::{Path, PathBuf};

#[test]
fn the_committed_header_is_what_cbindgen_makes_of_the_sources() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("../include/headcount.h");
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let mut fresh = Vec::new();
    cbindgen::generate_with_config(folder, config).expect("the header can be made").write(&mut fresh);
    let fresh = adapted(String::from_utf8(fresh).expect("the header is text")).into_bytes();
    if std::env::var_os("HEADCOUNT_BLESS").is_some() {
        std::fs::write(&path, fresh).expect("the header can be written");
        return;
    }
    let committed = std::fs::read(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "include/headcount.h is stale: run `HEADCOUNT_BLESS=1 cargo test -p headcount-ffi --test header` and commit it"
    );
}

/// Changes what cbindgen has no settings for: functions return `hc_status`, not `enum hc_status`, which are two types to cgo; negative constants
/// are in parentheses; and the version and the content type of metrics are defined.
fn adapted(header: String) -> String {
    let mut lines = Vec::new();
    for line in header.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["enum", name, ref rest @ ..]
                if rest.first().is_some_and(|next| next.starts_with("hc_") && next.contains('(')) =>
            {
                lines.push(format!("{name} {}", rest.join(" ")));
            }
            ["#define", name, value] if value.starts_with('-') => lines.push(format!("#define {name} ({value})")),
            _ => lines.push(line.to_owned()),
        }
        if line == "#include <stdint.h>" {
            lines.push(
                "\n/**\n * The version of this header, as numbers. hc_version() returns that of the library.\n */"
                    .to_owned(),
            );
            for (name, number) in [
                ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
                ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
                ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
            ] {
                lines.push(format!("#define HC_VERSION_{name} {number}"));
            }
            lines.push(format!(
                "\n/**\n * The content type of the text that hc_mirror_metrics gives, for the answer of a web server.\n */\n\
                 #define HC_METRICS_CONTENT_TYPE \"{METRICS_CONTENT_TYPE}\""
            ));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// To cgo, `enum hc_status` and `hc_status` are two types, and the constants have the second one.
#[test]
fn functions_return_types_without_the_word_enum() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/headcount.h");
    let header = std::fs::read_to_string(path).expect("the header can be read");
    let lines_that_begin = |text: &str| header.lines().filter(|line| line.starts_with(text)).count();
    assert_eq!(lines_that_begin("enum hc_"), 0);
    assert!(lines_that_begin("hc_status hc_") > 50);
}

/// Returns the paths of all files in a directory and its subdirectories.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Any other function could unwind into C or dereference NULL.
#[test]
fn every_exported_function_begins_with_a_macro_or_function_that_catches_panics() {
    let mut functions = 0;
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let source = std::fs::read_to_string(path).expect("a source is text");
        for function in source.split("#[unsafe(no_mangle)]").skip(1) {
            let (signature, body) = function.split_once(" {\n").expect("a function has a body");
            let body = body.split("\n}\n").next().unwrap_or_default();
            let first = body
                .lines()
                .map(str::trim)
                .find(|line| !line.starts_with("const ") && !line.starts_with("let "))
                .unwrap_or_default();
            let catches_panics =
                ["call!(error, ", "decide!(error, ", "start!(error, ", "read!(", "free!(", "value_or_absent(|| "]
                    .iter()
                    .any(|beginning| first.starts_with(beginning));
            assert!(
                catches_panics,
                "does not begin with `call!`, `read!`, `free!` or another that catches panics:{signature}"
            );
            functions += 1;
        }
    }
    assert!(functions > 100, "only {functions} functions were found");
}
