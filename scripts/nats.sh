#!/bin/sh
# Installs nats-server from Debian's package if it is missing. Starts no service, because the tests start their own servers.
set -eu
if [ -x /usr/sbin/nats-server ] || command -v nats-server >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo 'nats-server is missing: install the package nats-server' >&2
    exit 1
fi
undo=:
trap 'eval "$undo"' EXIT
# Debian runs this program before a package starts a service: exit status 101 forbids the start. If the file exists, the administrator made it, and it is
# not changed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    undo="rm -f $policy"
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update --quiet=2 >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends nats-server >/dev/null
