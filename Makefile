# A virtual environment in $(VENV) and everything that runs in it. Each extra of pyproject.toml
# has a stamp, so a target that has nothing to install starts at once.

PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= test
PYTEST_ARGS ?=
BENCH_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test bench notebooks lint format wheel clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) EXTRAS=$(EXTRAS) PYTEST_ARGS=$(PYTEST_ARGS) BENCH_ARGS=$(BENCH_ARGS)"

demo: $(VENV)/.installed-demo  ## build the lecture's kernel on every backend, fit and compare
	$(BIN)/symcompile demo

test: $(VENV)/.installed-$(EXTRAS)  ## run the tests (PYTEST_ARGS=--long for all, EXTRAS=test,jax with JAX)
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

bench: $(VENV)/.installed-peers  ## time everything beside its peers (BENCH_ARGS="--only NAME")
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

notebooks: $(VENV)/.installed-test  ## execute the notebooks and store what they print
	$(BIN)/python docs/notebooks/run.py --write

lint: $(VENV)/.installed-dev  ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## rewrite the sources in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.installed-dev  ## build the wheel and the source distribution into dist/
	$(BIN)/python -m build

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f generated/*.c generated/*_api.h generated/*.so
	find symcompile tests examples benchmarks generated -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "symcompile needs Python 3.11 or later, and '$(PYTHON)' is not that." \
	         "Name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; }

$(VENV)/.installed-%: pyproject.toml setup.py | $(BIN)/python
	@echo "installing symcompile[$*] into $(VENV)"
	@$(PIP) install --editable '.[$*]'
	@touch $@
