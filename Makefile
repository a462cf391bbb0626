# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# One more than there are cores: tests wait for browsers and servers.
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n + 1 : 4)))

.PHONY: help setup setup-test run test test-thorough fire lint screenshots secrets sbom audit clean

help:
	@echo "make run    set everything up and serve the demo county at http://localhost:8440"
	@echo "make test   set everything up and run every test, in a real browser too"
	@echo "make test-thorough  the tests that take minutes each: the second engine on every constructed case, each kind of page by itself, hundreds of kills and uploads"
	@echo "make fire   proof under fire: workers and jobs killed, the database taken away, uploads that lie; prints what was lost: half an hour"
	@echo "make screenshots  pictures of every page at three widths in both languages, in build/screenshots"
	@echo "make secrets  look for keys and tokens in what git keeps"
	@echo "make sbom   bill of materials, CycloneDX, in build/sbom.cdx.json"
	@echo "make audit  known vulnerabilities of the pinned packages; fails where the advisory service cannot be reached"
	@echo "make setup  only make .venv with bin/lifecert"

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt overrides.txt tools/setup.sh $(wildcard api/translations/*/LC_MESSAGES/*.po)
	@PYTHON="$(PYTHON)" bash tools/setup.sh
	@touch $@

setup-test: setup
	@bash tools/setup_test.sh

run: setup
	@$(BIN)/lifecert weights fetch --or-dlib
	@$(BIN)/lifecert demo

lint: setup-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: setup-test
	@$(BIN)/lifecert weights fetch
	@$(MAKE) --no-print-directory lint
	@bash tools/supply.sh look || echo "audit: the tools for it could not be installed; nothing is known of the packages"
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

test-thorough: setup-test
	$(BIN)/pytest -m thorough

fire: setup-test
	$(BIN)/pytest -p no:xdist -m "thorough or not thorough" --timeout 1800 tests/fire

screenshots: setup-test
	$(BIN)/python -m tools.screenshots build/screenshots

secrets: setup-test
	@$(BIN)/python tools/find_secrets.py

sbom: setup-test
	@bash tools/supply.sh sbom

audit: setup-test
	@bash tools/supply.sh audit

clean:
	rm -rf .venv build dist *.egg-info
