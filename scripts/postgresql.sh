#!/bin/sh
# Installs PostgreSQL, pgbouncer, Patroni, etcd, nginx and jq from Debian's packages if they are missing. Starts no service and creates no database cluster,
# because the tests that use these programs start their own servers.
set -eu
# Debian's packages install the programs in these places.
has_postgresql() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_pgbouncer() { [ -x /usr/sbin/pgbouncer ]; }
has_patroni() { [ -x /usr/bin/patroni ]; }
has_etcd() { [ -x /usr/bin/etcd ]; }
has_nginx() { [ -x /usr/sbin/nginx ]; }
has_jq() { command -v jq >/dev/null 2>&1; }
if has_postgresql && has_pgbouncer && has_patroni && has_etcd && has_nginx && has_jq; then
    exit 0
fi
. "$(dirname "$0")/debian.sh"
begin_installing 'PostgreSQL, pgbouncer, Patroni, etcd, nginx or jq is missing: install the packages postgresql (15 or later), pgbouncer, patroni, etcd-server, nginx and jq'
if ! has_postgresql; then
    install_packages postgresql-common
    settings=/etc/postgresql-common/createcluster.conf
    cp --preserve "$settings" "$settings.before-headcount"
    undo="$undo; mv $settings.before-headcount $settings"
    echo 'create_main_cluster = false' >>"$settings"
    install_packages postgresql
fi
has_pgbouncer || install_packages pgbouncer
has_patroni || install_packages patroni
has_etcd || install_packages etcd-server
has_nginx || install_packages nginx-light
has_jq || install_packages jq
