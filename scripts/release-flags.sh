#!/bin/sh
# Prints RUSTFLAGS for binaries that are published: without them, messages of panics contain paths of the machine that built them.
#
#   RUSTFLAGS=$(sh scripts/release-flags.sh) cargo build --release --package headcount-ffi
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# If rustup's component rust-src is installed, the standard library's paths are those of this machine.
echo "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$(rustc --print sysroot)=/rust --remap-path-prefix=$root=/headcount"
