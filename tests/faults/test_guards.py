"""Each guard is one that a test of ours misses: taken out, that test fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.faults.mutants import GUARDED
from tests.faults.rig import database_url


@pytest.mark.parametrize("mutants", ["", "1"])
def test_without_its_guard_each_of_these_tests_fails(mutants):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.faults.mutants", "-p", "no:xdist"]
    url = database_url().rpartition("/")[0] + "/guards"  # the tables of this one are in use
    environ = os.environ | {"DRIP_MUTANTS": mutants, "DATABASE_URL": url}
    run = subprocess.run([*command, *GUARDED], env=environ, capture_output=True, text=True)
    failed = {name.partition("[")[0] for name in re.findall(r"^FAILED (\S+)", run.stdout, re.M)}
    passed = re.search(r"(\d+) passed", run.stdout)
    assert failed == (GUARDED.keys() if mutants else set()), run.stdout
    assert bool(passed) is not bool(mutants), run.stdout
