#!/bin/bash
# Runs once, in the primary's first start: the roles of the writer (which owns
# the schema), of the api (which can only read) and of the replica.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres \
	-v owner="$FONDACO_PG_OWNER_PASSWORD" -v reader="$FONDACO_PG_READER_PASSWORD" -v replica="$FONDACO_PG_REPLICA_PASSWORD" <<'SQL'
create role fondaco_owner login password :'owner';
create role fondaco_reader nologin;
create role fondaco_api login password :'reader' in role fondaco_reader;
alter role fondaco_api set default_transaction_read_only = on;
create role fondaco_replica login replication password :'replica';
create database fondaco owner fondaco_owner;
SQL

echo "host replication fondaco_replica all scram-sha-256" >>"$PGDATA/pg_hba.conf"
