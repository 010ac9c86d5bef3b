"""Settings of the test suite: SQLite in memory unless DATABASE_URL says otherwise."""

import os

os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

from .base import *  # noqa: F403
from .base import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WAGTAIL_DRIP_SENDING = "on"
# Threads would not see what a test has in its transaction; tests of them ask for them.
WAGTAIL_DRIP_CONNECTIONS = 1
WAGTAIL_DRIP_STRICT = True  # misuse of the api raises, as under DEBUG
DATABASES["default"]["CONN_MAX_AGE"] = 0
