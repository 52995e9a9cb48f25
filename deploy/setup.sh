#!/usr/bin/env bash
# Installs the programs that the house runs beside itself, or says which are
# missing. Everything builds without them; without redis-server everything runs
# too, and tests that need what is missing skip by name (under CI=true they fail).
set -euo pipefail

have_postgres() {
	[ -n "${FONDACO_PG_BIN:-}" ] || command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

look() {
	missing=()
	have_postgres || missing+=(postgresql)
	command -v redis-server >/dev/null || missing+=(redis-server)
}

install() {
	local log
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	# Debian's package makes a cluster and starts a server of its own; neither
	# is wanted here.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		mkdir -p /etc/postgresql-common
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
	fi
	if ! { apt-get update && apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
	fi
	rm -f "$log"
}

look
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
	echo "installing ${missing[*]}"
	install "${missing[@]}"
	look
fi
for name in "${missing[@]}"; do
	case $name in
	postgresql) echo "missing: postgresql (initdb and postgres). Install it, or set FONDACO_PG_BIN to the folder of its programs." >&2 ;;
	redis-server) echo "missing: redis-server. Going on with an in-process stand-in." >&2 ;;
	esac
done
if [ "${CI:-}" = true ] && [ ${#missing[@]} -gt 0 ]; then
	exit 1
fi
