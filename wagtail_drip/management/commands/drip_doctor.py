"""Is this site ready to send? Each answer with what to do about it."""

from __future__ import annotations

import json
import stat
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from email.utils import make_msgid, parseaddr
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from wagtail_drip import checks, registry, tasks
from wagtail_drip.channels.base import Again, Sent
from wagtail_drip.channels.email import EmailChannel, make_backend
from wagtail_drip.conf import conf
from wagtail_drip.content.personalizing import Mail
from wagtail_drip.engine import journal
from wagtail_drip.flow import compiling
from wagtail_drip.models import Campaign, Delivery, Enrollment, Heartbeat, Version, standing
from wagtail_drip.models.addresses import normalize
from wagtail_drip.models.clock import DatabaseNow
from wagtail_drip.models.matching import raw_conditions

# A schedule of one run a minute, looked at every 30 s, may come this late and be well.
FRESH = timedelta(minutes=3)
# Back ends of Django that keep or show mail instead of sending it.
GOES_NOWHERE = ("console", "dummy", "filebased", "locmem")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `fix` is empty where all is well."""

    id: str
    ok: bool
    text: str
    fix: str = ""


class Command(BaseCommand):
    help = "Check that this site is ready to send, and say how to make it so."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--send-to", metavar="EMAIL", help="send a small real mail there")
        parser.add_argument(
            "--adopt",
            action="store_true",
            help="let this database send for the present BASE_URL from now on",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        address = _address(options["send_to"]) if options["send_to"] else ""
        found = list(settings_findings())
        found.append(tables())
        if found[-1].ok:
            if options["adopt"]:
                adopt()
            found += [finding() for finding in RUNNING]
        if address:
            found.append(send_to(address))
        ready = all(finding.ok for finding in found)
        if options["json"]:
            report = {"ready": ready, "checks": [asdict(finding) for finding in found]}
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self._print(found, ready)
        if not ready:
            raise SystemExit(1)

    def _print(self, found: list[Finding], ready: bool) -> None:
        for finding in found:
            style = self.style.SUCCESS if finding.ok else self.style.ERROR
            self.stdout.write(f"{style('✓' if finding.ok else '✗')} {finding.text}")
            for line in filter(None, finding.fix.splitlines()):
                self.stdout.write(f"    → {line}")
        wrong = sum(not finding.ok for finding in found)
        self.stdout.write("")
        self.stdout.write("Ready to send." if ready else f"Not ready: {wrong} to mend.")


def _address(text: str) -> str:
    try:
        return normalize(text)
    except ValueError as error:
        raise CommandError(str(error)) from None


# Settings: the system checks, all of them whether mail goes out yet or not


def settings_findings() -> Iterator[Finding]:
    for id, functions, well in _SETTINGS:
        messages = [message for function in functions for message in function()]
        if messages:
            text = " ".join(str(message.msg) for message in messages)
            fix = "\n".join(str(message.hint) for message in messages)
            yield Finding(id, False, text, fix)
        else:
            yield Finding(id, True, well())


_SETTINGS: list[tuple[str, list[Callable[[], checks.Findings]], Callable[[], str]]] = [
    ("base_url", [checks.base_url, checks.https], lambda: f"Links start with {conf.BASE_URL}."),
    ("urls", [checks.urls], lambda: "The pages behind the links in mails have an address."),
    ("sender", [checks.sender], lambda: f"Mails come from {conf.FROM_EMAIL}."),
    ("dkim", [], lambda: " ".join(f"{note.msg} {note.hint}" for note in checks.dkim())),
    ("postal_address", [checks.postal_address], lambda: "Mails carry your postal address."),
    ("hash_key", [checks.hash_key], lambda: "Suppressed addresses have a key of their own."),
    ("products", [checks.products], lambda: f"Products come from {conf.PRODUCTS}."),
    ("webhook_secret", [checks.webhook_secret], lambda: "No webhook is open to everybody."),
    (
        "sns_topics",
        [checks.sns_topics],
        lambda: "Amazon SNS is not needed, or its topics are named.",
    ),
    ("cluster", [checks.cluster], lambda: "django-q2 is told not to repeat tasks."),
    ("patience", [checks.patience], lambda: "A lease outlives the wait on a slow mail server."),
    (
        "texts",
        [checks.texts, lambda: checks.check_texts(None, ["default"])],
        lambda: "Text messages can go, or none are to.",
    ),
    ("database", [checks.database], lambda: "The database lets writers wait for each other."),
]


# What only the running system can tell


def tables() -> Finding:
    executor = MigrationExecutor(connection)
    targets = [key for key in executor.loader.graph.leaf_nodes() if key[0] == "wagtail_drip"]
    if executor.migration_plan(targets):
        text = "Tables of wagtail-drip are missing or old."
        return Finding("tables", False, text, "Run: manage.py migrate")
    return Finding("tables", True, "The tables are up to date.")


def sending() -> Finding:
    if wrong := checks.sending_mode():
        return Finding("sending", False, str(wrong[0].msg), str(wrong[0].hint))
    if conf.SENDING == "off":
        text = "Sending is off: mails wait."
        fix = "When all else is well, set WAGTAIL_DRIP_SENDING = 'on' (or 'allowlist' to try)."
        return Finding("sending", False, text, fix)
    if conf.SENDING == "allowlist":
        names = ", ".join(conf.ALLOWLIST)
        text = f"Mails go to the allowlist alone: {names or 'nobody'}."
        fix = "" if names else "Name addresses or domains in WAGTAIL_DRIP_ALLOWLIST."
        return Finding("sending", bool(names), text, fix)
    return Finding("sending", True, "Sending is on.")


def backend() -> Finding:
    path = type(make_backend()).__module__
    name = path.rpartition(".")[2]
    if path.startswith("django.core.mail.backends.") and name in GOES_NOWHERE:
        text = f"Django's {name} e-mail back end sends nothing to anybody."
        fix = "Set EMAIL_BACKEND (from Django 6.1: MAILERS) to SMTP or to your provider's."
        return Finding("backend", False, text, fix)
    return Finding("backend", True, f"Mails leave by {path}.")


def host() -> Finding:
    adopted = Heartbeat.load().base_url
    if adopted and adopted != conf.BASE_URL:
        text = f"This database sends for {adopted}, but this site is {conf.BASE_URL}."
        fix = (
            "In a copy for tests, leave it: nothing is sent. "
            "If the site has moved here: manage.py drip_doctor --adopt"
        )
        return Finding("host", False, text, fix)
    text = f"This database sends for {adopted}." if adopted else "Nothing was sent from here yet."
    return Finding("host", True, text)


def adopt() -> None:
    Heartbeat.load()
    Heartbeat.objects.filter(pk=1).update(base_url=conf.BASE_URL)


def schedule() -> Finding:
    if not apps.is_installed("django_q"):
        text = "django-q2 is not installed: nothing but drip_tick runs campaigns."
        return Finding("schedule", True, text)
    mended = tasks.heal_schedule()
    text = "The schedule of django-q2 was mended." if mended else "The schedule is in place."
    return Finding("schedule", True, text)


def heartbeat() -> Finding:
    beat_at = Heartbeat.load().beat_at
    age = timezone.now() - beat_at if beat_at else None
    if age is not None and age <= FRESH:
        seconds = max(0, round(age.total_seconds()))
        return Finding("heartbeat", True, f"Campaigns ran {seconds} s ago.")
    text = f"Campaigns have not run since {beat_at:%Y-%m-%d %H:%M} UTC." if beat_at else (
        "Campaigns have never run."
    )  # fmt: skip
    fix = (
        "Start a cluster and keep it running: manage.py qcluster. "
        "Without one, let cron call manage.py drip_tick every minute."
    )
    return Finding("heartbeat", False, text, fix)


def journals() -> Finding:
    """Written to as a worker would; the rights of whoever runs this count."""
    try:
        trial = journal.Journal(uuid.uuid4().hex)
        trial.remove()
        folder = journal.folder()
    except journal.NoJournal as error:
        fix = (
            "Set WAGTAIL_DRIP_JOURNAL_DIR to a folder of the user that runs the cluster, make room "
            "on its disk, and run this as that user. Until then nothing is sent."
        )
        return Finding("journals", False, str(error), fix)
    if folder.parent.stat().st_mode & stat.S_IWOTH:
        text = f"Anybody on this host may take journals away from {folder.parent}."
        return Finding("journals", False, text, f"chmod o-w {folder.parent}")
    if journal.is_default():
        text = (
            f"Send journals lie in {folder}; where that does not outlive a restart of the "
            "cluster (PrivateTmp, a container), set WAGTAIL_DRIP_JOURNAL_DIR."
        )
        return Finding("journals", True, text)
    return Finding("journals", True, f"Send journals lie in {folder}.")


def claims() -> Finding:
    """A worker that hangs keeps its journal locked, so that recovery lets it be."""
    since = DatabaseNow() - 2 * timedelta(seconds=conf.LEASE_SECONDS)
    stuck = Delivery.objects.filter(state=Delivery.State.SENDING, lease_until__lt=since).count()
    if not stuck:
        return Finding("claims", True, "No worker holds mails for too long.")
    text = f"{stuck} mails are held by a worker that neither goes on nor ends."
    fix = (
        "Restart the cluster; what it had not begun goes out then. If this comes again, look for "
        "a merge field or product adapter that waits for ever, and set Q_CLUSTER's timeout."
    )
    return Finding("claims", False, text, fix)


# By database: what to ask, and the answers under which a power cut takes commits back.
_HASTY = {
    "postgresql": ("SHOW fsync", {"off"}),
    "mysql": ("SELECT @@innodb_flush_log_at_trx_commit", {"0", "2"}),
}


def durability() -> Finding:
    question, hasty = _HASTY.get(connection.vendor, ("SELECT ''", set()))
    with connection.cursor() as cursor:
        cursor.execute(question)
        answer = str(cursor.fetchone()[0])
    if answer not in hasty:
        return Finding("durability", True, "What is committed outlives a power cut.")
    name = question.split()[-1].strip("@")
    text = f"The database server runs with {name}={answer}: after a power cut mails may go twice."
    fix = f"Set {name} to {'on' if connection.vendor == 'postgresql' else 1} on the server."
    return Finding("durability", False, text, fix)


def slugs() -> Finding:
    if missing := sorted(set(unknown_slugs())):
        text = f"Live campaigns use what no app registers: {'; '.join(missing)}."
        fix = (
            "Install the app that brings it and look at its wagtail_hooks.py, "
            "or change the campaign."
        )
        return Finding("slugs", False, text, fix)
    return Finding("slugs", True, "Live campaigns use only what is registered.")


def unknown_slugs() -> Iterator[str]:
    """What live campaigns and the versions people are in name, and no hook brings."""
    triggers, conditions = registry.triggers(), registry.conditions()
    live = list(Campaign.objects.filter(live=True))
    for campaign in live:
        if campaign.trigger and campaign.trigger not in triggers:
            yield f"trigger “{campaign.trigger}” ({campaign})"
        named = raw_conditions(campaign.audience) + raw_conditions(campaign.goals)
        yield from _unknown_conditions(named, conditions, campaign)
    inside = Enrollment.objects.filter(state=Enrollment.State.ACTIVE).values("version")
    current = [pk for campaign in live if (pk := campaign.current_version_id)]
    versions = Version.objects.filter(pk__in=inside) | Version.objects.filter(pk__in=current)
    for version in versions.select_related("campaign"):
        if compiling.is_newer(version.program):
            yield f"flow of a newer release of wagtail-drip, for which its people wait ({version})"
            continue
        for node in version.program.get("nodes", {}).values():
            named = node.get("group", {}).get("conditions", [])
            yield from _unknown_conditions(named, conditions, version.campaign)


def _unknown_conditions(
    named: list[dict[str, Any]], known: dict[str, Any], campaign: Campaign
) -> Iterator[str]:
    for condition in named:
        if condition["slug"] not in known:
            yield f"condition “{condition['slug']}” ({campaign})"


def answers() -> Finding:
    """What people ask for is answered by campaigns, which editors may stop like all others."""
    if not (found := list(standing.silent())):
        return Finding(
            "answers", True, "Who must confirm, or wants a copy of their data, is answered."
        )
    lines = [f"“{one}” is {one.status}. {standing.what_is_lost(one)}" for one in found]
    names = ", ".join(f"“{one}”" for one in found)
    return Finding("answers", False, " ".join(lines), f"Publish or resume {names} in the admin.")


RUNNING = (
    sending, backend, host, schedule, heartbeat, journals, claims, durability, slugs, answers,
)  # fmt: skip


# --send-to


def send_to(address: str) -> Finding:
    """Send a small mail by the way that campaigns' mails go, whatever WAGTAIL_DRIP_SENDING says."""
    session = EmailChannel().open()
    if isinstance(session, Again):
        return _not_sent(address, session.reason)
    with session:
        outcome = session.transmit(test_mail(address))
    if isinstance(outcome, Sent):
        known = f" Its id there: {outcome.provider_id}." if outcome.provider_id else ""
        text = f"The mail server took a mail to {address}; now look for it there.{known}"
        return Finding("send_to", True, text)
    return _not_sent(address, outcome.reason)


def _not_sent(address: str, reason: str) -> Finding:
    fix = "Check EMAIL_HOST, EMAIL_PORT and the login, or your provider's API key."
    return Finding("send_to", False, f"No mail went to {address}: {reason}", fix)


def test_mail(address: str) -> Mail:
    site = conf.BASE_URL or "this site"
    text = f"This mail was sent by drip_doctor on {site}. Mails of campaigns come the same way."
    sender = parseaddr(conf.FROM_EMAIL)[1]
    message_id = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    return Mail(
        to=address,
        from_email=conf.FROM_EMAIL,
        subject="It works: a test from wagtail-drip",
        text=f"{text}\n",
        html=f"<!doctype html><html lang=en><title>wagtail-drip</title><p>{text}</p></html>",
        headers={"Auto-Submitted": "auto-generated"},
        message_id=message_id,
        date=timezone.now(),
    )
