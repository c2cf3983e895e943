#!/bin/sh
# Builds the library and the C programs with AddressSanitizer, into folders of their own. The sanitizer is in every toolchain; a stable
# one has to be told that it may be used.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address \
    cargo build --quiet --package headcount-ffi --target "$host" --target-dir target/asan
exec make --silent --no-print-directory -C tests/c \
    BUILD="$PWD/build/c-asan" LIB="$PWD/target/asan/$host/debug" CFLAGS="-g -O1 -fsanitize=address"
