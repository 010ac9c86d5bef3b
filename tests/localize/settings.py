"""The settings of tests in tests/localize: `pytest --ds=tests.localize.settings tests/localize`."""

from example_site.settings.test import *  # noqa: F403
from example_site.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "wagtail_localize", "wagtail_localize.locales"]
WAGTAIL_I18N_ENABLED = True
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [("en", "English"), ("fr", "French")]
