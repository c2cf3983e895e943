//! On macOS, lets the linker leave Python's functions undefined: the process that loads the library has them. maturin passes the same arguments;
//! a plain `cargo build` of the whole workspace needs them as well.
#![allow(clippy::print_stdout, reason = "cargo reads the output of a build script")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos") {
        println!("cargo::rustc-link-arg-cdylib=-undefined");
        println!("cargo::rustc-link-arg-cdylib=dynamic_lookup");
    }
}
