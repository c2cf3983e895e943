#!/bin/sh
# Installs Java, PHP and Ruby from Debian's packages if they are missing, for the tests of examples/sidecar.
set -eu
missing=
command -v javac >/dev/null 2>&1 || missing="$missing default-jdk-headless"
command -v php >/dev/null 2>&1 || missing="$missing php-cli"
command -v ruby >/dev/null 2>&1 || missing="$missing ruby"
if [ -z "$missing" ]; then
    exit 0
fi
. "$(dirname "$0")/debian.sh"
begin_installing "programs are missing: install the packages$missing"
# shellcheck disable=SC2086
install_packages $missing
