# make train      install, get the data, train the chapter's network, leave curves and a model under runs/
# make test       install what tests need, and run every test
# make check      format, lint and types
# make fuzz       feed the readers of files damaged ones, a hundred thousand each
# make bench      compare the speed with other tools (installs them beside, in .venv-bench)
# make accuracy   validation accuracy of every recipe over several seeds

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: train test check format fuzz bench accuracy clean

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

fuzz: $(VENV)/.installed-fuzz
	PYTHONPATH=tests/helpers $(BIN)/python tests/fuzz_all.py

bench: .venv-bench/.installed
	.venv-bench/bin/python benchmarks/speed.py
	.venv-bench/bin/python benchmarks/speed.py --settings wide colour --rounds 3
	.venv-bench/bin/python benchmarks/time_to_accuracy.py
	.venv-bench/bin/python benchmarks/readme.py

accuracy: $(VENV)/.installed
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/mlp.py
	$(BIN)/python benchmarks/readme.py

clean:
	rm -rf $(VENV) .venv-bench

# The stamps are written after the installation, so that an interrupted one is taken up again.
$(VENV)/.installed: pyproject.toml
	@echo "Installing golmu into $(VENV) (once; TensorFlow is large, so this takes a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

.venv-bench/.installed: pyproject.toml benchmarks/requirements.txt
	@echo "Installing the peers of the benchmark into .venv-bench (once; about 4 GB) ..."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet -r benchmarks/requirements.txt --editable .
	@touch $@

$(VENV)/.installed-fuzz: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[dev,fuzz]'
	@touch $(VENV)/.installed $(VENV)/.installed-dev $@

$(VENV)/.installed-dev: pyproject.toml
	@echo "Installing golmu and what its tests need into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@
