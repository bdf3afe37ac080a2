# Everything one does with this repository. `make` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The steps share one .venv; run one after the other they also print in order.
.NOTPARALLEL:

PY := .venv/bin/python
SAY := @scripts/say
# Folders with Python of ours; some may be absent in a source distribution.
CODE := $(wildcard src tests benchmarks chaos)
# MAKE_TERMOUT is set only when standard output is a terminal.
ifneq ($(MAKE_TERMOUT),)
ifndef NO_COLOR
COLOUR := \033[36m
PLAIN := \033[0m
endif
endif

FAILED = { echo "The tests FAILED: the first failure above is the place to start."; exit 1; }
# A stamp is older than what it was made from only when there is something to install.
RUN_STAMP := .venv/.installed
DEV_STAMP := .venv/.installed-dev

.PHONY: help setup demo test check format bench chaos constraints clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  $(COLOUR)make %-12s$(PLAIN) %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Options go into ARGS: make demo ARGS='--port 9000', make test ARGS='-k webToken'"

setup: $(RUN_STAMP) ## create .venv and install frontdesk into it
	@echo "Ready: make demo, or .venv/bin/frontdesk --help"

demo: $(RUN_STAMP) ## start a demo server; needs nothing but Python, git and make
	@exec .venv/bin/frontdesk demo $(ARGS)

test: check ## install what the tests need, then run the checks and every test
	@scripts/install-test-tools
	@$(if $(ARGS),$(PY) -m pytest $(ARGS),scripts/test-all) || $(FAILED)
	@echo "$(if $(ARGS),The checks and the tests you selected passed.,All checks and tests passed.)"

check: $(DEV_STAMP) ## lint, formatting, strict types, import rules; the pages too
	$(SAY) "Checking style, types and imports"
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/ruff format --check $(CODE)
	@$(PY) -m mypy $(CODE)
	@.venv/bin/lint-imports
	@scripts/check-web

format: $(DEV_STAMP) ## format the code and mend what ruff can mend
	@.venv/bin/ruff check --fix-only $(CODE)
	@.venv/bin/ruff format $(CODE)

bench: $(DEV_STAMP) ## measure throughput, latency and memory on this machine
	@$(PY) -m benchmarks $(ARGS)

chaos: $(DEV_STAMP) ## break a cluster under load for a minute, and judge what its contacts saw
	@$(PY) -m chaos $(ARGS)

constraints: $(DEV_STAMP) ## pin the newest versions of all dependencies
	$(SAY) "Resolving dependencies for Python 3.11 and newer"
	@.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --strip-extras \
		--no-header --no-emit-index-url --no-emit-find-links --output-file constraints.txt pyproject.toml

clean: ## remove .venv and everything the tools left behind
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests $(wildcard benchmarks chaos) -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_STAMP): pyproject.toml constraints.txt
	@scripts/install .
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt
	@scripts/install '.[dev]'
	@touch $(RUN_STAMP) $@
