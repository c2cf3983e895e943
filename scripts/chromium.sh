#!/bin/sh
# Installs Chromium from Debian's packages if it is missing, for the tests of the page, and fonts for the names that the sandbox makes.
set -eu
if command -v "${HEADCOUNT_CHROMIUM:-chromium}" >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo 'Chromium is missing: install the package chromium, or set HEADCOUNT_CHROMIUM to the path of the program' >&2
    exit 1
fi
apt-get update --quiet=2 >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends chromium fonts-noto-core fonts-droid-fallback >/dev/null
