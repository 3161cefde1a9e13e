# The two commands of the README, and what CI does. Each makes .venv when it is missing or stale.

PYTHON ?= python3
BIN := .venv/bin
# Extra options for pytest, e.g. make report OPTIONS="--dataset=digits"
OPTIONS ?=
# What make duet compares with: a git revision, e.g. make duet BASE=main
BASE ?=

.PHONY: report test bench duet lint types format clean

report: .venv/run.stamp
	$(BIN)/pytest checks/ $(OPTIONS)

test: .venv/dev.stamp
	$(BIN)/pytest tests/ $(OPTIONS)

bench: .venv/run.stamp
	$(BIN)/pytest --benchmark-only $(OPTIONS)

duet: .venv/run.stamp
	$(BIN)/python -m harness.bench.duet --base=$(BASE) $(OPTIONS)

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

format: .venv/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .grader .mypy_cache .ruff_cache .pytest_cache

.venv/run.stamp: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	touch $@
