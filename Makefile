# The commands of this project; `make` alone lists them. Each one first makes the environment it needs, in .venv.

.DEFAULT_GOAL := help
.PHONY: help demo dev test kills ray check bench conformance screenshots docs lock migration
SHELL := /bin/sh
BIN := .venv/bin
PYTEST_ARGS ?=

DEMO_ENV := @sh scripts/environment.sh demo .venv --with-freehold
DEV_ENV := @sh scripts/environment.sh dev .venv --with-freehold

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo:  ## a hub of your own with real models in it, on http://127.0.0.1:8000 (PORT=8001 DATA=dir DEMO_ARGS=--once)
	$(DEMO_ENV)
	@$(BIN)/python -m demo $(if $(PORT),--port $(PORT)) $(if $(DATA),--data '$(DATA)') $(DEMO_ARGS)

dev:  ## serve the hub from this checkout, restarted when a file changes
	$(DEV_ENV)
	@$(BIN)/python -m scripts.dev

test:  ## all tests, on SQLite and PostgreSQL, on memory, directory and S3 (PYTEST_ARGS='tests/repos -x' for fewer)
	$(DEV_ENV)
	@$(BIN)/pytest --postgres -rs -n auto --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

kills:  ## kill -9 of the server, 200 times, while official clients publish; `make test` does it 12 times (KILLS=n)
	$(DEV_ENV)
	@KILLS=$(or $(KILLS),200) $(BIN)/pytest -q -s tests/fault/test_kill.py $(PYTEST_ARGS)

ray:  ## models on a Ray cluster of this machine, nodes lost; TROUBLES=500: so many accidents; an environment of its own
	$(DEV_ENV)
	@sh scripts/environment.sh ray .envs/ray
	@RAY_PYTHON=$(CURDIR)/.envs/ray/bin/python $(BIN)/pytest -q -m ray tests/compute/test_ray.py $(PYTEST_ARGS)
	@RAY_PYTHON=$(CURDIR)/.envs/ray/bin/python $(BIN)/python -m scripts.ray_troubles $(or $(TROUBLES),50)

check:  ## format, lint, types, import direction, licences, documents
	$(DEV_ENV)
	@$(BIN)/python -m scripts.check

bench:  ## every figure this project states, beside its floor or peer, in one table
	$(DEV_ENV)
	@$(BIN)/python -m bench

conformance:  ## the official client's own tests against this hub
	$(DEV_ENV)
	@$(BIN)/python -m scripts.conformance $(ARGS)

screenshots:  ## every page, at two widths and in both themes, into screenshots/ (ARGS='model --width 390 --theme dark')
	$(DEV_ENV)
	@$(BIN)/python -m scripts.screenshots $(ARGS)

docs:  ## write again the documents that are made from the code
	$(DEV_ENV)
	@$(BIN)/python -m scripts.docs

lock:  ## resolve requirements/*.txt anew from their sources (UPGRADE=1 takes newer versions)
	$(DEV_ENV)
	@sh scripts/lock.sh

migration:  ## write the next schema change from the mapped classes (NAME='add repo gating')
	$(DEV_ENV)
	@$(BIN)/python -m scripts.new_migration '$(NAME)'
