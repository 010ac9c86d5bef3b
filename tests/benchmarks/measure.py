"""Parts of the line, timed inside a process that has loaded the site; prints JSON.

`python -m tests.benchmarks.measure planning ROUNDS`: in each round a thousand of those who wait
become due, and a tick finds them and lays down their mails, but begins none; `seconds` of each.
`… enrolling`: everybody in the audience is enrolled; `seconds`, `amount`, `peak_mib`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import django

DUE = 1000
BECOME_DUE = """UPDATE wagtail_drip_enrollment SET due_at = now() WHERE id IN (
  SELECT id FROM wagtail_drip_enrollment WHERE node = 'n1' AND due_at > now() + interval '1 hour'
  ORDER BY contact_id %% 997, id LIMIT %s)"""


def planning(rounds: int) -> dict[str, Any]:
    from django.db import connection
    from django.utils import timezone

    from wagtail_drip.engine import ticking
    from wagtail_drip.models import Delivery

    ticking.tick(timezone.now(), enough=lambda: True)  # what a worker does once
    seconds = []
    for number in range(1, rounds + 1):
        with connection.cursor() as cursor:
            cursor.execute(BECOME_DUE, [DUE])
        began = time.perf_counter()
        ticking.tick(timezone.now(), enough=lambda: True)
        seconds.append(time.perf_counter() - began)
        laid = Delivery.objects.count()
        assert laid == number * DUE, f"{laid} mails were planned after {number} rounds"
    return {"seconds": seconds}


def enrolling() -> dict[str, Any]:
    from django.utils import timezone

    from wagtail_drip.engine.enrolling import enroll_audience
    from wagtail_drip.models import Campaign

    began = time.perf_counter()
    amount = enroll_audience(Campaign.objects.get(), now=timezone.now())
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "amount": amount, "peak_mib": peak}


if __name__ == "__main__":
    django.setup()
    case, *numbers = sys.argv[1:]
    told = {"planning": planning, "enrolling": enrolling}[case](*map(int, numbers))
    sys.stdout.write(json.dumps(told) + "\n")
