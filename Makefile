PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
FRAMEWORKS_STAMP := $(VENV)/.installed-frameworks
# most of what is installed is never imported: only what is gets compiled, when it is
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable
# else every process of the tests compiles all of it again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install install-all demo test test-real test-frameworks test-frameworks-quick test-wheel test-oldest lint types layers format docs site check example-rates error-rates error-rates-quick repair-rates pruning-rates repair-rates-quick treatment-rates stride-verdicts noise-rates synthetic-noise-rates framework-faults rule-time comparators comparison-rates bench soak gpu-check scale clean

help:  ## show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[dev]'
	touch $@

install: $(STAMP)  ## set up .venv

install-all: $(FRAMEWORKS_STAMP)  ## set up .venv with the frameworks as well, in one go

demo: $(STAMP)  ## train a faulty model, diagnose it, write the review into a local MLflow store
	$(BIN)/tuneguard demo

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-real: $(STAMP)  ## run the tests on real servers, PostgreSQL and a browser, where they are installed
	$(BIN)/python -m pytest tests/real -n 2 -rs

$(FRAMEWORKS_STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[dev,frameworks]'
	touch $(STAMP) $@

test-frameworks: $(FRAMEWORKS_STAMP)  ## run the tests with the frameworks that train, such as Lightning
	$(BIN)/python -m pytest tests/frameworks -n 2 -rs

test-frameworks-quick: $(FRAMEWORKS_STAMP)  ## the same without the slow ones, as CI does
	$(BIN)/python -m pytest tests/frameworks -n 2 -rs -m 'not slow'

WHEEL := build/wheel
WHEEL_PYTHON := $(WHEEL)/env/bin/python

$(WHEEL)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(WHEEL)/env
	$(WHEEL_PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt .
	touch $@

test-wheel: $(STAMP) $(WHEEL)/.installed  ## test the built wheel in an environment without extras
	rm -f $(WHEEL)/*.whl
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(WHEEL) .
	$(WHEEL_PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(WHEEL)/*.whl
	$(BIN)/python -m pytest tests/wheel
	bash -c 'time $(WHEEL)/env/bin/tuneguard --help >/dev/null'

PYTHON310 ?= python3.10
OLDEST := build/oldest
OLDEST_PYTHON := $(OLDEST)/bin/python

$(OLDEST)/.installed: pyproject.toml constraints-oldest.txt
	@$(PYTHON310) -c '' 2>/dev/null || { echo "There is no $(PYTHON310): install Python 3.10, or name it with PYTHON310=/path/to/python3.10" >&2; exit 1; }
	$(PYTHON310) -m venv $(OLDEST)
	$(OLDEST_PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints-oldest.txt --editable '.[dev]'
	touch $@

test-oldest: $(OLDEST)/.installed  ## run the tests with the oldest versions that are allowed; downloads much
	$(OLDEST_PYTHON) -m pytest -n 2 --dist worksteal

lint: $(STAMP)  ## check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)  ## check types
	$(BIN)/mypy

layers: $(STAMP)  ## check who imports whom
	$(BIN)/lint-imports

check: lint types layers test  ## all of it, as CI does

format: $(STAMP)  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)  ## write the generated pages of docs/reference
	$(BIN)/python docs/generate_rules.py
	$(BIN)/python docs/generate_reference.py

site: $(STAMP)  ## build the documentation as a site, into build/site
	$(BIN)/python -m mkdocs build --strict

example-rates: $(STAMP)  ## train every example with ten seeds, and count what is named first
	$(BIN)/python -m benchmarks.example_seeds --seeds 10

error-rates: $(STAMP)  ## train 2,400 small models, and count the errors of their diagnoses
	$(BIN)/python -m benchmarks.error_rates
	$(MAKE) docs

error-rates-quick: $(STAMP)  ## the same with a tenth of them; writes nothing
	$(BIN)/python -m benchmarks.error_rates --quick

repair-rates: $(STAMP)  ## train faulty models again with what was prescribed, and count what is repaired
	$(BIN)/python -m benchmarks.repair_rates

repair-rates-quick: $(STAMP)  ## the same with a tenth of them; writes nothing
	$(BIN)/python -m benchmarks.repair_rates --quick

treatment-rates: $(STAMP)  ## treat ten kinds of fault with ten seeds each, and count how many become healthy
	$(BIN)/python -m benchmarks.treatment_rates

pruning-rates: $(FRAMEWORKS_STAMP)  ## train 300 random trials, and count what pruning the doomed saves
	$(BIN)/python -m benchmarks.pruning

stride-verdicts: $(STAMP)  ## hold the diagnoses of sampled runs against those of whole ones
	$(BIN)/python -m benchmarks.stride_verdicts --seeds 6

$(BENCH_STAMP): $(STAMP)
	$(INSTALL) '.[bench]'
	touch $@

bench: $(BENCH_STAMP)  ## measure what recording costs, beside the bare loop and other ways to watch
	$(BIN)/python -m benchmarks.cost

soak: $(STAMP)  ## record a million steps, and look at what is left
	$(BIN)/python -m benchmarks.cost --part soak

gpu-check: $(STAMP)  ## measure and check what needs a CUDA device, if there is one
	$(BIN)/python -m benchmarks.cost --part gpu

scale: $(STAMP)  ## measure how long reading takes, and a scan of 2,000 runs on PostgreSQL
	$(BIN)/python -m benchmarks.scale

comparison-rates: $(STAMP)  ## count how often a comparison of runs errs, and what it sees
	$(BIN)/python -m benchmarks.comparison_rates

noise-rates: $(STAMP)  ## count the false alarms of plain tests on noise
	$(BIN)/python benchmarks/noise_rates.py

synthetic-noise-rates: $(STAMP)  ## count what each rule says of 3,000 healthy runs drawn at random
	$(BIN)/python -m benchmarks.synthetic_noise

framework-faults: $(FRAMEWORKS_STAMP)  ## train each framework's quick start with planted faults, and count what is named
	$(BIN)/python -m benchmarks.frameworks

rule-time: $(STAMP)  ## measure how long each rule takes on a long run
	$(BIN)/python -m benchmarks.rule_time

COMPARATORS := gradsnitch==0.1.0 runmedic==0.1.1 trainspotter==0.2.6 losslint==0.4.1

comparators:  ## install other tools that diagnose logs, in an environment of their own
	$(PYTHON) -m venv build/comparators
	build/comparators/bin/python -m pip install --quiet --disable-pip-version-check $(COMPARATORS)

clean:  ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
