#!/usr/bin/env bash
# What must be true of every commit, tests aside. Every check runs; the names of
# those that failed are told at the end.
set -uo pipefail
cd "$(dirname "$0")/.."

buf="go run github.com/bufbuild/buf/cmd/buf@v1.75.0"
failed=()
check() { # name, command...
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok    $name"
	else
		echo "FAIL  $name"
		[ -z "$out" ] || sed 's/^/      /' <<<"$out"
		failed+=("$name")
	fi
}

mapfile -t modules < <(go list -f '{{.Dir}}' -m)

builds_alone() { (cd "$1" && GOWORK=off go build ./...); }
vetted() { (cd "$1" && go vet ./...); }
tidy() { (cd "$1" && GOWORK=off go mod tidy -diff); }
for m in "${modules[@]}"; do
	name=${m#"$PWD"/}
	check "$name builds without the workspace" builds_alone "$m"
	check "$name vet" vetted "$m"
	check "$name tidy" tidy "$m"
done

formatted() {
	local out
	out=$(gofmt -l "${modules[@]}" | grep -v /node_modules/)
	[ -z "$out" ] || { echo "$out"; return 1; }
}
check gofmt formatted

check "buf lint" bash -c "cd proto && $buf lint"

# The generated code is made anew beside the committed one and compared.
generated() {
	local tmp status=0
	tmp=$(mktemp -d) || return 1
	cp -r proto "$tmp/proto" &&
		(cd "$tmp/proto" && GOWORK=off $buf generate) &&
		diff -r -q proto "$tmp/proto" || status=1
	rm -rf "$tmp"
	return $status
}
check "generated code is current" generated

# Against the last commit that has protos: uncommitted changes on a branch of
# work, the commit before in a clean checkout.
breaking() {
	local base=HEAD
	git rev-parse -q --verify HEAD:proto/buf.yaml >/dev/null 2>&1 || return 0
	if git diff --quiet HEAD -- proto; then
		git rev-parse -q --verify HEAD~1:proto/buf.yaml >/dev/null 2>&1 || return 0
		base=HEAD~1
	fi
	local tmp status=0
	tmp=$(mktemp -d) || return 1
	git archive "$base" proto | tar -x -C "$tmp" && (cd proto && $buf breaking --against "$tmp/proto") || status=1
	rm -rf "$tmp"
	return $status
}
check "buf breaking" breaking

rules() { (cd deploy/fondaco && go test ./rules); }
check "imports, exports, purity, go versions" rules

schema() { (cd services/writer && go test -run 'Schema|Migrat' ./...); }
check "migrations end in the committed schema" schema

if [ ${#failed[@]} -gt 0 ]; then
	printf 'verify failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
