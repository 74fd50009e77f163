.DEFAULT_GOAL := help
SHELL := /bin/sh

BIN := .venv/bin
NATIVE := hatch_build.py $(wildcard src/flowforge/adapters/executors/supervisor/*.[ch])
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ "$$n" -lt 4 ] && echo "$$n" || echo 4)
PYTEST := $(if $(WITH_COVERAGE),$(BIN)/coverage run -m pytest,$(BIN)/python -m pytest)
ARGS ?=
TESTS ?= tests/unit

.PHONY: help setup demo test test-needs unit check style bench soak package lock docs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: .venv/.run ## make .venv with the flowforge command (needs Python 3.11 or newer, and git)

demo: .venv/.run ## start a server, push to it, and watch the pipeline run
	@$(BIN)/python -m flowforge.cli.demo

test: test-needs .venv/.dev ## run all tests this machine can run, and name what was left out (ARGS= goes to pytest)
	$(PYTEST) -n $(WORKERS) --dist loadfile $(ARGS)

test-needs:
	@scripts/install-test-needs

unit: .venv/.dev ## the tests of rules and values alone, in seconds
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS) $(ARGS)

check: style ## ruff, mypy, import contracts, house tests
	$(BIN)/python -m pytest -q tests/house

style: .venv/.dev ## what is checked without running a test: ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/.dev ## measure against bare docker run and the raw floors
	@$(BIN)/python -m bench

soak: .venv/.dev ## the fault loops in their long form
	$(BIN)/python -m pytest --long tests/soak $(ARGS)

package: ## build the wheel and the source archive into dist/ (FLOWFORGE_SUPERVISOR=all for every machine)
	@scripts/make-venv run
	$(BIN)/python -m hatchling build

lock: ## compile requirements/ anew (needs uv)
	@scripts/lock

docs: .venv/.run ## write the generated reference pages anew
	@$(BIN)/python scripts/settings_reference.py
	@$(BIN)/python scripts/states_reference.py

clean: ## remove what these targets made
	rm -rf .venv dist htmlcov .coverage .coverage.* coverage.json .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/.run: requirements/run.txt pyproject.toml scripts/make-venv $(NATIVE)
	@scripts/make-venv run

.venv/.dev: requirements/dev.txt pyproject.toml scripts/make-venv $(NATIVE)
	@scripts/make-venv dev
