#!/bin/sh
# Installs Chromium from Debian's packages if it is missing, for the tests of the page, and fonts for the names that the sandbox makes.
set -eu
if command -v "${HEADCOUNT_CHROMIUM:-chromium}" >/dev/null 2>&1; then
    exit 0
fi
. "$(dirname "$0")/debian.sh"
begin_installing 'Chromium is missing: install the package chromium, or set HEADCOUNT_CHROMIUM to the path of the program'
install_packages chromium fonts-noto-core fonts-droid-fallback
