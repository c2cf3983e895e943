#!/bin/sh
# Fails if a path of this machine is in a file that is published: `sh scripts/paths.sh FILE…`. Archives are
# unpacked. scripts/release-flags.sh has the flags that keep paths out.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
status=0
for file in "$@"; do
    rm -rf "${unpacked:?}"/*
    case $file in
    *.whl) "${PYTHON:-python3}" -m zipfile -e "$file" "$unpacked" ;;
    *.tgz | *.tar.gz | *.crate) tar -xzf "$file" -C "$unpacked" ;;
    *.deb) dpkg-deb --extract "$file" "$unpacked" ;;
    *) cp "$file" "$unpacked" ;;
    esac
    if grep --recursive --text --only-matching --max-count=5 --fixed-strings -e "$root/" -e "${CARGO_HOME:-$HOME/.cargo}/" \
        -e "$(rustc --print sysroot)/" -e "$HOME/" "$unpacked" >&2; then
        echo "$file: a path of this machine is in it" >&2
        status=1
    fi
done
exit $status
