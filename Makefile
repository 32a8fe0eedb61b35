# Two commands do everything: `make doctor` and `make test`. `make full` adds what is slow.
# What the environment needs, and what it says when that is missing: tools/bootstrap.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= yes
BIN := $(VENV)/bin
CODE := src tests tools benchmarks fuzz clinic plugins
# Two tests more at a time than processors, since many wait for programs; each takes up to 700 MB.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$(( (n < 4 ? n : 4) + 2 )))

# All caches lie in VENV. When it lies elsewhere, the checkout is not written to: it may be read-only.
CACHE := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)/cache
export VENV TORCH
export MYPY_CACHE_DIR := $(CACHE)/mypy
export RUFF_CACHE_DIR := $(CACHE)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
export PYTEST_ADDOPTS += -o "cache_dir=$(CACHE)/pytest"
ifneq ($(VENV),.venv)
export PYTHONDONTWRITEBYTECODE := 1
else
unexport PYTHONDONTWRITEBYTECODE
endif

.PHONY: doctor test checks lint types generated collect full mutants fresh lowest fast format docs site \
	clean venv-base venv-test venv-full

doctor: venv-base
	"$(BIN)/gpufix" doctor --python "$(VENV)" || test $$? -eq 1

test: venv-test
	"$(BIN)/gpufix" doctor --python "$(VENV)" --format github --fail-on never
	@$(MAKE) --no-print-directory -j2 -Otarget checks
	"$(BIN)/pytest" -n $(WORKERS) --dist worksteal -m "not slow"
	"$(BIN)/python" tools/lowest.py

# Two at a time, since each takes one processor. mypy takes the longest.
checks: types lint $(if $(filter .venv,$(VENV)),collect) generated

types:
	"$(BIN)/mypy"

lint:
	"$(BIN)/ruff" format --check $(CODE)
	"$(BIN)/ruff" check $(CODE)

generated:
	"$(BIN)/python" tools/build_knowledge.py --check
	"$(BIN)/python" tools/build_docs.py --check
	"$(BIN)/python" -m clinic report --check

# The processes of `make test` find the tests' bytecode ready; what is wrong they say themselves.
collect:
	@"$(BIN)/pytest" --collect-only -q -m "not slow" >/dev/null || true

full: venv-full
	$(MAKE) test
	GPUFIX_TESTS_FRESH=1 "$(BIN)/pytest" -n 2 --dist worksteal -m slow
	"$(BIN)/python" tools/lowest.py tests/checks
	"$(BIN)/python" tools/mutants.py
	"$(PYTHON)" tools/fresh.py

mutants: venv-full
	"$(BIN)/python" tools/mutants.py

fresh:
	"$(PYTHON)" tools/fresh.py

lowest: venv-test
	"$(BIN)/python" tools/lowest.py

fast: venv-test
	"$(BIN)/pytest" -x -m "not slow"

format: venv-test
	"$(BIN)/ruff" check --fix $(CODE)
	"$(BIN)/ruff" format $(CODE)

# The environment: with gpufix alone, with what the tests use, with what makes the site, too.
venv-base venv-test venv-full:
	@command -v "$(PYTHON)" >/dev/null || { echo "gpufix: no $(PYTHON) found; Python 3.10 or newer \
	with venv is needed (Debian, Ubuntu: apt install python3-venv), or set PYTHON=" >&2; exit 1; }
	@"$(PYTHON)" tools/bootstrap "$(VENV)" $(@:venv-%=%)

docs: venv-test
	"$(BIN)/python" tools/build_docs.py

# The documentation as a site, in build/site: open index.html there; nothing is loaded from elsewhere.
site: venv-full docs
	NO_MKDOCS_2_WARNING=1 "$(BIN)/mkdocs" build --strict --quiet
	@echo "build/site/index.html"

clean:
	rm -rf "$(VENV)" "$(VENV)"-lowest* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
