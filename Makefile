# From a bare clone on Debian 12: make, Python 3.11 and its venv module are all this needs.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint bench prove faults lock clean

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# The first Python that is new enough and can make a virtual environment; 3.11 is the floor and the reference.
PYTHON ?= $(shell for python in python3.11 /usr/bin/python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$python; break; }; done)

# Tests go through this many processes, each with servers of its own; fault tests through one, since they measure time.
WORKERS ?= 2

# Tests start hundreds of interpreters, each of which would compile every module again.
export PYTHONDONTWRITEBYTECODE :=

EXAMPLES := $(patsubst %/,%,$(wildcard examples/*/))
TYPED := src $(foreach folder,benchmarks typing_tests,$(if $(wildcard $(folder)/*.py),$(folder)))

help:
	@echo 'make setup    .venv with Diptych, its extras and the examples'
	@echo 'make demo     orders on both write models, traced, and moved to PostgreSQL; then the retail shop with API'
	@echo '              and live traffic (DEMO_SECONDS=20 ends by itself; DIPTYCH_DEMO_POSTGRES names a server)'
	@echo 'make test     every test but the fault tests, 5.5 minutes on 2 cores (WORKERS=2 at once)'
	@echo 'make lint     ruff check, ruff format --check, mypy --strict'
	@echo 'make faults   every fault test at a small size'
	@echo 'make bench    the benchmark table, beside raw code'
	@echo 'make prove    the fault tests at full size; writes docs/proofs.md'
	@echo 'make lock     resolve requirements.lock again'
	@echo 'make clean    remove what these made'

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml examples/pyproject.toml
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer with its venv module is needed: apt-get install python3-venv' >&2; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e examples
	@touch $@

demo: $(STAMP)
	ORDERS_WRITE=normalised $(VENV)/bin/orders demo
	ORDERS_WRITE=sourced $(PY) -m moving
	$(VENV)/bin/retail demo

test: $(STAMP)
	$(PY) -m pytest -m 'not prove and not fault' -n $(WORKERS) --dist worksteal $(ARGS)

faults: $(STAMP)
	$(PY) -m pytest -m 'fault and not prove' $(ARGS)

# Each example is checked alone, as the application that it is: their `tests` folders share one name.
lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(TYPED)
	@set -e; for example in $(EXAMPLES); do echo "mypy $$example"; $(PY) -m mypy "$$example"; done

bench: $(STAMP)
	$(PY) -m benchmarks $(ARGS)

prove: $(STAMP)
	$(PY) tests/prove.py $(ARGS)

# One universal lock for every Python >= 3.11; `make lock ARGS=--upgrade` takes newer releases.
lock:
	@test -x $(VENV)/bin/uv || { $(PYTHON) -m venv $(VENV) && $(PY) -m pip install --quiet uv; }
	$(VENV)/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --quiet -o requirements.lock $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	find src tests examples benchmarks typing_tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
