#!/bin/sh
# Fails if the commits since BASE change code of the packages and not the changelog: `sh scripts/changelog.sh BASE`. CI runs it for each pull request.
set -eu
cd "$(dirname "$0")/.."
base=$(git merge-base "$1" HEAD)
changed=$(git diff --name-only "$base" HEAD)
echo "$changed" | grep -qx 'CHANGELOG.md' && exit 0
published=$(echo "$changed" | grep -E '^(core|ffi|sandbox|cli|bindings-python|bindings-node|include)/' | grep -vE '/tests?/|/snapshots/' || true)
[ -z "$published" ] && exit 0
echo "These files are published, and CHANGELOG.md is not changed. Add a line under \"Unreleased\" that says what users notice:" >&2
echo "$published" >&2
exit 1
