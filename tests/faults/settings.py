"""The bookshop for fault tests: what a case changes comes as JSON in DRIP_FAULTS_SETTINGS."""

import json
import os

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import LOGGING, Q_CLUSTER

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
LOGGING = {**LOGGING, "root": {"level": "WARNING", "handlers": []}}
for _name, _value in json.loads(os.environ.get("DRIP_FAULTS_SETTINGS", "{}")).items():
    if _name.startswith("Q_CLUSTER."):
        Q_CLUSTER[_name.removeprefix("Q_CLUSTER.")] = _value
    else:
        globals()[_name] = _value
