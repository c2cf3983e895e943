#!/bin/sh
# Builds the C library and the C programs with AddressSanitizer, in separate folders: the sanitizer's compiler flags apply to all dependencies,
# so that nothing from the normal build can be used. To save time, only the shared library is built. The test that links the static library uses
# that of the normal build.
#
# It is optimized, unlike the normal build, because the sanitizer makes the stack of each function larger.
#
# The sanitizer comes with every toolchain; a stable one accepts the flag only with RUSTC_BOOTSTRAP.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_INCREMENTAL=0 \
    cargo rustc --quiet --package headcount-ffi --lib --crate-type cdylib --target "$host" --target-dir target/asan \
    --config profile.dev.package.headcount.opt-level=1 --config profile.dev.package.headcount-ffi.opt-level=1 \
    --config profile.dev.package.headcount-sandbox.opt-level=1
exec make --silent --no-print-directory -C tests/c \
    BUILD="$PWD/build/c-asan" LIB="$PWD/target/asan/$host/debug" STATIC_LIB="$PWD/target/debug/libheadcount.a" CFLAGS="-g -O1 -fsanitize=address"
