"""Says why the others don't run."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


@pytest.mark.browser
@pytest.mark.skipif(
    bool(find_spec("selenium")), reason="selenium is here, and so are the browser tests"
)
def test_the_browser_tests_need_selenium():
    pytest.skip("the browser tests need selenium: make browser installs it")
