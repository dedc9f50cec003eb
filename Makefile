# Two commands matter: `make run` and `make test`. Both set up what is missing first.
#   make setup PYTHON=/path/to/python3.12   another Python than the one found
#   make setup UV=                          without uv, even where it is installed
#   make run PORT=8080                      on another port than 8000 (or the next free one)

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.vivier-ready
UV    ?= uv

.PHONY: help setup run test test-all test-left-out lint format openapi client docs bench lock audit scan

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s%s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv with everything the project needs
	@echo "Ready: $(BIN)/vivier"

run: $(READY) ## serve the API with a sample pool, match a sample need and show its shortlist
	@exec $(BIN)/vivier demo $(if $(PORT),--port $(PORT))

test: $(READY) ## every check and every test, side by side
	@MAKE='$(MAKE)' sh scripts/test.sh $(PYTEST_ARGS)

test-all: $(READY) ## the same, with four times as many random examples, other ones each time, and machines that fail
	@MAKE='$(MAKE)' sh scripts/test.sh --hypothesis-profile=full $(PYTEST_ARGS)

test-left-out: $(READY) ## what the last `make test` left out, with programs of Debian and npm installed for it (root)
	@sh scripts/test_left_out.sh $(PYTEST_ARGS)

lint: $(READY) ## style, types and the directions between the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY) ## put the code in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

openapi: $(READY) ## write openapi/openapi.json again from the code
	@$(BIN)/vivier openapi > openapi/openapi.json.new && mv openapi/openapi.json.new openapi/openapi.json

client: $(READY) ## make the typed clients from openapi/openapi.json: clients/*/dist
	@$(BIN)/python -m scripts.build_client

docs: $(READY) ## the guides, the API and its examples as a site that works offline: site/index.html
	@$(BIN)/python -m scripts.build_docs

bench: $(READY) ## measure speed and size into bench/results and docs/performance.md (hours; see docs/performance.md)
	@$(BIN)/python -m bench $(BENCH_ARGS)

lock: ## resolve the dependencies again (needs uv)
	@$(UV) pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --custom-compile-command 'make lock' --quiet --output-file requirements.lock

audit: $(READY) ## look for known vulnerabilities in the locked dependencies (asks the package index)
	@$(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.10'
	@$(VENV)/audit/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off

scan: ## look for known vulnerabilities in the image (needs Docker, and trivy or grype; IMAGE=… for one already built)
	@sh scripts/scan_image.sh $(IMAGE)

$(READY): pyproject.toml requirements.lock scripts/setup.sh
	@PYTHON='$(PYTHON)' UV='$(UV)' sh scripts/setup.sh
	@touch $@
