#!/bin/sh
# Fails if a committed file contains a path below a user's home folder, or a lock file contains the address of a package registry.
set -eu
cd "$(dirname "$0")/.."
status=0
refuse() {
    if git grep -nIE "$1" -- . ':!scripts/repository.sh' ':!Cargo.lock' >&2; then
        echo "refused: $2" >&2
        status=1
    fi
}
refuse '"resolved": *"http' 'a registry address in a lock file (npm install --omit-lockfile-registry-resolved leaves them out)'
refuse '(^|[^a-zA-Z0-9_.-])/(root|home|Users)/[a-z]' 'a path in a home folder, which other machines do not have'
exit $status
