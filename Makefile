# make train      install, get the data, train the chapter's network, leave curves, a report and a model under runs/
#                 (make train ENGINE=tensorflow: the same with TensorFlow, the chapter's way)
# make test       install what tests need, and run every test
# make lowest     run the tests with the oldest releases that pyproject.toml allows, installed beside
# make check      format, lint and types
# make docs       build the site in both languages into site/, and run every command and cell on it
# make fuzz       feed the readers of files damaged ones, a hundred thousand each
# make soak       ask the server for five minutes, as fast as it answers: errors and memory (with wrk, if it is installed)
# make bench      compare the speed with other tools (installs them beside, in .venv-bench)
# make accuracy   validation accuracy of every recipe over several seeds

PYTHON ?= python3
ENGINE ?= auto
VENV := .venv
BIN := $(VENV)/bin
INSTALL = -m pip --disable-pip-version-check install $(call again,--ignore-installed) --editable

.PHONY: train test lowest check format docs fuzz soak bench accuracy clean

ifeq ($(ENGINE),tensorflow)
train: $(VENV)/.installed-tensorflow
else
train: $(VENV)/.installed
endif
	$(BIN)/golmu train fashion-mnist --recipe chapter --engine $(ENGINE)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# Without the tests in a browser and those that feed damaged files, which take long and test no library's interface.
lowest: .venv-lowest/.installed
	.venv-lowest/bin/python -m pytest --numprocesses 2 --dist loadfile -k "not browser and not fuzz"

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed-docs
	$(BIN)/python docs/build.py

fuzz: $(VENV)/.installed-fuzz
	PYTHONPATH=tests/helpers $(BIN)/python tests/fuzz_all.py

soak: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/serve.py --soak 300

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
	rm -rf $(VENV) .venv-bench .venv-lowest site

# The stamps are written after the installation. Where the last one did not end, a package may be half unpacked, which pip
# takes for installed: so all are unpacked again.
define environment
	@$(PYTHON) -m venv $(@D)
	@touch $(@D)/.installing
endef
again = $(if $(wildcard $(@D)/.installing),$(1))

$(VENV)/.installed: pyproject.toml
	@echo "Installing golmu into $(VENV) (once; about 650 MB, a minute or two) ..."
	$(environment)
	@$(BIN)/python $(INSTALL) .
	@rm $(@D)/.installing
	@touch $@

$(VENV)/.installed-tensorflow: pyproject.toml
	@echo "Installing golmu with TensorFlow into $(VENV) (once; about 2.7 GB, a few minutes) ..."
	$(environment)
	@$(BIN)/python $(INSTALL) '.[tensorflow]'
	@rm $(@D)/.installing
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml
	@echo "Installing golmu and what its tests need into $(VENV) (once; about 3 GB, a few minutes) ..."
	$(environment)
	@$(BIN)/python $(INSTALL) '.[dev]'
	@rm $(@D)/.installing
	@touch $(VENV)/.installed $(VENV)/.installed-tensorflow $@

$(VENV)/.installed-docs: pyproject.toml
	@echo "Installing golmu and what its site is built with into $(VENV) (once; about 3 GB, a few minutes) ..."
	$(environment)
	@$(BIN)/python $(INSTALL) '.[docs]'
	@rm $(@D)/.installing
	@touch $(VENV)/.installed $(VENV)/.installed-tensorflow $@

$(VENV)/.installed-fuzz: pyproject.toml
	$(environment)
	@$(BIN)/python $(INSTALL) '.[dev,fuzz]'
	@rm $(@D)/.installing
	@touch $(VENV)/.installed $(VENV)/.installed-tensorflow $(VENV)/.installed-dev $@

.venv-lowest/.installed: pyproject.toml
	@echo "Installing the oldest releases that golmu runs with into .venv-lowest (once; about 3 GB) ..."
	$(environment)
	@.venv-lowest/bin/python -m pip --disable-pip-version-check install --quiet uv
	@.venv-lowest/bin/uv pip install $(call again,--reinstall) --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	@rm $(@D)/.installing
	@touch $@

.venv-bench/.installed: pyproject.toml benchmarks/requirements.txt
	@echo "Installing the peers of the benchmark into .venv-bench (once; about 4 GB) ..."
	$(environment)
	@.venv-bench/bin/python $(INSTALL) '.[tensorflow]' --requirement benchmarks/requirements.txt
	@rm $(@D)/.installing
	@touch $@
