#!/bin/sh
# Runs PostgreSQL in /data, which may be a disk in memory and then comes empty. ONLY is the kind of connection that it takes.
set -e
if [ ! -d /data/postgres ]; then
  rm -rf /data/new
  cp -a /var/lib/postgresql/template /data/new
  echo "${ONLY:-host} all all all scram-sha-256" > /data/new/pg_hba.conf
  mv /data/new /data/postgres
fi
if [ -d /tmp/tls ]; then
  rm -rf /data/tls
  cp -r /tmp/tls /data/tls
  chmod -R go= /data/tls
fi
exec postgres -D /data/postgres -c listen_addresses='*' -c min_wal_size=2MB -c max_wal_size=8MB "$@"
