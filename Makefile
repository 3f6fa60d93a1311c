# demo: the embedded study, from nothing to a ranking and a map.   test: everything that CI runs.
# lint: style and types.   bench: the benchmarks behind the README's figures.
PYTHON ?= python3.11
BIN := .venv/bin
STAMPS := .stamps

.PHONY: demo test lint bench clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys' 2>/dev/null && $(PYTHON) -m venv .venv || python3 -m venv .venv
	@$(BIN)/python -c 'import sys; assert sys.version_info >= (3, 11), "riskmap needs Python 3.11 or newer"'
	$(BIN)/python -m pip install --quiet --upgrade pip

$(STAMPS)/run: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	@mkdir -p $(STAMPS) && touch $@

# The browser and the database that it is tested with come from the system's packages.
$(STAMPS)/system:
	@command -v chromium >/dev/null && command -v pdftotext >/dev/null && \
	  ls /usr/lib/postgresql/*/lib/postgis-3.so >/dev/null 2>&1 || { \
	  as_root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$as_root apt-get update -qq && \
	  $$as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core poppler-utils \
	    postgresql postgresql-postgis; }
	@mkdir -p $(STAMPS) && touch $@

# What is compiled is kept beside the sources, and numba does not notice when a function that a kernel
# calls from another module has changed.
KERNELS := $(shell grep -rlE '^ *@(njit|leaf)' riskmap --include='*.py')
$(STAMPS)/kernels: $(KERNELS)
	@find riskmap -name '*.nb[ic]' -delete
	@mkdir -p $(STAMPS) && touch $@

demo: $(STAMPS)/run $(STAMPS)/kernels
	$(BIN)/riskmap demo -o maps --overwrite

lint: $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(STAMPS)/test $(STAMPS)/system $(STAMPS)/kernels lint
	$(BIN)/python -m pytest -n auto

bench: $(STAMPS)/test $(STAMPS)/kernels
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .stamps build dist *.egg-info
