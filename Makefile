# NOPEA. `make` alone lists what there is. The work is in hack/*.sh; binaries and everything else that is made go to _output.

PACKAGES ?= ./...
TESTFLAGS ?=
BENCHFLAGS ?=
NODES ?=
export TESTFLAGS NODES

.DEFAULT_GOAL := help
SEEDS ?= 1-300
.PHONY: help run up down test drift faults bench verify lint generate build build-localcluster clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

run: build build-localcluster ## Run a local cluster, NOPEA and a sample repository until Ctrl-C (NODES=2: Pods run, on simulated nodes)
	@_output/bin/sandbox run

up: build build-localcluster ## Start a local cluster and NOPEA in the background
	@_output/bin/sandbox up

down: ## Stop what run or up started, and keep the data
	@if [ -x _output/bin/sandbox ]; then _output/bin/sandbox down; else echo "Nothing was ever started here."; fi

test: build-localcluster build ## Run all tests, or those of PACKAGES with TESTFLAGS
	@hack/test.sh $(PACKAGES)

drift: build-localcluster build ## Edit fields of the published manifests in every way, and see each noticed and put back (minutes)
	@NOPEA_DRIFT_SHARE=$${NOPEA_DRIFT_SHARE:-1} NOPEA_DRIFT_CRD_FIELDS=$${NOPEA_DRIFT_CRD_FIELDS:-300} \
		NOPEA_DRIFT_REPAIRS=$${NOPEA_DRIFT_REPAIRS:-500} NOPEA_DRIFT_SILENCE=$${NOPEA_DRIFT_SILENCE:-60} \
		go test ./pkg/testing/drift -v -count=1 -timeout 2h

faults: build-localcluster build ## Kill processes at each step of a sync, for SEEDS (1-300; one seed reproduces what it found)
	@NOPEA_FAULT_SEEDS=$(SEEDS) go test ./pkg/testing/faults -v -count=1 -timeout 24h

bench: build-localcluster build ## Measure NOPEA and print the tables of docs/performance.md (ten minutes)
	@_output/bin/bench $(BENCHFLAGS)

verify: ## Check format, modules, vet, generated code and lint
	@hack/verify.sh

lint: ## Run golangci-lint alone
	@hack/lint.sh

generate: ## Generate deep copies, conversions, OpenAPI and clients from pkg/apis
	@hack/update-codegen.sh

build: ## Build NOPEA into _output/bin
	@hack/go-build.sh nopea 1300 -o _output/bin/ ./cmd/... ./hack/sandbox ./hack/bench

build-localcluster: ## Build the local cluster and kubectl into _output/bin (minutes, the first time)
	@hack/build-localcluster.sh

clean: ## Stop what runs here, and delete _output with all binaries and data
	@if [ -x _output/bin/sandbox ]; then _output/bin/sandbox down; fi
	@rm -rf _output
