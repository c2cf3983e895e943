#!/bin/sh
# Runs each fuzz target for some seconds, from its committed corpus: `sh scripts/fuzz.sh 30`. What it finds beside the corpus stays in
# target/fuzz; an input that breaks something is written to fuzz/artifacts and ends the run.
#
# It needs the toolchain and a C++ compiler: these are the flags that cargo-fuzz gives.
set -eu
seconds=${1:-30}
cd "$(dirname "$0")/../fuzz"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions" \
    cargo build --quiet --release --target "$host" --target-dir ../target/fuzz
for target in headers secret event; do
    found=../target/fuzz/corpus/$target
    mkdir -p "$found" "artifacts/$target"
    "../target/fuzz/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -verbosity=0 \
        -artifact_prefix="artifacts/$target/" "$found" "corpus/$target"
    echo "fuzz $target: nothing found in $seconds seconds"
done
