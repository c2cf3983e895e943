#!/bin/sh
# Installs from Debian's packages, if they are missing, the tools that make the C package and those with which its tests use it.
set -eu
missing=
for tool in dpkg-deb:dpkg objcopy:binutils cmake:cmake make:make g++:g++ pkg-config:pkgconf lintian:lintian mmdebstrap:mmdebstrap man:man-db; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || missing="$missing ${tool#*:}"
done
[ -n "$missing" ] || exit 0
. "$(dirname "$0")/debian.sh"
begin_installing "missing for the C package and its tests: install these packages:$missing"
# shellcheck disable=SC2086 # a list of names
install_packages $missing
