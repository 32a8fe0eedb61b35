# Two commands do everything: `make doctor` and `make test`. `make full` adds the slow sweeps.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: doctor test full lowest fast format lint types docs site clean

doctor: $(VENV)/.base
	$(BIN)/gpufix doctor || test $$? -eq 1

test: $(STAMP)
	$(BIN)/gpufix doctor --format github --fail-on never
	$(BIN)/ruff format --check src tests tools benchmarks fuzz
	$(BIN)/ruff check src tests tools benchmarks fuzz
	$(BIN)/mypy
	$(BIN)/python tools/build_docs.py --check
	$(BIN)/pytest -n 2 -m "not slow"
	$(BIN)/python tools/lowest.py

full: test
	$(BIN)/pytest -n 2 -m slow

lowest: $(STAMP)
	$(BIN)/python tools/lowest.py

fast: $(STAMP)
	$(BIN)/pytest -x -m "not slow"

format: $(STAMP)
	$(BIN)/ruff check --fix src tests tools benchmarks fuzz
	$(BIN)/ruff format src tests tools benchmarks fuzz

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q -e .
	touch $@

$(STAMP): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q -e '.[test,dev]'
	touch $@ $(VENV)/.base

docs: $(STAMP)
	$(BIN)/python tools/build_docs.py

# The documentation as a site, in build/site: open index.html there; nothing is loaded from elsewhere.
site: docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
