# The two commands: `make run` (everything, then the page) and `make test`. Both install from the lock.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
MODEL  ?=

.PHONY: run test lint lock chromium clean

run: $(VENV)/run
	$(BIN)/lagebild up $(if $(MODEL),--model $(MODEL))

test: $(VENV)/dev chromium
	$(BIN)/python -m pytest

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/run: requirements.lock pyproject.toml
	@echo "lagebild: installing into $(VENV) (about 1 GB, two to five minutes the first time)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --progress-bar on --no-deps --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# Chromium is the system's: a test tool's own download of a browser is not to be had everywhere.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo "lagebild: installing Chromium for the tests of the page"; \
		SUDO=$$(test $$(id -u) -eq 0 || echo sudo); \
		$$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; }

# After a change of dependencies in pyproject.toml: both locks anew, with hashes.
lock: 
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra build -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra build --extra dev -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
