"""Parts of the line, timed inside a process that has loaded the site; prints JSON.

`python -m tests.benchmarks.measure planning ROUNDS`: in each round a thousand of those who wait
become due, and a tick finds them and lays down their mails, but begins none; `seconds` of each.
`… enrolling`: everybody in the audience is enrolled; `seconds`, `amount`, `peak_mib`.
`… previewing BLOCKS ROUNDS`: the editor's preview of a mail, and what Wagtail's preview would take
for the same blocks on a page; `seconds` of each round, by contestant.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
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


def previewing(blocks: int, rounds: int) -> dict[str, Any]:
    """What the browser asks for while somebody types: the form is sent, the preview is fetched."""
    from django.http import HttpResponse
    from django.test import Client

    from tests import factories as make
    from tests.admin.support import client_of, url
    from tests.benchmarks.mail import preview_form
    from wagtail_drip.models import Step, previewing

    step = make.step("Preview")
    form = preview_form(step, blocks)
    client: Client = client_of("editor", is_superuser=True)
    address = url("preview_on_edit", step)

    def page(step: Step, *args: Any) -> HttpResponse:
        """The same blocks as HTML, by Wagtail alone."""
        return HttpResponse(step.body.render_as_block())

    def look(serve: Any) -> float:
        previewing.serve = serve
        began = time.perf_counter()
        sent = client.post(address, form)
        shown = client.get(address, {"mode": "html"})
        seconds = time.perf_counter() - began
        assert sent.json()["is_valid"] and shown.content.count(b"A lesson in one") >= blocks // 4
        return seconds

    contestants = {"wagtail": page, "ours": previewing.serve}
    told: dict[str, list[float]] = {name: [] for name in contestants}
    for serve in contestants.values():
        look(serve)  # what is made once: renditions, templates
    for _ in range(rounds):
        for name, serve in contestants.items():
            told[name].append(look(serve))
    return told


CASES: dict[str, Callable[..., dict[str, Any]]] = {
    "planning": planning,
    "enrolling": enrolling,
    "previewing": previewing,
}

if __name__ == "__main__":
    django.setup()
    case, *numbers = sys.argv[1:]
    told = CASES[case](*map(int, numbers))
    sys.stdout.write(json.dumps(told) + "\n")
