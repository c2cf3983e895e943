#!/bin/sh
# Runs quickstart.sh against a sandbox, in a temporary folder. Needs `headcount` on the PATH.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
cd "$folder"
headcount sandbox --organizations 1 --users 4 --groups 1 --env > sandbox.env &
sandbox=$!
trap 'kill "$sandbox"; wait "$sandbox" || true; rm -rf "$folder"' EXIT
until grep -q SCALEKIT_WEBHOOK_SECRET sandbox.env; do
    kill -0 "$sandbox" # ends this script if the sandbox could not be started
    sleep 0.05
done
. ./sandbox.env
timeout 60 sh "$here/quickstart.sh" > output
grep 'State: mirrored, active' output
created=$(grep -c '"kind":"user.created"' output)
if [ "$created" != 4 ]; then
    echo "expected the creation of 4 users, got $created:" >&2
    cat output >&2
    exit 1
fi
echo "the quickstart works"
