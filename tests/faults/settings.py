"""The bookshop for fault tests: what a case changes comes as JSON in DRIP_FAULTS_SETTINGS.

`CLOCK_OFFSET`: by how many seconds the clock of this process's host is off. `POISON`: with merge
fields that harm. `Q_CLUSTER.<name>`: None takes the option out.
"""

import json
import os
import time
from datetime import timedelta

from django.utils import timezone

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import INSTALLED_APPS, LOGGING, Q_CLUSTER

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
LOGGING = {**LOGGING, "root": {"level": "WARNING", "handlers": []}}
for _name, _value in json.loads(os.environ.get("DRIP_FAULTS_SETTINGS", "{}")).items():
    if _name.startswith("Q_CLUSTER."):
        Q_CLUSTER[_name.removeprefix("Q_CLUSTER.")] = _value
        if _value is None:
            del Q_CLUSTER[_name.removeprefix("Q_CLUSTER.")]
    else:
        globals()[_name] = _value

if globals().get("POISON"):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.poison"]

if _offset := globals().get("CLOCK_OFFSET"):
    # Before any model takes it for a default.
    _real_now, _real_time = timezone.now, time.time
    timezone.now = lambda: _real_now() + timedelta(seconds=_offset)
    time.time = lambda: _real_time() + _offset
