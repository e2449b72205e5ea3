# `make` alone lists the targets. A fresh machine needs only `make demo` and `make test`.
VENV := .txwatch/venv
DBT_VENV := .txwatch/venv-dbt
AIRFLOW_VENV := .txwatch/venv-airflow
BIN := $(VENV)/bin
TXWATCH := $(BIN)/txwatch
SHELL_SCRIPTS = .ci/run $(shell find . -name '*.sh' -not -path './.txwatch/*' -not -path '*/.terraform/*')

.DEFAULT_GOAL := help
.PHONY: help install demo dbt airflow test lint format docs metabase-check requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## make the environment under .txwatch and fetch the jars, where they changed
	@scripts/make-environment.sh $(VENV)
	@$(TXWATCH) jars > /dev/null

demo: install ## watch transactions flow from end to end (SECONDS=60 ends by itself, FRESH=1 starts over)
	@$(TXWATCH) demo $(if $(SECONDS),--seconds $(SECONDS)) $(if $(FRESH),--fresh)

$(DBT_VENV)/.stamp: requirements/transform.txt
	@scripts/make-environment.sh $(DBT_VENV) transform

dbt: install $(DBT_VENV)/.stamp ## build and test the marts and write their documentation page (ARGS=--full-refresh)
	@$(TXWATCH) up
	@$(TXWATCH) transform --docs $(ARGS)

$(AIRFLOW_VENV)/.stamp: requirements/airflow.txt
	@scripts/make-environment.sh $(AIRFLOW_VENV) airflow

airflow: install $(DBT_VENV)/.stamp $(AIRFLOW_VENV)/.stamp ## run Airflow with the DAGs, without Docker; Ctrl-C ends it
	@$(TXWATCH) airflow

test: install $(DBT_VENV)/.stamp $(AIRFLOW_VENV)/.stamp ## run every test (ARGS="-k name" for some)
	@$(BIN)/pytest $(ARGS)

lint: install ## check style, types, import directions, shell scripts and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck $(SHELL_SCRIPTS)
	$(BIN)/yamllint --strict .

format: install ## write the code in its one style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install ## write what is said of settings (README.md, .env.example) and events (docs/events.md)
	$(BIN)/python scripts/document-settings.py
	$(BIN)/python scripts/document-events.py

metabase-check: install ## compare the calls that we make with a live Metabase (TXWATCH_METABASE_URL)
	@$(TXWATCH) dashboards check --metabase

requirements: install ## pin requirements/ again from pyproject.toml (ARGS=--upgrade takes newer versions)
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/compile-requirements.sh $(ARGS)

clean: ## stop what runs here and remove all state: environment, data, logs, passwords
	@# A damaged state file keeps every command from starting; what runs is found without it.
	@if [ -x $(TXWATCH) ]; then $(TXWATCH) down --remove-data || { rm -f .txwatch/state.json && $(TXWATCH) down --remove-data; }; fi
	rm -rf .txwatch
