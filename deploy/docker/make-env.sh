#!/usr/bin/env bash
# Writes .env beside docker-compose.yml with random passwords. A file that is
# there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -e .env ]; then
	echo ".env is there already; nothing was changed" >&2
	exit 0
fi
umask 077
for name in FONDACO_NATS_PASSWORD_EVENT_HANDLER FONDACO_NATS_PASSWORD_WRITER FONDACO_NATS_PASSWORD_API FONDACO_NATS_PASSWORD_ORDERBOOK \
	FONDACO_NATS_PASSWORD_OPERATOR FONDACO_NATS_PASSWORD_PROVISIONER FONDACO_PG_SUPERUSER_PASSWORD FONDACO_PG_OWNER_PASSWORD \
	FONDACO_PG_READER_PASSWORD FONDACO_PG_REPLICA_PASSWORD FONDACO_REDIS_PASSWORD; do
	# A letter first: nats.conf reads a variable that looks like a number as one.
	echo "$name=p$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done >.env
echo "wrote .env"
