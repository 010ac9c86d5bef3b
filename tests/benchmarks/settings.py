"""The bookshop as it would run in production, on a database and with a mail server of a run's own.

What a case changes comes as JSON in DRIP_BENCH_SETTINGS.
"""

import json
import os

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import LOGGING

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = "127.0.0.1"
LOGGING = {**LOGGING, "root": {"level": "ERROR", "handlers": []}}
WAGTAIL_DRIP_SENDING = "on"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
globals().update(json.loads(os.environ.get("DRIP_BENCH_SETTINGS", "{}")))
