//! What is checked on the sources: `include/headcount.h` is what cbindgen makes of them today (`HEADCOUNT_BLESS=1` writes it),
//! and no exported function goes around the border.

use std::path::Path;

#[test]
fn the_header_is_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("../include/headcount.h");
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let mut fresh = Vec::new();
    cbindgen::generate_with_config(folder, config).expect("the header can be made").write(&mut fresh);
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

/// A body that is not one of the border's four ways could unwind into C, or follow a NULL.
#[test]
fn every_function_goes_through_the_border() {
    let mut functions = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("the sources are there") {
        let source = std::fs::read_to_string(file.expect("a file").path()).expect("a source is text");
        for function in source.split("#[unsafe(no_mangle)]").skip(1) {
            let (signature, body) = function.split_once(" {\n").expect("a function has a body");
            let body = body.split("\n}\n").next().unwrap_or_default();
            let first = body
                .lines()
                .map(str::trim)
                .find(|line| !line.starts_with("const ") && !line.starts_with("let "))
                .unwrap_or_default();
            let through = ["call!(error, ", "start!(error, ", "read!(", "free!(", "look(|| "]
                .iter()
                .any(|way| first.starts_with(way));
            assert!(through, "goes around the border:{signature}");
            functions += 1;
        }
    }
    assert!(functions > 100, "only {functions} functions were found");
}
