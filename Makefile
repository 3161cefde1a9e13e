# The two commands of the README, and what CI does. Those that run Python make .venv when it is
# missing or stale.

PYTHON ?= python3
BIN := .venv/bin
# Extra options for pytest, e.g. make report OPTIONS="--dataset=digits"
OPTIONS ?=
# One more than there are cores, five at most: a test that waits for a sandbox or a browser keeps no
# core busy. Files go in alphabetical order, which has the long ones at the front; those that share
# what takes seconds to have stay together (tests/conftest.py).
PROCESSES := $(shell $(PYTHON) -c "import os; print(min(1 + (os.cpu_count() or 1), 5))")
PARALLEL := --numprocesses=$(PROCESSES) --dist=loadfile --no-loadscope-reorder
# What make duet compares with: a git revision, e.g. make duet BASE=main
BASE ?=

# What make gradescope grades by, e.g. make gradescope ARCHITECTURE=deep_cnn; else it is recognised
ARCHITECTURE ?=
KIT := harness/exports/gradescope_kit

.PHONY: report test bench duet gradescope lint types format clean

report: .venv/run.stamp
	$(BIN)/pytest checks/ $(OPTIONS)

test: .venv/dev.stamp
	$(BIN)/pytest tests/ $(PARALLEL) $(OPTIONS)

bench: .venv/run.stamp
	$(BIN)/pytest --benchmark-only $(OPTIONS)

duet: .venv/run.stamp
	$(BIN)/python -m harness.bench.duet --base=$(BASE) $(OPTIONS)

# The committed state of the project as an autograder for Gradescope. OPTIONS go to its pytest.
gradescope:
	mkdir -p build
	printf '%s\n' '$(ARCHITECTURE)' > build/architecture.txt
	printf '%s\n' '$(OPTIONS)' > build/options.txt
	git archive --format=zip --output=build/autograder.zip \
		--add-file=$(KIT)/setup.sh --add-file=$(KIT)/run_autograder \
		--add-file=build/architecture.txt --add-file=build/options.txt HEAD
	@echo "Upload build/autograder.zip to Gradescope."

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

format: .venv/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .grader build .mypy_cache .ruff_cache .pytest_cache

.venv/run.stamp: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	touch $@
