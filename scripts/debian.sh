# Functions that install Debian's packages without starting their services. The scripts that install programs for the tests read this file.

# Debian runs this program before a package starts a service: exit status 101 forbids the start. If the file exists, the administrator made it, and it is
# not changed.
policy=/usr/sbin/policy-rc.d

# A script adds commands that undo its own changes of the system. They run at its end.
undo=:
trap 'eval "$undo"' EXIT

# Ends the script with this message if it may not install packages; otherwise reads the lists of packages.
begin_installing() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "$1" >&2
        exit 1
    fi
    if [ ! -e "$policy" ]; then
        undo="rm -f $policy"
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    apt-get update --quiet=2 >/dev/null
}

install_packages() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "$@" >/dev/null
}
