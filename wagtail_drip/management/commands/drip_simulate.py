"""The dated plan of what a campaign would do for somebody, without doing any of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ...engine.foretelling import foretell
from ...engine.foretold import Plan, Sample, WhatIf
from ...flow import clocks
from ...models import Campaign, Contact
from ...models.addresses import normalize

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Command(BaseCommand):
    help = "Tell what a campaign would do for somebody, and when, and why. Nothing is sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="Its short name.")
        parser.add_argument("--contact", metavar="EMAIL", help="default: somebody made up")
        parser.add_argument("--language", default="", help="of who is made up")
        parser.add_argument("--time-zone", default="", help="of who is made up")
        parser.add_argument("--start", metavar="ISO", help="when they enter; default: now")
        parser.add_argument(
            "--event",
            action="append",
            default=[],
            metavar="NAME@WHEN[:JSON]",
            help="what happens on the way, at an ISO moment or so long after the start: "
            'book_bought@+2d, book_bought@+36h:{"book": 3}. May be given several times.',
        )
        parser.add_argument("--draft", action="store_true", help="the latest draft of the flow")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plan = planned(options)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(plan.as_dict(), indent=1, ensure_ascii=False))
            return
        for line in lines(plan):
            self.stdout.write(line)


def planned(options: Mapping[str, Any]) -> Plan:
    """Raises ValueError for what can't be understood."""
    campaign = Campaign.objects.filter(slug=options["campaign"]).first()
    if campaign is None:
        raise ValueError(f"There is no campaign with the short name {options['campaign']!r}.")
    if options["draft"] and (latest := campaign.latest_revision):
        campaign = latest.as_object()
    if options["time_zone"] and clocks.zone(options["time_zone"]) is None:
        raise ValueError(f"There is no time zone {options['time_zone']!r}.")
    start = _moment(options["start"]) if options["start"] else timezone.now()
    what_if = [_what_if(text, start) for text in options["event"]]
    return foretell(campaign, _who(options), start=start, what_if=what_if, draft=options["draft"])


def _who(options: Mapping[str, Any]) -> Contact | Sample:
    if not (email := options["contact"]):
        return Sample(language=options["language"], time_zone=options["time_zone"])
    contact = Contact.objects.filter(email=normalize(email)).first()
    if contact is None:
        raise ValueError(f"There is no contact {email!r}.")
    return contact


def _what_if(text: str, start: datetime) -> WhatIf:
    """Raises ValueError, and says what it should be like."""
    given = re.fullmatch(r"([^@]+)@(\+\d+[dhm]|[\dT:.Z+-]+?)(?::(\{.*\}))?", text, re.DOTALL)
    if given is None:
        raise ValueError(f"{text!r} is no event: write it as NAME@+2d or NAME@2026-03-04T09:00Z.")
    name, when, data = given.groups()
    at = start + _span(when) if when.startswith("+") else _moment(when)
    try:
        return WhatIf(name, at, json.loads(data) if data else {})
    except json.JSONDecodeError as error:
        raise ValueError(f"{data!r} is no JSON: {error}") from None


def _span(text: str) -> timedelta:
    try:
        return timedelta(**{UNITS[text[-1]]: int(text[1:-1])})
    except OverflowError:
        raise ValueError(f"{text!r} is too long.") from None


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{text!r} is no moment: write it as 2026-03-04T09:00Z.")
    return moment


def lines(plan: Plan) -> list[str]:
    version = f"version {plan.version}" if plan.version else "the draft"
    who = plan.contact or "somebody made up"
    told = [f"{plan.campaign}, {version}, for {who}, by the clock of {plan.zone}:"]
    for item in plan.items:
        at = item.at.astimezone(plan.zone)
        what = f"{item.type} “{item.step}”" if item.step else item.type
        told.append(f"{at:%Y-%m-%d %H:%M}  {what}: {item.because.sentence(plan.zone)}")
    return told
