# `make run`, `make test`, `make check`: each installs what it needs into .venv first.
.PHONY: run test check bench format readme lock install container-test clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

install: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: install
	@$(BIN)/python -m worker.local

test: install
	$(BIN)/python -m pytest --cov --cov-report=term

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Takes a quarter of an hour; the figures are ratios, since machines differ.
bench: install
	$(BIN)/python -m benchmarks

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The README's tables of methods, from the code.
readme: install
	$(BIN)/python -m tests.readme_tables

# Needs docker and Compose alone; DOCKER_HOST names the engine.
container-test:
	bash tests/container/container_test.sh

# The lock files: hashes, and no index in them.
lock: install
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --extra worker --extra gateway -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --all-extras --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) .temporal .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
