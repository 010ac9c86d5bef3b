# PYTHON builds .venv; everything else runs inside it. PORT moves the demo.
PYTHON ?= python3
PORT ?= 8000
ARGS ?=
export PORT

# What is promised to work together: Python, Django, Wagtail.
VERSIONS = py3.11-dj5.2-wt7.4 py3.12-dj6.0-wt8.0 py3.13-dj6.1-wt8.0

.PHONY: help demo test test-postgresql test-mariadb test-all $(VERSIONS)
.PHONY: browser long pictures records bench-import lint types migrations-check wheel-check clean-demo bench

help:
	@echo "make demo              the bookshop with admin, cluster and outbox (PORT=8000)"
	@echo "make test              the test suite on SQLite, and on POSTGRES_URL and MARIADB_URL where set"
	@echo "make test-postgresql   the test suite on POSTGRES_URL alone"
	@echo "make faults            real clusters under fire, on a PostgreSQL of their own (20 minutes)"
	@echo "make faults-short      the same cases with small numbers (ARGS='--json PATH' here and there)"
	@echo "make bench             how fast mails go beside raw smtplib, on POSTGRES_URL"
	@echo "make test-mariadb      the test suite on MARIADB_URL alone"
	@echo "make demo-oscar        the same bookshop with django-oscar as its shop (PORT=8000)"
	@echo "make test-oscar        what concerns django-oscar, in an environment of its own; buys a book in Chromium"
	@echo "make test-sites        what concerns sites with accounts of their own, django-allauth or wagtail-localize"
	@echo "make test-all          the test suite on SQLite with each promised Python, Django and Wagtail"
	@echo "make long              what the suite takes samples of, in full: every zone's clocks of ten years, more plans"
	@echo "make browser           visitors' and editors' stories and every page in Chromium; axe where npm is"
	@echo "make pictures          write the tutorial's pictures anew"
	@echo "make records           how long lists of a million records take; fills POSTGRES_URL (…bench…)"
	@echo "make bench-import      how long a file of 100,000 people takes, and how much memory; fills POSTGRES_URL (…bench…)"
	@echo "make wheel-check       the wheel works in an empty environment"
	@echo "make lint types        ruff; mypy"
	@echo "make messages          read the words to translate out of the package, and compile the catalogs (GNU gettext)"
	@echo "make migrations-check  no migration is missing, on the newest and the oldest Wagtail"
	@echo "make clean-demo        forget the demo's database and pictures"
	@echo "ARGS=... goes to pytest"

# Each recipe is one process that replaces itself, so that a signal to make reaches it.
demo: python
	@$(PYTHON) example_site/environment.py demo -m example_site.demo

test: python
	@$(PYTHON) example_site/environment.py test -m pytest -n auto $(ARGS)
	@if [ -n "$$POSTGRES_URL" ]; then $(MAKE) --no-print-directory test-postgresql; fi
	@if [ -n "$$MARIADB_URL" ]; then $(MAKE) --no-print-directory test-mariadb; fi

test-postgresql: python
	@DATABASE_URL="$${POSTGRES_URL:?names no server}" $(PYTHON) example_site/environment.py test -m pytest -n auto $(ARGS)

test-mariadb: python
	@DATABASE_URL="$${MARIADB_URL:?names no server}" $(PYTHON) example_site/environment.py test -m pytest -n auto $(ARGS)

# Clusters are killed, refused and stopped while they send, on servers that are started for it.
.PHONY: faults faults-short
faults: python
	@$(PYTHON) example_site/environment.py test -m tests.faults.run --long $(ARGS)

faults-short: python
	@$(PYTHON) example_site/environment.py test -m tests.faults.run $(ARGS)

# ARGS="--help" tells the cases and options.
bench: python
	@DATABASE_URL="$${POSTGRES_URL:?names no server}" $(PYTHON) example_site/environment.py test -m tests.benchmarks $(ARGS)

test-all: $(VERSIONS)

# pyenv's Pythons count as well; its shims on PATH may be there and not work.
$(VERSIONS):
	@set -- $(subst -wt, ,$(subst -dj, ,$(@:py%=%))); \
	for python in python$$1 "$$HOME"/.pyenv/versions/$$1.*/bin/python; do \
	  "$$python" -c "" 2>/dev/null || continue; \
	  echo "=== Python $$1, Django $$2, Wagtail $$3"; \
	  export VENV=.venv-$@ PINS="django==$$2.* wagtail==$$3.*"; \
	  exec "$$python" example_site/environment.py test -m pytest -n auto $(ARGS); \
	done; \
	echo "=== Python $$1, Django $$2, Wagtail $$3: skipped, since there is no python$$1 here"

# In an environment of its own: `make test` stays without selenium and without a browser. Two browsers
# at once, each with a demo of its own.
browser: python
	@! command -v npm >/dev/null || npm install --silent --no-save --no-fund --no-audit --prefix .browser axe-core@4 >/dev/null \
	  || echo "axe-core could not be installed; the pages are not looked at by it."
	@VENV=.venv-browser $(PYTHON) example_site/environment.py browser -m pytest -n 2 --dist worksteal tests/browser $(ARGS)

# In an environment of its own: Oscar's packages and its forty seconds of migrations are nobody else's.
.PHONY: demo-oscar test-oscar
demo-oscar: python
	@VENV=.venv-oscar $(PYTHON) example_site/environment.py demo-oscar -m example_site.demo oscar

test-oscar: python
	@VENV=.venv-oscar $(PYTHON) example_site/environment.py test-oscar -m pytest --ds=tests.oscar.settings tests/oscar $(ARGS)

# Each is another site, so another process, on SQLite whatever else is there.
.PHONY: test-sites
test-sites: python
	@DATABASE_URL=sqlite://:memory: $(PYTHON) example_site/environment.py test -m pytest --ds=tests.accounts.settings tests/accounts $(ARGS)
	@DATABASE_URL=sqlite://:memory: DJANGO_SETTINGS_MODULE=tests.accounts.settings $(PYTHON) example_site/environment.py test manage.py makemigrations --check --dry-run
	@DATABASE_URL=sqlite://:memory: $(PYTHON) example_site/environment.py test -m pytest --ds=tests.localize.settings tests/localize $(ARGS)

long: python
	@DRIP_LONG=1 $(PYTHON) example_site/environment.py test -m pytest -n auto tests/flow tests/engine/test_foretelling.py $(ARGS)

# The tutorial's, as its browser test sees the pages.
pictures:
	@PICTURES=$(CURDIR)/docs/tutorial $(MAKE) --no-print-directory browser ARGS="-k test_a_first_campaign $(ARGS)"

lint: python
	@$(PYTHON) example_site/environment.py dev -m ruff check .
	@$(PYTHON) example_site/environment.py dev -m ruff format --check .

types: python
	@$(PYTHON) example_site/environment.py dev -m mypy wagtail_drip example_site

# Both .po and .mo are kept in the repository, so nothing else asks for gettext.
.PHONY: messages
messages: python
	@$(PYTHON) example_site/environment.py test -m tests.translations.messages

# The migrations are made on the oldest Wagtail: made on a newer one they would ask it of everybody.
migrations-check: python
	@DJANGO_SETTINGS_MODULE=example_site.settings.test $(PYTHON) example_site/environment.py test manage.py makemigrations --check --dry-run
	@VENV=.venv-oldest DJANGO_SETTINGS_MODULE=example_site.settings.test $(PYTHON) example_site/environment.py oldest manage.py makemigrations --check --dry-run

# Fills the very database that POSTGRES_URL names.
records: python
	@DATABASE_URL="$${POSTGRES_URL:?names no server}" DJANGO_SETTINGS_MODULE=example_site.settings.test $(PYTHON) example_site/environment.py test -m tests.benchmarks.records

# Fills the very database that POSTGRES_URL names.
bench-import: python
	@DATABASE_URL="$${POSTGRES_URL:?names no server}" DJANGO_SETTINGS_MODULE=example_site.settings.test $(PYTHON) example_site/environment.py test -m tests.benchmarks.importing

wheel-check: python
	@$(PYTHON) example_site/environment.py test tests/wheel/check.py

clean-demo:
	rm -rf .demo .demo-oscar

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make demo PYTHON=/path/to/python3"; \
	  exit 1; }
