# PYTHON builds .venv; everything else runs inside it. PORT moves the demo.
PYTHON ?= python3
PORT ?= 8000
ARGS ?=
export PORT

.PHONY: help demo test test-postgresql lint types migrations-check clean-demo

help:
	@echo "make demo              the bookshop with admin, cluster and outbox (PORT=8000)"
	@echo "make test              the test suite on SQLite, and on POSTGRES_URL where that is set"
	@echo "make test-postgresql   the test suite on POSTGRES_URL alone"
	@echo "make lint types        ruff; mypy"
	@echo "make migrations-check  no migration is missing, on the newest and the oldest Wagtail"
	@echo "make clean-demo        forget the demo's database and pictures"
	@echo "ARGS=... goes to pytest"

# Each recipe is one process that replaces itself, so that a signal to make reaches it.
demo: python
	@$(PYTHON) example_site/environment.py demo -m example_site.demo

test: python
	@$(PYTHON) example_site/environment.py test -m pytest -n auto $(ARGS)
	@if [ -n "$$POSTGRES_URL" ]; then $(MAKE) --no-print-directory test-postgresql; fi

test-postgresql: python
	@DATABASE_URL="$$POSTGRES_URL" $(PYTHON) example_site/environment.py test -m pytest -n auto $(ARGS)

lint: python
	@$(PYTHON) example_site/environment.py dev -m ruff check .
	@$(PYTHON) example_site/environment.py dev -m ruff format --check .

types: python
	@$(PYTHON) example_site/environment.py dev -m mypy wagtail_drip example_site

# The migrations are made on the oldest Wagtail: made on a newer one they would ask it of everybody.
migrations-check: python
	@DJANGO_SETTINGS_MODULE=example_site.settings.test $(PYTHON) example_site/environment.py test manage.py makemigrations --check --dry-run
	@VENV=.venv-oldest DJANGO_SETTINGS_MODULE=example_site.settings.test $(PYTHON) example_site/environment.py oldest manage.py makemigrations --check --dry-run

clean-demo:
	rm -rf .demo

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make demo PYTHON=/path/to/python3"; \
	  exit 1; }
