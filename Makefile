# The verbs of this project. `make run` and `make test` do all set-up by themselves, and nothing twice.
SHELL := /bin/bash
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup run test check soak bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## what running needs: .venv, packages, catalogues
	@scripts/setup run

run: ## serve on http://127.0.0.1:8000 (PORT=8001 make run for another); Ctrl-C stops it
	@scripts/setup run && exec $(PY) serve.py

test: ## every test, browser and PostgreSQL included (ARGS="-k word" for some)
	@scripts/setup test && exec $(PY) -m pytest -n 2 --dist loadfile $(ARGS)

check: ## lint, types, import contracts, templates, content
	@scripts/setup test
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy app.py serve.py
	.venv/bin/lint-imports --no-logo
	.venv/bin/djlint --lint --quiet templates
	QIZHOU_DATA=.setup/check .venv/bin/flask content check --no-warnings
	$(PY) -m pytest -q tests/house/test_translations.py

soak: ## the long fault tests, with a report
	@scripts/setup test && { $(PY) -m pytest -m soak -ra --durations=0 $(ARGS) || [ $$? -eq 5 ]; }

bench: ## the benchmarks beside their yardsticks; also bench/results.json
	@scripts/setup test bench && exec $(PY) -m bench $(ARGS)
