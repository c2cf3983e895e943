#!/bin/sh
# Installs nats-server from Debian's package if it is missing. Starts no service, because the tests start their own servers.
set -eu
if [ -x /usr/sbin/nats-server ] || command -v nats-server >/dev/null 2>&1; then
    exit 0
fi
. "$(dirname "$0")/debian.sh"
begin_installing 'nats-server is missing: install the package nats-server'
install_packages nats-server
