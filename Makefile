# CDT. `make` alone prints what there is to make.

SHELL       := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO            ?= go
LINT_VERSION  := v2.15.0
BIN           := $(CURDIR)/bin
LINT          := $(BIN)/golangci-lint-$(LINT_VERSION)
# The race detector needs a C compiler; without one the tests run all the same.
# SQLite (C translated to Go) is left out of its watch: it is not our code, and six times slower under it.
RACE          := $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && echo '-race -gcflags=modernc.org/...=-race=false')
# Programs of tests without tables for debuggers, which take a quarter of their linking; and vetted once, by the linter, not for the detector as well.
QUICK         := -ldflags='-s -w' -vet=off
TEST_FLAGS    ?=
BENCH         ?= .
BENCHTIME     ?= 1x

##@ Use

build: ## Build bin/dtctl
	$(GO) build -o $(BIN)/dtctl ./cmd/dtctl

demo: ## Run the CCAT route on made-up observations, from telescope to archives, and check every byte
	$(GO) run ./cmd/dtctl demo

##@ Deploy (needs a Docker engine)

COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

up: ## Build and start everything of docker-compose.yml; Grafana at http://localhost:3000
	$(COMPOSE) --profile full up -d --build
	@echo "Grafana: http://localhost:3000, user cdt; make password shows the password"

down: ## Stop it; the data stay in their volumes
	$(COMPOSE) --profile full down

smoke: ## Send files through what runs: archives fill, panels have data
	COMPOSE='$(COMPOSE)' deploy/compose/smoke.sh

password: ## Print the password of Grafana's user cdt
	@$(COMPOSE) --profile full exec -T grafana cat /run/keys/admin_password

pin: ## Write the digests of the images into docker-compose.yml, where a registry can be reached
	@for image in $$(sed -n 's/^    image: \([a-z0-9.\/-]*:[^ @]*\)$$/\1/p' docker-compose.yml | grep -v '^cdt:' | sort -u); do \
	  docker pull -q "$$image" >/dev/null; \
	  digest=$$(docker inspect --format '{{index .RepoDigests 0}}' "$$image"); \
	  sed -i "s|image: $$image$$|image: $$image@$${digest#*@}|" docker-compose.yml; echo "$$image@$${digest#*@}"; \
	done

##@ Work

test: format ## Everything that must pass: format, all tests with the race detector, lint (which vets)
	$(if $(RACE),,@echo "WARNING: no C compiler, so no race detector (install gcc and libc6-dev)")
	$(GO) test $(RACE) $(QUICK) -timeout 40m $(TEST_FLAGS) ./...
	@if $(MAKE) --no-print-directory install-tools; then $(MAKE) --no-print-directory lint; \
	else echo "WARNING: no linter here and none could be built: the import table was not checked"; $(MAKE) --no-print-directory vet; fi
	@echo "Left to make test-full:"; sed -n 's/^\t@echo "\(.*\)" # full$$/  - \1/p' $(firstword $(MAKEFILE_LIST))

test-short: ## The tests without the race detector and without the long ones
	$(GO) test -short $(TEST_FLAGS) ./...

test-full: ## The long tests whole: what `make test` names at its end as left to it
	@echo "a kill at every effect (sim), and 20 kills of dtctl serve while 2 GB pass (cmd/dtctl)" # full
	CDT_KILLS=all CDT_KILL_BYTES=2000000000 $(GO) test -timeout 120m -run 'Kill' -v $(TEST_FLAGS) ./sim/... ./cmd/dtctl/...
	@echo "every process of a fleet under the race detector (cmd/dtctl)" # full
	CDT_RACE=1 $(GO) test $(RACE) -tags servers -timeout 60m -v $(TEST_FLAGS) ./cmd/dtctl
	@echo "5 GB through three sites as processes on PostgreSQL, in peace and in chaos (cmd/dtctl)" # full
	CDT_FLEET_BYTES=5000000000 CDT_FLEET_LARGEST=1000000000 CDT_CHAOS_KILLS=100 CDT_CHAOS_STOPS=20 CDT_CHAOS_CRASHES=5 CDT_CHAOS_RESTARTS=5 CDT_CHAOS_REDIS=20 \
	  $(GO) test -tags servers -timeout 120m -run 'ThreeSites|FleetInChaos' -parallel 1 -v $(TEST_FLAGS) ./cmd/dtctl
	@echo "5 GB over an ocean of namespaces, with cuts (examples/three-sites)" # full
	CDT_SITES_BYTES=5000000000 CDT_SITES_LARGEST=1000000000 $(GO) test -tags servers -timeout 120m -v $(TEST_FLAGS) ./examples/three-sites
	@echo "memory of a worker: a sparse file of 64 GiB, a million files (cmd/dtctl)" # full
	CDT_MEMORY_BASE=1073741824 CDT_MEMORY_SPARSE=68719476736 CDT_MEMORY_FILES=1000000 \
	  $(GO) test -tags servers -timeout 240m -run TestWorkerMemory -v $(TEST_FLAGS) ./cmd/dtctl
	@echo "a far site cut off for a minute, a dead worker at the default lease (cmd/dtctl)" # full
	CDT_LEASE=60s CDT_CUT=60s CDT_CUT_LEASE=60s $(GO) test -tags servers -timeout 30m -run 'AFarWorker|DeadWorker' -v $(TEST_FLAGS) ./cmd/dtctl
	@echo "1,000 parts of bbcp damaged anywhere (transport/bbcp)" # full
	CDT_RESUME_TRIALS=1000 $(GO) test -timeout 30m -run ResumeTrials -v $(TEST_FLAGS) ./transport/bbcp
	@echo "memory of an upload of 2 GiB (storage/s3)" # full
	CDT_S3_BYTES=2147483648 $(GO) test -tags servers -timeout 30m -run TestMemory -v $(TEST_FLAGS) ./storage/s3
	@echo "docker-compose.yml without Docker, with Loki, the OpenTelemetry Collector and Jaeger: logs, traces, every query of every panel and alert rule (deploy)" # full
	CDT_SERVERS=full $(GO) test -tags servers -timeout 60m -run TestTheStackIsSeen -v $(TEST_FLAGS) ./deploy

test-servers: ## The tests that start real servers (PostgreSQL, Redis, sshd, versitygw); what is missing fails and says so
	$(GO) test $(RACE) -tags servers -timeout 40m $(TEST_FLAGS) ./testserver/... ./opsdb/... ./jobs/... ./live/... ./cmd/dtctl/... ./storage/... ./transport/... ./examples/three-sites/... ./deploy/...
	$(GO) test -tags servers -timeout 40m $(TEST_FLAGS) -skip TestKillAtEveryEffect ./sim

bench: ## Run benchmarks, one by name: BENCH=pack, evaluate, dispatch, latency, smallfiles, goodput, blackhole
	CDT_BENCH='$(BENCH)' $(GO) test -tags servers -run '^$$' -bench '(?i)$(BENCH)' -benchtime $(BENCHTIME) -timeout 60m $(TEST_FLAGS) ./...

generate: ## Make schemas and reference pages from the code again
	$(GO) generate ./...

format: ## Say which files gofmt would change
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not formatted (run gofmt -w):"; echo "$$bad"; exit 1; fi

vet: ## Run go vet
	$(GO) vet -tags servers ./...

# A third of its time was its memory's: it collects less often while it needs less than it did at its peak.
lint: $(LINT) ## Run the linters of .golangci.yml; they also keep the import table
	GOGC=400 GOMEMLIMIT=4GiB $(LINT) run --build-tags servers ./...

freeze: ## At a release: note the migrations it has, which never change again: TAG=v1.2.3
	@[ -n "$(TAG)" ] || { echo "say which release: make freeze TAG=v1.2.3"; exit 2; }
	@cd opsdb; new=no; for f in postgres/migrations/*.sql sqlite/migrations/*.sql; do \
	  grep -q " $$f " released.txt || { echo "$(TAG) $$f $$(sha256sum < $$f | cut -d' ' -f1)" >> released.txt; new=yes; }; done; \
	  [ $$new = yes ] || grep -q "^$(TAG) " released.txt || echo "$(TAG) - -" >> released.txt

##@ Tools

install-tools: $(LINT) ## Install the linter into bin/

$(LINT):
	@mkdir -p $(BIN); \
	for have in "$$(command -v golangci-lint || true)" "$$($(GO) env GOPATH)/bin/golangci-lint"; do \
	  if [ -x "$$have" ] && "$$have" version 2>/dev/null | grep -q 'version $(LINT_VERSION:v%=%) '; then \
	    ln -sf "$$have" $@; echo "golangci-lint $(LINT_VERSION): $$have"; exit 0; fi; \
	done; \
	echo "golangci-lint $(LINT_VERSION) is built once, into bin/"; \
	GOBIN=$(BIN)/build $(GO) install -ldflags='-s -w' github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION); \
	mv $(BIN)/build/golangci-lint $@; rmdir $(BIN)/build

clean: ## Remove what was built
	rm -rf $(BIN) cover.out

help: ## Print this
	@awk 'BEGIN {FS = ":.*## "; printf "make TARGET\n"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up down smoke password pin build demo test test-short test-full test-servers bench freeze generate format vet lint install-tools clean help
