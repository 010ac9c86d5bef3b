"""The settings of tests in tests/oscar: `make test-oscar`."""

import os

os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

from example_site.settings.oscar import *  # noqa: F403
from example_site.settings.oscar import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WAGTAIL_DRIP_SENDING = "on"
WAGTAIL_DRIP_CONNECTIONS = 1
WAGTAIL_DRIP_STRICT = True
DATABASES["default"]["CONN_MAX_AGE"] = 0
