#!/bin/sh
# Replaces cargo when maturin packs the wheel for the demo and the tests: `CARGO=scripts/cargo.sh pip wheel ./bindings-python`.
#
# maturin runs `cargo rustc` for this package alone. Dependencies can then have other features than in a build of several packages, and cargo
# would compile them again. This script runs the build that everything else shares instead (HEADCOUNT_CARGO_BUILD, which the Makefile sets)
# and leaves out the variables that maturin adds for pyo3's build script, because another value makes cargo compile pyo3 again. maturin finds
# the library in the messages that cargo prints. A wheel for users is built without this script.
#
# packaging/build.py has built everything before: then HEADCOUNT_CARGO_MESSAGES is the file with what cargo printed.
set -eu
if [ "${1-}" = rustc ] && [ -n "${HEADCOUNT_CARGO_MESSAGES-}" ]; then
    exec cat "$HEADCOUNT_CARGO_MESSAGES"
fi
if [ "${1-}" = rustc ] && [ -n "${HEADCOUNT_CARGO_BUILD-}" ]; then
    unset CARGO PYO3_CONFIG_FILE PYO3_ENVIRONMENT_SIGNATURE PYO3_PYTHON
    # The variable has several arguments, which the shell splits.
    # shellcheck disable=SC2086
    exec cargo build --message-format json-render-diagnostics $HEADCOUNT_CARGO_BUILD
fi
exec cargo "$@"
