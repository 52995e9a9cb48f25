# The house's commands. `make run` and `make test` set up what they need first.

SERVICES  := event-handler writer api orderbook devnet
MODULES    = $(shell go list -f '{{.Dir}}' -m)
BUF       := go run github.com/bufbuild/buf/cmd/buf@v1.75.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.0

# Flags of `go test`; `make verify` vets.
TESTFLAGS ?= -vet=off -timeout 25m

.PHONY: help run setup test test-long bench-chain bench-book bench-api build dev verify lint generate clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: setup build ## the whole house with a demo, in the foreground
	@exec bin/fondaco up --demo

setup: ## install what is missing (as root), or say what is
	@./deploy/setup.sh

build: ## bin/fondaco and bin/<service>
	@mkdir -p bin
	cd deploy/fondaco && go build -o ../../bin/fondaco ./cmd/fondaco
	@for s in $(SERVICES); do \
		echo "cd services/$$s && go build -o ../../bin/$$s ./cmd/$$s"; \
		(cd services/$$s && go build -o ../../bin/$$s ./cmd/$$s) || exit 1; \
	done

# The compiler that checks the TypeScript client; without it that test is skipped.
TYPESCRIPT := services/api/client/ts/node_modules/typescript

$(TYPESCRIPT):
	@if command -v npm >/dev/null; then (cd services/api/client/ts && npm ci --silent --no-audit --no-fund) || \
		echo "npm ci failed: the check of the TypeScript client is skipped" >&2; fi

# What runs the services as programs of their own, or on one goroutine, is played without
# the race detector: it sees into none of them, and slows the nodes and servers beside
# them. It watches those that run services in their own process.
PLAYED := bench e2e faults sim sim/venue
RACED  := ^TestDemo$$|^TestFaultTable$$/^mixed|^TestCasperTwins$$|^TestStream|^TestFenced

test: setup $(TYPESCRIPT) ## every test of every module, with the race detector where it sees something
	@played="$(PLAYED:%=fondaco.dev/deploy/fondaco/%)"; \
	run() { echo "== $$1, $$2"; (cd $$1 && shift 2 && go test $(TESTFLAGS) "$$@") || failed="$$failed $$1"; }; \
	for m in $(MODULES:$(CURDIR)/%=%); do \
		run $$m "race detector" -race $$(cd $$m && go list ./... | grep -vxF "$$(printf '%s\n' $$played)"); \
	done; \
	run deploy/fondaco "race detector, what runs services in the test's process" -race -run '$(RACED)' $$played; \
	run deploy/fondaco "whole programs" $$played; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

test-long: export FONDACO_KILLS ?= 500
test-long: export FONDACO_SEEDS ?= 20
test-long: export FONDACO_SIM_SEEDS ?= 2000
test-long: export FONDACO_REDIS_AWAY ?= 10s
test-long: ## the same tests, longer: more kills, seeds and random cases
	$(MAKE) test TESTFLAGS="-vet=off -timeout 3h"
	@for m in $(MODULES); do (cd $$m && \
		rapid=$$(go list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "pgregory.net/rapid"}}{{$$p}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "pgregory.net/rapid"}}{{$$p}} {{end}}{{end}}' ./...) && \
		if [ -n "$$(echo $$rapid)" ]; then go test -timeout 3h $$(echo $$rapid) -args -rapid.checks=5000; fi) || exit 1; \
	done

# Flags of a bench: -quick, -only, ...; `make bench-chain BENCHFLAGS=-h` lists them.
BENCHFLAGS ?=

bench-chain: setup ## how fast the chain goes from node to row, beside what is possible
	cd deploy/fondaco && go run ./cmd/bench-chain $(BENCHFLAGS)

bench-book: setup ## how fast orders go from a client to their events, beside what is possible
	cd deploy/fondaco && go run ./cmd/bench-book $(BENCHFLAGS)

bench-api: setup ## what clients get over REST and the live feed, beside what is possible
	cd deploy/fondaco && go run ./cmd/bench-api $(BENCHFLAGS)

dev: setup ## run the demo; rebuild and restart what a save changed, data kept
	cd deploy/fondaco && go build -o ../../bin/fondaco ./cmd/fondaco
	@exec bin/fondaco dev

verify: ## everything that must be true of a commit, tests aside
	@./deploy/verify.sh

lint: ## static analysis
	@for m in $(MODULES); do \
		echo "== $${m#$(CURDIR)/}"; \
		(cd $$m && $(STATICCHECK) ./...) || failed=1; \
	done; \
	test -z "$$failed"

generate: ## what is made from the protos, the topology and the api's description: Go code, nats.conf, clients
	cd proto && $(BUF) generate
	cd deploy/fondaco && UPDATE=1 go test ./container
	cd services/api && UPDATE=1 go test ./internal/clientgen

clean: ## remove what was built; data folders stay
	rm -rf bin
