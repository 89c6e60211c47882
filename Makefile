# Two commands for a newcomer: `make demo` and `make test`. Both set up what they need, once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PLUGINS := $(wildcard plugins/*)
PROJECTS := pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# options for `tertulia demo`, for `pytest` and for the benchmarks: make test TESTS="tests/core/cli -x"
DEMO ?=
TESTS ?=
BENCH ?=
# processes that tests run in, twice the cores of a small machine, because tests wait more than they compute; each
# starts a PostgreSQL of its own
JOBS ?= 4

.PHONY: demo test lint format texts bench clean

demo: $(READY)
	$(BIN)/tertulia demo $(DEMO)

test: lint
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy --strict core/tertulia $(wildcard plugins/*/tertulia_*)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# brings the catalogues of pages up to date, and says how many sentences wait for a translation
texts: $(READY)
	$(BIN)/python -m tertulia.web.texts

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

# the stamp makes a second run start at once, and without a network
$(READY): $(PROJECTS) constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is missing: install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing: install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Setting up $(VENV), which takes a minute or two the first time"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) hatchling editables && \
	  $(PIP) --no-build-isolation -e ".[test]" $(addprefix -e ./,$(PLUGINS)) || { \
	  echo "Packages could not be installed: the first time a network is needed, see pip's message above" >&2; exit 1; }
	@touch $@
