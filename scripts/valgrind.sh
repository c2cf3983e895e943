#!/bin/sh
# Installs valgrind with apt if it is missing. On a system without apt, fails with a message that says to install it.
set -eu
command -v valgrind >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1; then
    as_root=
    [ "$(id -u)" = 0 ] || as_root='sudo -n'
    if $as_root apt-get update -qq && $as_root apt-get install -y -qq valgrind >/dev/null; then
        exit 0
    fi
fi
echo "missing: valgrind, under which the C programs are tested: install it with your system's package manager" >&2
exit 1
