#!/bin/sh
# Checks that the required tools are installed, and names those that are missing: Rust, a C and a C++ compiler, Python >= 3.9, Node >= 20.17.
set -u
missing=0
need() {
    printf 'missing: %s\n' "$1" >&2
    missing=1
}
# at_least WANTED FOUND: succeeds if the dotted version FOUND is WANTED or newer.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
if rust=$(cargo --version 2>/dev/null); then
    at_least "$rust_wanted" "$(echo "$rust" | cut -d' ' -f2)" || need "Rust $rust_wanted or newer (this is $rust): run 'rustup update'"
else
    need "Rust $rust_wanted or newer: https://rustup.rs"
fi
command -v "${CC:-cc}" >/dev/null 2>&1 || need "a C compiler (gcc or clang), as 'cc' or in \$CC"
command -v "${CXX:-g++}" >/dev/null 2>&1 || need "a C++ compiler (g++ or clang++), as 'g++' or in \$CXX"
if python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
    at_least 3.9 "$python" || need "Python 3.9 or newer (this is $python)"
    python3 -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv module (Debian: python3-venv)"
else
    need "Python 3.9 or newer, as 'python3'"
fi
if node=$(node --version 2>/dev/null); then
    at_least 20.17 "${node#v}" || need "Node 20.17 or newer (this is ${node#v})"
    command -v npm >/dev/null 2>&1 || need "npm, which comes with Node"
else
    need "Node 20.17 or newer: https://nodejs.org"
fi
if [ "$missing" = 1 ]; then
    echo "Install what is missing and try again." >&2
    exit 1
fi
