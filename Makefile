# Countersign. `make help` lists what there is. Everything runs on Node 24, which npm installs beside the other packages:
# the Node on your PATH (20 or newer) is only used to start npm.

NODE := node_modules/.bin/node
BIN := node_modules/.bin
JEST := $(NODE) --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js
HELM = $(shell test/tools/build.sh --path helm)

.DEFAULT_GOAL := help
.PHONY: help run test test-unit test-cluster build ui lint types format tools crds manifests certs examples compatibility bench bench-history bench-replicas stats screenshots clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js 20 or newer, which brings it'; exit 1; }
	npm install --no-audit --no-fund --loglevel=error
	@touch $@

run: build ## Start the webhook alone, decide the example workloads, stay up (needs Node only)
	@$(NODE) examples/run.ts

build: node_modules/.installed ## Compile src/ to dist/, and the admin page to dist/ui
	@rm -rf dist
	@$(BIN)/tsc -p tsconfig.build.json
	@$(MAKE) --no-print-directory ui

ui: node_modules/.installed ## Build the admin page alone; fails when its first load grows too large
	@$(NODE) src/ui/build/build.ts

lint: node_modules/.installed ## Linter and formatter, no warnings
	@$(BIN)/oxlint --deny-warnings src test examples manifests
	@$(BIN)/prettier --check --log-level warn .

types: node_modules/.installed ## Type checks of src, test and examples
	@$(BIN)/tsc -p tsconfig.json --noEmit
	@$(BIN)/tsc -p src/ui/tsconfig.json --noEmit

format: node_modules/.installed ## Rewrite the files as the formatter wants them
	@$(BIN)/prettier --write --log-level warn .

test: node_modules/.installed tools ## Everything: lint, types, unit, integration, real cluster
	@$(MAKE) --no-print-directory lint types build
	@$(NODE) test/support/run-tests.ts

test-unit: node_modules/.installed ## What needs Node alone
	@$(JEST) --selectProjects unit

test-cluster: build tools ## On a real kube-apiserver, registries, Fulcio, Rekor, timestamp authority and cosign
	@$(JEST) --selectProjects cluster --runInBand

tools: ## Build the real parts that the tests run on (Go 1.26 or newer; about 20 minutes once, then nothing)
	@test/tools/build.sh

crds: node_modules/.installed ## Write the CRDs from src/api
	@$(NODE) src/cli/crds.ts

manifests: crds ## Render manifests/install.yaml from the chart
	@test/tools/build.sh helm >/dev/null
	@$(NODE) manifests/render.ts

certs: node_modules/.installed ## Make a certificate authority and a serving certificate under certs/
	@$(NODE) src/cli/main.ts certs --dir certs

examples: node_modules/.installed tools ## Make and sign the example images again
	@$(NODE) examples/make-images.ts

compatibility: node_modules/.installed tools ## Sign and verify with every tool again, and write the tables of docs/compatibility.md
	@WRITE_COMPATIBILITY=1 $(JEST) --selectProjects cluster --runInBand --testPathPatterns 'test/interop/'

bench: build ## Warm admissions as ratios to a bare node:https server, with provenance and without, under load on the API; one cold verification, one large statement
	@$(NODE) test/bench/run.ts

bench-history: node_modules/.installed ## First pages of a generated history in SQLite and PostgreSQL, with query plans (ROWS=1000000; 5000000 takes a quarter of an hour)
	@$(NODE) test/bench/history.ts $(or $(ROWS),1000000)

bench-replicas: build tools ## How long a signer that was switched off is still trusted, on three replicas of one real API server
	@$(NODE) test/bench/replicas.ts $(or $(ROUNDS),100)

stats: build ## Size and shape of the source, import cycles, and what one cold admission runs through
	@$(NODE) test/stats/run.ts

screenshots: build tools ## Take the pictures of docs/admin.md again, of the page on a real API server
	@WRITE_SCREENSHOTS=1 $(JEST) --selectProjects cluster --runInBand --testPathPatterns 'test/cluster/page-sections'

clean: ## Remove what was built or made (not the tools' cache)
	rm -rf dist node_modules coverage .cache certs/*.crt certs/*.key certs/*.pem
