# The commands of the README and of CI. Those that run Python create .venv if it is missing or
# stale.

PYTHON ?= python3
BIN := .venv/bin
# Extra options for pytest, e.g. make report OPTIONS="--dataset=digits"
OPTIONS ?=
# One process more than cores, at most five: a test that waits for a sandbox or a browser does not
# use a core. tests/conftest.py decides which tests stay together and which run first.
PROCESSES := $(shell $(PYTHON) -c "import os; print(min(1 + (os.cpu_count() or 1), 5))")
PARALLEL = --numprocesses=$(PROCESSES) --dist=loadgroup --no-loadscope-reorder
# The git revision that make duet compares with, e.g. make duet BASE=main
BASE ?=

# The architecture for make gradescope, e.g. ARCHITECTURE=deep_cnn; otherwise it is recognised
ARCHITECTURE ?=
KIT := harness/report/exports/gradescope_kit

.PHONY: report check test bench duet fuzz gradescope lint types format clean lock test-lowest test-highest

report: .venv/run.stamp
	$(BIN)/pytest checks/ $(OPTIONS)

test: .venv/dev.stamp
	$(BIN)/pytest tests/ $(PARALLEL) $(OPTIONS)

# Before every commit: style, types, imports between packages, and the tests that take no seconds.
check: PROCESSES := 2
check: lint types
	$(BIN)/pytest tests/ -q -m "not slow" $(PARALLEL) $(OPTIONS)

bench: .venv/run.stamp
	$(BIN)/pytest --benchmark-only $(OPTIONS)

duet: .venv/run.stamp
	$(BIN)/python -m harness.benchmarks.compare_revisions --base=$(BASE) $(OPTIONS)

# Tests every parser with 120,000 broken and hostile files: docs/reliability.md.
fuzz: .venv/dev.stamp
	$(BIN)/python -m tests.fuzzing $(OPTIONS)

# Packs the committed state as an autograder for Gradescope. OPTIONS go to its pytest.
gradescope:
	mkdir -p build
	printf '%s\n' '$(ARCHITECTURE)' > build/architecture.txt
	printf '%s\n' '$(OPTIONS)' > build/options.txt
	git archive --format=zip --output=build/autograder.zip \
		--add-file=$(KIT)/setup.sh --add-file=$(KIT)/run_autograder \
		--add-file=build/architecture.txt --add-file=build/options.txt HEAD
	@echo "Upload build/autograder.zip to Gradescope."

# Locks the newest versions that requirements.txt allows, the same for every supported Python.
lock: .venv/dev.stamp
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version=3.11 \
		--fork-strategy=fewest --generate-hashes --custom-compile-command="make lock" \
		--output-file=requirements.lock requirements.txt

# Tests both ends of the ranges in requirements.txt: each package, and a grading of everything.
test-lowest: RESOLUTION := lowest-direct
test-highest: RESOLUTION := highest
test-lowest test-highest: test-%: .venv/dev.stamp
	$(BIN)/uv venv --quiet --clear --no-python-downloads --python=$(PYTHON) .venv-$*
	mkdir -p build
	$(BIN)/uv pip compile --quiet --upgrade --resolution=$(RESOLUTION) \
		--python=.venv-$*/bin/python --output-file=build/$*.txt requirements.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python=.venv-$*/bin/python \
		--requirement=build/$*.txt --requirement=requirements-dev.txt
	.venv-$*/bin/python -m tests.architecture.requirements_map
	.venv-$*/bin/python -m pytest checks/ --dataset=digits --fresh --report=reports/$* $(OPTIONS)

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: .venv/dev.stamp
	$(BIN)/mypy

format: .venv/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-lowest .venv-highest .grader build .mypy_cache .ruff_cache .pytest_cache

.venv/run.stamp: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	touch $@
