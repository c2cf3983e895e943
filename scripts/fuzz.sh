#!/bin/sh
# Runs each fuzz target for some seconds: `sh scripts/fuzz.sh 30`. The seeds are the committed fuzz/corpus/TARGET, which stays as it is, and what
# earlier runs found beside it in target/fuzz/corpus/TARGET. Chance is another each time; `FUZZ_SEED=1` makes a run the same again.
# An input that breaks something, or takes longer than a minute, is written to fuzz/artifacts/TARGET and fails the run.
#
# It needs the stable toolchain and a C++ compiler, and nothing installed: these are the flags that cargo-fuzz gives.
set -eu
seconds=${1:-30}
cd "$(dirname "$0")/../fuzz"
command -v "${CXX:-c++}" >/dev/null 2>&1 || { echo "missing: a C++ compiler (g++ or clang++), as 'c++' or in \$CXX" >&2; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions" \
    cargo build --quiet --locked --release --target "$host" --target-dir ../target/fuzz
for target in headers secret event; do
    found=../target/fuzz/corpus/$target
    mkdir -p "$found" "artifacts/$target"
    "../target/fuzz/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=60 -seed="${FUZZ_SEED:-0}" -verbosity=0 \
        -artifact_prefix="artifacts/$target/" "$found" "corpus/$target"
    echo "fuzz $target: nothing found in $seconds seconds"
done
