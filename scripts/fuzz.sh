#!/bin/sh
# Runs each fuzz target for a number of seconds: `sh scripts/fuzz.sh 30`. A run starts from the inputs in fuzz/corpus/TARGET, which are committed and
# stay unchanged, and those that earlier runs found, in target/fuzz/corpus/TARGET. The random seed differs in each run; `FUZZ_SEED=1` sets it.
# An input that crashes the target, or takes longer than a minute, is written to fuzz/artifacts/TARGET and fails the run.
#
# It needs only the stable toolchain and a C++ compiler: the flags are those of cargo-fuzz.
set -eu
seconds=${1:-30}
cd "$(dirname "$0")/../fuzz"
command -v "${CXX:-c++}" >/dev/null 2>&1 || { echo "missing: a C++ compiler (g++ or clang++), as 'c++' or in \$CXX" >&2; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions" \
    cargo build --quiet --locked --release --target "$host" --target-dir ../target/fuzz
# Two targets at a time; each uses one processor.
printf '%s\n' event secret headers | xargs -n 1 -P 2 sh -eu -c '
    target=$3
    found=../target/fuzz/corpus/$target
    mkdir -p "$found" "artifacts/$target"
    output=$("../target/fuzz/$1/release/$target" -max_total_time="$2" -max_len=4096 -timeout=60 -seed="${FUZZ_SEED:-0}" -verbosity=0 \
        -artifact_prefix="artifacts/$target/" "$found" "corpus/$target" 2>&1) || {
        printf "%s\nfuzz %s: failed\n" "$output" "$target" >&2
        exit 1
    }
    echo "fuzz $target: no failure in $2 seconds"
' fuzz "$host" "$seconds"
