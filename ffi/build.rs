//! Gives the shared library its SONAME, which programs that are linked with it record. Only for packages (`HEADCOUNT_SONAME`), which install the file
//! under this name: a program that is linked with `target/release/libheadcount.so` looks for a file of that name.
#![allow(clippy::print_stdout, reason = "cargo reads the output of a build script")]

fn main() {
    println!("cargo::rerun-if-env-changed=HEADCOUNT_SONAME");
    println!("cargo::rerun-if-changed=build.rs");
    if let Ok(soname) = std::env::var("HEADCOUNT_SONAME") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{soname}");
    }
}
