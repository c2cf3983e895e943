#!/bin/sh
# Mirrors every directory with the command alone, and asks questions about it: no program is written.
#
# Reads SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET. Needs `headcount` on the PATH. The mirror is the file
# headcount.db in the current folder.
set -eu

# Lists every directory. Later syncs list what has changed since.
headcount sync
headcount status

# Who is there, and why.
headcount users
user=$(headcount users --json | head -n 1 | sed 's/.*"email":"\([^"]*\)".*/\1/')
headcount explain "$user"

# What has changed, for a program: each line is one change. A consumer's position is stored, so the next call continues after it.
headcount changes --consumer accounts --json
