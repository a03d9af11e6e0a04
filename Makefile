# `make run`, `make test`, `make check`: each installs what it needs into .venv first.
.PHONY: run test test-slow test-all test-failed check chaos bench bench-million bench-peers format audit tables methods lock install container-test clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

# What tests and checks need, and Node, besides what `make run` needs.
install: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.lock $(VENV)/.runs
	@echo "Installing the test tools into $(VENV) (once; a minute or two) …"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.runs: requirements-run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …") if sys.version_info < (3, 11) else None'
	@echo "Installing what 'make run' needs into $(VENV) (once; a minute or two) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements-run.lock
	@$(PIP) --no-build-isolation -e .
	@touch $@

run: $(VENV)/.runs
	@echo "Starting Temporal, the worker, the gateway and the stand-in …"
	@$(BIN)/python -m worker.local

# Two processes: most tests wait, and each process starts a Temporal server of its own.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

test: install
	$(PYTEST) -m "not slow" --cov --cov-report=term

test-slow: install
	$(PYTEST) -m slow

test-all: test test-slow

# What failed in the last run, once more, with the machine to itself.
test-failed: install
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# About eight minutes: kills, cuts and faults under load, three seeds; the figures go to chaos.json.
# Denser faults: make chaos CHAOS="--seed 7 --seconds 90 --faults 56".
chaos: install
	$(BIN)/python -m tests.chaos --output chaos.json $(CHAOS)

# At most 30 minutes. The figures are ratios, since machines differ. The commits before are installed
# into ~/.cache/durable-analytics-bench.
bench: install
	$(BIN)/python -m benchmarks

# A million messages against 20,000.
bench-million: install
	$(BIN)/python -m benchmarks --million

# Other durable systems: at most 30 minutes. First installs redis-server and postgresql of Debian,
# and packages of PyPI and npm, outside the lock files.
bench-peers: install
	PATH="$(CURDIR)/$(BIN):$$PATH" bash benchmarks/peers/install.sh $(BIN)/python
	$(BIN)/python -m benchmarks.peers

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The locked dependencies against the known vulnerabilities. Needs the internet; CI goes on without:
# make audit AUDIT=--allow-unreachable.
audit: install
	$(BIN)/python -m tests.audit $(AUDIT)

# The tables of methods and of providers in docs/, from the code.
tables: install
	$(BIN)/python -m tests.method_tables
	$(BIN)/python -m tests.provider_table

# The methods of both clients, from the models.
methods: install
	$(BIN)/python -m tests.client_methods

# Needs docker and Compose alone; DOCKER_HOST names the engine.
container-test:
	bash tests/container/container_test.sh

# The lock files: hashes, and no index in them.
lock: install
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --extra worker --extra gateway --extra encryption --extra codec-server --extra otel \
	  -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --all-extras --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --extra worker --extra gateway --extra cli --extra encryption --extra testing --group run \
	  -c requirements-dev.lock -o requirements-run.lock pyproject.toml

clean:
	rm -rf $(VENV) .temporal .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
