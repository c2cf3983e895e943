//! Writes the generated files of every binding (records, enums, errors, types of events), and those of the core and the sandbox, from the Rust
//! definitions in `core` and the vendor's examples of events.
//!
//! `cargo run -p headcount-codegen` writes the files; with `--check` it writes nothing, prints the paths of the files that are stale, and exits
//! with status 1 if there are any.
//!
//! `read` parses the sources into the definitions of `ir`. There is one emitter per language (`c`, `python`, `node`, `openapi` for the API of `headcount serve`, and `rust` for the types
//! of events). An emitter returns the path and the content of each of its files; `write` writes or compares them. `surface` lists the records
//! that bindings offer and the fields with personal data, `events` the records of webhook events. `doc` converts doc comments.

mod c;
mod doc;
mod events;
mod ir;
mod node;
mod openapi;
mod python;
mod read;
mod rust;
mod surface;
mod write;

use ir::Definitions;
use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use write::Output;

type Emitter = fn(&Definitions) -> Result<Vec<Output>, String>;

const EMITTERS: &[(&str, Emitter)] =
    &[("rust", rust::emit), ("c", c::emit), ("python", python::emit), ("node", node::emit), ("openapi", openapi::emit)];

fn main() -> ExitCode {
    let check = match env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => return failed(&format!("unknown argument {other}; expected --check or no argument")),
    };
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match run(&root, check) {
        Ok(stale) if stale.is_empty() => ExitCode::SUCCESS,
        Ok(stale) => failed(&format!("stale: {}; run `make generate` and commit the result", stale.join(", "))),
        Err(problem) => failed(&problem),
    }
}

#[expect(clippy::print_stderr, reason = "a command-line tool reports here")]
fn failed(problem: &str) -> ExitCode {
    eprintln!("headcount-codegen: {problem}");
    ExitCode::FAILURE
}

/// Runs all emitters. Returns the paths of stale files if `check` is set; otherwise writes them and returns none.
fn run(root: &Path, check: bool) -> Result<Vec<String>, String> {
    let definitions = read::read(root)?;
    let mut stale = Vec::new();
    for (language, emit) in EMITTERS {
        for output in emit(&definitions).map_err(|problem| format!("{language}: {problem}"))? {
            if write::write(root, &output, check)? {
                stale.push(output.path);
            }
        }
    }
    Ok(stale)
}
