PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test lint types layers format docs check example-rates noise-rates bench clean

help:  ## show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

install: $(STAMP)  ## set up .venv

demo: $(STAMP)  ## train a faulty model, diagnose it, write the review into a local MLflow store
	$(BIN)/tuneguard demo

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest -n 3 --dist worksteal

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

example-rates: $(STAMP)  ## train every example with ten seeds, and count what is named first
	$(BIN)/python benchmarks/example_seeds.py --seeds 10

bench: $(STAMP)  ## measure what recording costs, side by side with the bare loop
	$(BIN)/python benchmarks/recording_cost.py

noise-rates: $(STAMP)  ## count the false alarms of plain tests on noise
	$(BIN)/python benchmarks/noise_rates.py

clean:  ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
