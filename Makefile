# Everything a developer does, by name. CI runs `.ci/run`.
GO ?= go
BIN := bin/gatehouse
FUZZTIME ?= 60s

.PHONY: build demo test race lint bench pgo contract-real waf-diff fuzz soak tools clean

build: ## the one binary
	$(GO) build -trimpath -o $(BIN) ./cmd/gatehouse

demo: build ## the lab shop behind the gateway, attacked for half a minute; KEEP=1 leaves it running
	$(BIN) demo $(if $(KEEP),--keep)

test: ## installs the real parts that are missing, then every test with the race detector
	./scripts/install-test-parts
	$(GO) test -race ./...
	$(GO) test ./http1 ./upstream # sockets are read and written another way without the race detector
	$(GO) test ./waf # ten thousand comparisons with the reference fit in without the race detector
	$(GO) test ./internal/server -run TestCRSOverHTTP # all of the Core Rule Set's tests, as well

lint: ## gofmt, vet, staticcheck
	./scripts/lint

bench: build ## the side-by-side table; writes bench/results.json
	./scripts/install-test-parts bench
	cd bench && $(GO) run . -gatehouse ../$(BIN)

pgo: ## profiles the gateway under the load of the bench, for the compiler: cmd/gatehouse/default.pgo
	rm -rf bin/profiles && mkdir -p bin/profiles
	$(GO) build -trimpath -pgo=off -tags cpuprofile -o bin/gatehouse-profiled ./cmd/gatehouse
	cd bench && GATEHOUSE_CPUPROFILE=$(CURDIR)/bin/profiles $(GO) run . -gatehouse ../bin/gatehouse-profiled -out ../bin/profiles/results.json \
		-rounds 10 -only '^(plain-get|plain-post|protected-get|tls-get|contract-post)/nginx$$' || true # bars that are missed are no matter here
	$(GO) tool pprof -proto -output cmd/gatehouse/default.pgo bin/profiles/*.pprof

contract-real: ## OpenAPI documents as others publish them, of several MB: fetched, loaded, all their paths routed
	$(GO) test -tags realdocs -run RealDocuments -timeout 20m -v ./openapi/document ./openapi

waf-diff: ## a million comparisons of the WAF with the reference: hours
	$(GO) test ./waf -run 'TestDifferentialAlone$$' -timeout 0 -count 1 -v -waf.comparisons=960000
	$(GO) test ./waf -run 'TestDifferential$$' -timeout 0 -count 1 -v -waf.comparisons=40000

fuzz: ## each fuzz target for FUZZTIME
	./scripts/fuzz $(FUZZTIME)

soak: ## a million requests by clients that misbehave, and ten minutes of services that are killed
	$(GO) test -tags soak -run TestSoak -timeout 60m -count 1 -v ./internal/server

clean:
	rm -rf bin bench/results.json
