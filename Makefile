# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: help setup setup-test run test lint screenshots clean

help:
	@echo "make run    set everything up and serve the demo county at http://localhost:8440"
	@echo "make test   set everything up and run every test, in a real browser too"
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
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

clean:
	rm -rf .venv build dist *.egg-info
