# Everything a person types. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-all spark check up bench bench-peers bench-anonymeter docs clean lock format

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	>/dev/null 2>&1 && echo $$p && break; done)
export UV_PYTHON_DOWNLOADS := never
export DO_NOT_TRACK := 1
# Compiled modules are kept: without them every command spends seconds on compiling its libraries again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.lock.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Trustmart needs Python 3.11, 3.12 or 3.13 with venv (on Debian: apt-get install python3 python3-venv)."; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install 'uv>=0.5'
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Beside the other one: where PySpark is installed, Great Expectations imports it, and that ends pytest's workers.
$(VENV)-spark/.installed: requirements-spark.lock.txt $(VENV)/.installed
	@command -v java >/dev/null || { echo "Spark needs Java 17 (on Debian: apt-get install openjdk-17-jre-headless)."; exit 1; }
	@test -x $(VENV)-spark/bin/python || $(PYTHON) -m venv $(VENV)-spark
	@VIRTUAL_ENV=$(VENV)-spark $(BIN)/uv pip sync --quiet --require-hashes requirements-spark.lock.txt
	@VIRTUAL_ENV=$(VENV)-spark $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

spark: $(VENV)-spark/.installed  ## make .venv-spark, with Spark, for tables that one machine is not enough for

demo: $(VENV)/.installed  ## set everything up, make a CRM of 20,000 customers, run one night through Airflow
	@$(BIN)/python -m trustmart_airflow.demo

test: $(VENV)/.installed  ## the fast tests (minutes)
	@$(BIN)/python -m pytest -n 2 -m "not slow and not browser and not postgres and not airflow and not spark"

test-all: $(VENV)/.installed  ## every test: Airflow standalone, PostgreSQL, Chromium and the whole bank CRM too
	@$(BIN)/python -m pytest

check: $(VENV)/.installed  ## lint, types, import directions, policy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/trustmart check

up: $(VENV)/.installed  ## start Airflow with its UI; the login is printed
	@$(BIN)/python -m trustmart_airflow.up

bench: $(VENV)/.installed  ## measure the night against the same work without privacy
	@$(BIN)/python benchmarks/night.py

var/bench-venv/.installed: benchmarks/peers/requirements.lock.txt $(VENV)/.installed
	@mkdir -p var
	@test -x var/bench-venv/bin/python || $(BIN)/python -m venv var/bench-venv
	@VIRTUAL_ENV=var/bench-venv $(BIN)/uv pip sync --quiet --require-hashes benchmarks/peers/requirements.lock.txt
	@touch $@

bench-peers: var/bench-venv/.installed  ## measure the anonymity engine against ANJANA, anonypy and pyCANON
	@$(BIN)/python benchmarks/peers.py

var/anonymeter-venv/.installed: benchmarks/anonymeter/requirements.lock.txt $(VENV)/.installed
	@mkdir -p var
	@test -x var/anonymeter-venv/bin/python || $(BIN)/python -m venv var/anonymeter-venv
	@VIRTUAL_ENV=var/anonymeter-venv $(BIN)/uv pip sync --quiet --require-hashes benchmarks/anonymeter/requirements.lock.txt
	@touch $@

bench-anonymeter: var/anonymeter-venv/.installed  ## attack samples of a night's microdata with Anonymeter, beside the gate
	@$(BIN)/python benchmarks/anonymeter_check.py

docs: $(VENV)/.installed  ## build dbt's documentation of every model and column
	@$(BIN)/trustmart docs

format: $(VENV)/.installed  ## let ruff tidy the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

lock: $(VENV)/.installed  ## resolve the newest versions again and write the lock (no host names in it)
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --no-emit-project --no-annotate --no-header --all-groups --extra noise --output-file requirements.lock.txt > /dev/null
	@$(BIN)/uv export --quiet --no-emit-project --no-annotate --no-header --all-groups --all-extras --output-file requirements-spark.lock.txt > /dev/null

clean:  ## remove the environment and everything the runs have made
	@rm -rf $(VENV) $(VENV)-spark var dbt_project/target dbt_project/logs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
