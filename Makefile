# Two commands are enough: `make run` and `make test`. Nothing but Go is needed; PostgreSQL is used by the tests when it
# can be had.
.PHONY: run build test race bench lint fmt golden fuzz docs

GO ?= go
BIN := bin/switchboard
export CGO_ENABLED ?= 0

run: build ## a demo server on http://127.0.0.1:8080, its sandbox on http://127.0.0.1:8081
	$(BIN) serve --demo

build:
	$(GO) build -trimpath -ldflags "-s -w" -o $(BIN) ./cmd/switchboard

test: ## every test, on SQLite and on PostgreSQL
	$(GO) run ./internal/db/dbtest/withpostgres $(GO) test -timeout 15m ./...

race: ## the same with the race detector, which needs a C compiler
	CGO_ENABLED=1 $(GO) run ./internal/db/dbtest/withpostgres $(GO) test -race -timeout 25m ./...

bench: build ## what this machine does, beside its own limits
	SWITCHBOARD_TEST_FSYNC=on $(GO) run ./internal/db/dbtest/withpostgres $(GO) run ./bench -binary $(BIN)

lint:
	$(GO) vet ./...
	.ci/lint

fmt:
	$(GO) run mvdan.cc/gofumpt@v0.12.0 -w .

golden: ## write the golden files anew, after reading what changed
	$(GO) test ./internal/... -update

docs: build ## the reference pages that are made from the code
	$(BIN) config reference > docs/settings.md

FUZZTIME ?= 20s
fuzz: ## every fuzz test for a while
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done
