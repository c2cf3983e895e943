#!/bin/sh
# Checks the dependencies with cargo-deny, as deny.toml says: `sh scripts/deny.sh PATH_OF_CARGO_DENY`. Known vulnerabilities are checked where their
# database, a repository on GitHub, can be fetched.
set -eu
cd "$(dirname "$0")/.."
deny="$1 --features headcount/postgres --log-level error"
model="$1 --manifest-path model/Cargo.toml --log-level error"
$deny check licenses bans sources
$model check licenses bans sources
if timeout 60 $deny fetch db >/dev/null 2>&1; then
    $deny check --disable-fetch advisories
    $model check --disable-fetch advisories
else
    echo 'the database of vulnerabilities cannot be fetched: advisories are not checked' >&2
fi
