# Tasks for everyone who works on this; `make help` lists them. The tools they
# need are built into bin/, at the versions that tools/go.mod pins.

GO       ?= go
FUZZTIME ?= 10s
FUZZ     ?= ^Fuzz
BENCH    ?= .
COUNT    ?= 1
OUT      ?= dist

MODULES  := . adapter/gin adapter/echo adapter/fiber adapter/grpc bench cmd/watchword e2e examples tools
# tools/ is a module outside the workspace, which so never sees what linters require.
PACKAGES := ./... $(patsubst %,./%/...,$(filter-out . tools,$(MODULES)))

# What CI checks, in this order: what fails sooner comes first.
CHECKS := build tidy-check requirements fmt-check lint deadcode vuln test fuzz

# The race detector needs a C compiler; nothing else here does.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

# What suites of tests want beside Go, as PROGRAM:PACKAGE of Debian.
NEEDS := chromium:chromium chromium:fonts-dejavu-core postgres:postgresql nginx:nginx-light python3:python3

INSTALL = GOWORK=off GOBIN=$(CURDIR)/bin $(GO) -C tools install

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Compile everything, examples included, and the static server into bin/
	$(GO) build $(PACKAGES)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/watchword ./cmd/watchword

.PHONY: test
test: bin/runtests ## Run all tests of all modules, shuffled, under the race detector
	@.ci/need $(NEEDS)
	@$(if $(RACE),,echo "left out: the race detector (no C compiler)"; test "$$CI" != true)
	bin/runtests $(RACE) -shuffle=on $(PACKAGES)

.PHONY: quick
quick: ## Run the tests without the race detector, for the moments in between
	$(GO) test $(PACKAGES)

.PHONY: race
race: ## Repeat the engine's and the stores' tests ten times under the race detector
	$(GO) test -race -shuffle=on -count=10 . ./store/...

.PHONY: fuzz
fuzz: bin/runfuzz ## Run every fuzz target, or those FUZZ matches, for FUZZTIME each
	bin/runfuzz -time $(FUZZTIME) -match '$(FUZZ)' $(PACKAGES)

.PHONY: bench
bench: ## Measure verify, sign, guard and refresh beside others and the limit (3 minutes)
	$(GO) run ./bench/peers

.PHONY: microbench
microbench: ## Run the benchmarks that BENCH matches, COUNT times, with allocations
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PACKAGES)

.PHONY: compare
compare: bin/benchstat ## Compare two outputs of make microbench: OLD=a.txt NEW=b.txt
	bin/benchstat $(OLD) $(NEW)

.PHONY: cover
cover: ## Measure what the tests reach, into cover.out
	$(GO) test -coverpkg ./... -coverprofile cover.out $(PACKAGES)
	$(GO) tool cover -func cover.out | tail -n 1

.PHONY: screenshots
screenshots: ## Make the pictures of the documents anew (needs Chromium)
	$(GO) test -C e2e -count=1 -run 'Screenshots|AuthorizesByPassword' . -args \
	-screenshots $(CURDIR)/docs/images -swagger-screenshot $(CURDIR)/docs/images/swagger-authorize.png

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code and group the imports
	bin/golangci-lint fmt

.PHONY: fmt-check
fmt-check: bin/golangci-lint ## Fail where make fmt would change something
	bin/golangci-lint fmt --diff

.PHONY: lint
lint: bin/golangci-lint ## Run the linters, the import rules among them
	bin/golangci-lint run $(PACKAGES)
	cd tools && GOWORK=off ../bin/golangci-lint run ./...

.PHONY: deadcode
deadcode: bin/deadcode ## Fail where neither a program nor a test reaches a function
	@dead=$$(bin/deadcode -test $(PACKAGES)) && echo "$$dead" && test -z "$$dead"

.PHONY: tidy
tidy: ## Tidy what the modules require
	for m in $(MODULES); do GOWORK=off $(GO) -C $$m mod tidy || exit 1; done

.PHONY: tidy-check
tidy-check: ## Fail where make tidy would change something
	for m in $(MODULES); do GOWORK=off $(GO) -C $$m mod tidy -diff || exit 1; done

.PHONY: requirements
requirements: ## Fail where the core requires more than three modules directly
	@direct=$$(GOWORK=off $(GO) list -m -f '{{if not (or .Main .Indirect)}}{{.Path}}{{end}}' all) && \
	echo "$$direct" && test $$(echo "$$direct" | wc -l) -le 3

.PHONY: vuln
vuln: bin/govulncheck ## Look for known holes; says so where the database is out of reach
	@bin/govulncheck $(PACKAGES) || { code=$$?; test $$code -ne 3 && \
	echo "left out: known holes (govulncheck exited with $$code)"; }

.PHONY: api
api: bin/api bin/apidiff ## Fail where the core's API breaks what the last release promised
	bin/api bin/apidiff

.PHONY: check
check: ## Run all that CI runs, to the end, and say what failed
	@failed=; for step in $(CHECKS); do echo "== $$step"; start=$$(date +%s); \
	$(MAKE) --no-print-directory $$step || failed="$$failed $$step"; \
	echo "== $$step: $$(($$(date +%s) - start)) s"; done; \
	test -z "$$failed" || { echo "== failed:$$failed"; exit 1; }

.PHONY: release
release: bin/release ## Build the server for every platform into OUT, with checksums
	bin/release -out $(OUT) ./cmd/watchword

.PHONY: clean
clean: ## Remove what the tasks have built
	rm -rf bin $(OUT) cover.out

# A tool is built once, and again when its pin or its source changes.
PINNED := bin/golangci-lint bin/govulncheck bin/deadcode bin/apidiff bin/benchstat

bin/golangci-lint: TOOL := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/govulncheck:   TOOL := golang.org/x/vuln/cmd/govulncheck
bin/deadcode:      TOOL := golang.org/x/tools/cmd/deadcode
bin/apidiff:       TOOL := golang.org/x/exp/cmd/apidiff
bin/benchstat:     TOOL := golang.org/x/perf/cmd/benchstat

$(PINNED): tools/go.mod
	$(INSTALL) $(TOOL)
	@touch $@

bin/%: tools/%/main.go
	$(INSTALL) ./$*
	@touch $@
