# make train   install, get the data, train the chapter's network, leave curves and a model under runs/
# make test    install what tests need, and run every test
# make check   format, lint and types
# make bench   compare the speed with other tools (installs them beside, in .venv-bench)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: train test check format clean

train: $(VENV)/.installed
	$(BIN)/golmu train fashion-mnist --recipe chapter

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-bench

# The stamps are written after the installation, so that an interrupted one is taken up again.
$(VENV)/.installed: pyproject.toml
	@echo "Installing golmu into $(VENV) (once; TensorFlow is large, so this takes a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml
	@echo "Installing golmu and what its tests need into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@
