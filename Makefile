# `make` alone lists the targets. A fresh machine needs only `make demo` and `make test`.
VENV := .txwatch/venv
DBT_VENV := .txwatch/venv-dbt
AIRFLOW_VENV := .txwatch/venv-airflow
BIN := $(VENV)/bin
TXWATCH := $(BIN)/txwatch
STACK := python3 scripts/stack
SHELL_SCRIPTS = $(shell grep -rlI '^\#!.*sh$$' .ci scripts services localstack)

.DEFAULT_GOAL := help
.PHONY: help install demo dbt airflow up plan down status logs shell smoke secrets images mirror test chaos chaos-stack bench bench-report test-stack lint format \
        docs metabase-check requirements clean

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

up: ## start the stack of containers (PROFILE=small or cluster, ARGS="-var=generator_rate=0")
	@$(STACK) up $(if $(PROFILE),--profile $(PROFILE)) -- $(ARGS)

plan: ## show what `make up` would change in the stack
	@$(STACK) plan $(if $(PROFILE),--profile $(PROFILE)) -- $(ARGS)

down: ## remove the stack: containers, network, volumes (KEEP_DATA=1 keeps the data for the next `make up`)
	@$(STACK) down $(if $(KEEP_DATA),--keep-data) -- $(ARGS)

status: ## show the stack's containers and how the stream is doing
	@$(STACK) status

logs: ## show what a container of the stack wrote (S=stream)
	@$(STACK) logs $(if $(S),--service $(S))

shell: ## open a shell in a container of the stack (S=postgres)
	@$(STACK) shell $(if $(S),--service $(S))

smoke: ## show that the stack is well: containers, arriving facts, the balance
	@$(STACK) smoke

secrets: ## print the stack's passwords
	@$(STACK) secrets

images: ## build the stack's images, where their content changed
	@$(STACK) images

mirror: ## prepare Terraform's providers on a machine that reaches no provider registry
	@scripts/make-mirror.sh

test: install $(DBT_VENV)/.stamp $(AIRFLOW_VENV)/.stamp ## run every test that needs no Docker (ARGS="-k name" for some)
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-stack: install ## run the stack's tests: Terraform's own, then those on applied stacks (ARGS="-k name")
	@$(STACK) test-plans
	@$(STACK) images
	@# One stack after the other: side by side they took as long, for both processors are busy either way.
	@$(BIN)/pytest tests/stack/small tests/stack/cluster $(ARGS)

chaos: install ## break the running pipeline in each way (FAULTS=57, in the order that SEED=7 draws), compare, and write docs/chaos.md
	@PYTHONPATH=tests:tests/chaos $(BIN)/python tests/chaos/run.py --output docs/chaos.json \
		$(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(ARGS)
	@$(BIN)/python tests/chaos/page.py docs/chaos.json docs/chaos.md

chaos-stack: install ## break an applied stack in each way (FAULTS=34, in the order that SEED=7 draws), compare, and write docs/chaos-stack.md
	@$(STACK) images
	@PYTHONPATH=tests:tests/chaos:tests/stack $(BIN)/python tests/chaos/on_stack.py --output docs/chaos-stack.json \
		$(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(ARGS)
	@$(BIN)/python tests/chaos/page.py docs/chaos-stack.json docs/chaos-stack.md

bench: install ## measure every system of the bench in turns (hours; ARGS="drain --rows 500000" for a part)
	$(BIN)/python tests/bench/bench.py $(or $(ARGS),all)

bench-report: install ## write docs/performance.md and its plots from the results in docs/performance/
	$(BIN)/python tests/bench/report.py

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
	@if [ -s infra/terraform.tfstate ] && grep -q '"type"' infra/terraform.tfstate; then \
	  echo "error: the stack is up: 'make down' first" >&2; exit 1; fi
	@# A damaged state file keeps every command from starting; what runs is found without it.
	@if [ -x $(TXWATCH) ]; then $(TXWATCH) down --remove-data || { rm -f .txwatch/state.json && $(TXWATCH) down --remove-data; }; fi
	rm -rf .txwatch infra/terraform.tfstate.backup
