# Every target sets up .venv by itself. Needed beforehand: Python >= 3.11 with venv, make, git.

.DEFAULT_GOAL := help
.PHONY: help demo test test-long fuzz mutants check bench reference typescript lock clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
# How many workers is said in tests/conftest.py. Not `--dist loadgroup` or `loadscope`: of tests with one name (one for each
# operation of the API) they run the first and do not say so (pytest-xdist 3.8).
PARALLEL := -n auto --dist worksteal

# Else each worker, and each program that a test starts, would compile all modules for itself: half of a worker's start.
unexport PYTHONDONTWRITEBYTECODE

# Where there is npm, the client and the reader in TypeScript are among what is tested.
TYPESCRIPT := examples/typescript/build/closing.js
READER := examples/reader/build/harness.js
CLIENTS := $(if $(shell command -v npm),$(TYPESCRIPT) $(READER))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 18

$(READY): requirements.lock pyproject.toml .ci/venv
	@PYTHON="$(PYTHON)" .ci/venv $(VENV)

demo: $(READY) ## three devices, one encrypted case log, one network that breaks and heals
	@$(BIN)/cellsync demo

test: $(READY) $(CLIENTS) ## all tests that take minutes at most, with real processes and networks
	$(BIN)/pytest -q -m "not slow" $(PARALLEL)

MINUTES ?= 60

test-long: $(READY) ## the tests that take long, the API's borders, then MINUTES=60 of searching for counterexamples
	$(BIN)/pytest -q -m slow $(PARALLEL); slow=$$?; \
	$(BIN)/pytest -q --hypothesis-profile=search $(PARALLEL) tests/api/test_web_fuzz.py || slow=1; \
	$(BIN)/python -m tests.searches --minutes $(MINUTES) && exit $$slow

# The fuzzer is used by nothing else, and there is no build of it for every system: it stays out of .venv and of its lock.
FUZZER := $(CURDIR)/build/fuzz/packages

$(FUZZER): tests/fuzz/requirements.lock $(READY)
	@rm -rf $@
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: --target $@ -r $<

fuzz: $(FUZZER) ## coverage-guided fuzzing of what comes from outside: MINUTES=60, or COUNT=1000000 of each; TYPES="batch path"
	@PYTHONPATH=$(FUZZER) $(BIN)/python -m tests.fuzz $(if $(COUNT),--count $(COUNT),--minutes $(MINUTES)) $(TYPES)

MUTATOR := $(CURDIR)/build/mutmut

$(MUTATOR): tests/mutants/requirements.lock $(READY)
	@rm -rf $@
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target $@ -r $<

mutants: $(MUTATOR) ## whether tests notice changes of codec, types, rules and crypto: MINUTES=60; PARTS="codec crdt"
	@PYTHONPATH=$(MUTATOR) $(BIN)/python -m tests.mutants --minutes $(MINUTES) $(PARTS)

check: $(READY) $(CLIENTS) ## the fast loop before every commit: style, types, floors, fast tests
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q -m "not slow and not e2e" $(PARALLEL)

bench: $(READY) ## measure, compare with the budgets; AGAINST=PATH: with the build in another checkout
	@$(BIN)/python -m bench $(if $(AGAINST),--against $(AGAINST))

reference: $(READY) ## write docs/reference and docs/man anew, from the program
	@$(BIN)/python docs/generate.py

$(TYPESCRIPT): docs/reference/openapi.json $(wildcard examples/typescript/*.ts examples/typescript/*.json)
	@$(MAKE) --no-print-directory typescript

typescript: ## install what examples/typescript is built with (needs npm), and build it
	cd examples/typescript && npm ci --silent && npm run --silent build

$(READER): $(wildcard examples/reader/*.ts examples/reader/answers/*.ts examples/reader/*.json)
	@$(MAKE) --no-print-directory reader

reader: ## the same for examples/reader, an independent implementation of what reads
	cd examples/reader && npm ci --silent && npm run --silent build

# uv stands apart: the lock must be repairable when the environment that it describes cannot be installed.
UV := build/uv/bin/uv

$(UV):
	$(or $(PYTHON),python3) -m venv build/uv
	build/uv/bin/pip install --quiet uv

lock: $(UV) ## resolve requirements.lock anew from pyproject.toml
	$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet -o requirements.lock
	echo "atheris<3.1" | $(UV) pip compile - --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-header --no-emit-index-url --no-annotate --quiet -o tests/fuzz/requirements.lock
	echo mutmut | $(UV) pip compile - -c requirements.lock --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-header --no-emit-index-url --no-annotate --quiet -o tests/mutants/requirements.lock

clean: ## remove .venv and everything that can be made again
	rm -rf examples/typescript/node_modules examples/typescript/build examples/typescript/api.d.ts
	rm -rf examples/reader/node_modules examples/reader/build
	rm -rf $(VENV) build dist *.egg-info bench-results.json bench-against.json bench-runs.json bench-stages.json \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
