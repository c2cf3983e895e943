#!/bin/sh
# Checks what crates.io and docs.rs will show of the Rust packages: their files, and the documentation of headcount, with the features that docs.rs
# enables and with each feature alone. A broken link in it is an error.
set -eu
cd "$(dirname "$0")/.."

warnings=$(mktemp)
trap 'rm -f "$warnings"' EXIT
for package in headcount headcount-sandbox headcount-cli; do
    files=$(cargo package --list --allow-dirty --package "$package" 2>"$warnings")
    if [ -s "$warnings" ]; then
        cat "$warnings" >&2
        exit 1
    fi
    for file in LICENSE-APACHE LICENSE-MIT README.md; do
        echo "$files" | grep -qx "$file" || { echo "the package $package has no $file: cargo package --list" >&2; exit 1; }
    done
done

# Builds the documentation with these features. The features that choose the cryptography of TLS are not tested alone, because they have no effect alone.
document() {
    cargo doc --quiet --no-deps --package headcount --no-default-features --features "$1" || { echo "the documentation of headcount has errors with the features $1" >&2; exit 1; }
}
# A link target that is redundant with some features is needed with others.
export RUSTDOCFLAGS='--deny warnings --allow rustdoc::redundant_explicit_links'
for features in webhook http axum sqlite client,rustls-ring blocking,rustls-ring mirror,rustls-ring postgres,rustls-ring store-testing,rustls-ring; do
    document "$features"
done

# docs.rs marks items that need a feature. The nightly rustdoc can do this, and a stable one with RUSTC_BOOTSTRAP, which is set for rustdoc alone: if it
# were set for cargo as well, dependencies whose build scripts read it would be compiled again. `rustls-aws-lc` is left out: it adds no item to the
# documentation, and its C code takes a minute to compile.
mkdir -p target/docsrs
printf '#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n' >target/docsrs/rustdoc
chmod +x target/docsrs/rustdoc
RUSTDOC="$PWD/target/docsrs/rustdoc"
RUSTDOCFLAGS="$RUSTDOCFLAGS --cfg docsrs"
export RUSTDOC
document "$(sed -n 's/^features = \[\(.*\)\]$/\1/p' core/Cargo.toml | tr -d '" ' | sed 's/,rustls-aws-lc//')"
