"""Accounts of a site's own, and django-allauth: they take another site, so another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.processes
def test_a_site_with_accounts_of_its_own_and_allauth():
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    environ["DATABASE_URL"] = "sqlite://:memory:"
    done = subprocess.run(
        [*command, "--ds=tests.accounts.settings", "tests/accounts"],
        cwd=ROOT, env=environ, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.processes
def test_its_accounts_lack_no_migration():
    """Ours hang on whatever model of accounts a site has."""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.accounts.settings"}
    environ["DATABASE_URL"] = "sqlite://:memory:"
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
