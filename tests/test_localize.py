"""wagtail-localize: it takes another site, so another process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.processes
@pytest.mark.skipif(not find_spec("wagtail_localize"), reason="wagtail-localize isn't installed")
def test_a_site_with_wagtail_localize():
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    environ["DATABASE_URL"] = "sqlite://:memory:"
    done = subprocess.run(
        [*command, "--ds=tests.localize.settings", "tests/localize"],
        cwd=ROOT, env=environ, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
