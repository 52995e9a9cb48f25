#!/bin/bash
# Entry point of the replica: copies the primary once, then follows it.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	mkdir -p "$PGDATA"
	chmod 0700 "$PGDATA"
	chown -R postgres "$PGDATA"
	export PGPASSWORD=$FONDACO_PG_REPLICA_PASSWORD
	# -R writes standby.signal and the connection; the slot keeps what the
	# replica has not had yet.
	until gosu postgres pg_basebackup -h postgres -U fondaco_replica -D "$PGDATA" -R -X stream -C -S replica_1; do
		echo "the primary is not ready to be copied; trying again"
		rm -rf "${PGDATA:?}"/*
		PGPASSWORD=$POSTGRES_PASSWORD psql -h postgres -U "$POSTGRES_USER" -d postgres -c \
			"select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'replica_1' and not active" || true
		sleep 2
	done
fi
exec docker-entrypoint.sh postgres -c hot_standby=on
