"""What site code calls. Everybody is named by exactly one of `email`, `user` and `contact`.

`record`, `enroll` and `subscribe` stand in the way of sign-ups and checkouts, so they never
break their caller: the database's trouble is logged. Misuse (an unknown name, bad data) raises
ValueError under DEBUG, or with WAGTAIL_DRIP_STRICT = True, and is logged in production. The
others do what a person demands; they raise where it can't be done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .conf import conf
from .engine import choosing, enrolling, erasing, leaving, recording, signing_up, subscribing
from .engine.identifying import find, identify
from .engine.retrying import is_conflict, on_deadlock
from .models import Campaign, Contact, Enrollment, Event, Topic
from .models.consent import Suppression
from .models.signups import Choice

logger = logging.getLogger("wagtail_drip")

P = ParamSpec("P")
R = TypeVar("R")


def _unbreakable(default: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Log instead of raising into the caller's own work, and answer `default`.

    What lost against another transaction is done again: at once, or after the caller's commit.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        again = on_deadlock(function)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return again(*args, **kwargs)
            except (DatabaseError, InterfaceError) as error:
                if connection.in_atomic_block and is_conflict(error):
                    transaction.on_commit(partial(call, *args, **kwargs), robust=True)
                else:
                    logger.exception("wagtail_drip.api.%s failed", function.__name__)
            except Exception as error:
                if conf.STRICT:
                    raise
                told = logger.warning if isinstance(error, ValueError) else logger.exception
                told("wagtail_drip.api.%s was ignored: %s", function.__name__, error)
            return default

        return call

    return decorate


@_unbreakable(None)
def record(
    name: str,
    *,
    email: str | None = None,
    user: Any = None,
    contact: Contact | None = None,
    data: Mapping[str, Any] | None = None,
    key: str = "",
    at: datetime | None = None,
) -> Event | None:
    """Record that `name` (a registered trigger) happened to somebody, `at` (default: now).

    `data`: a JSON object of at most 64 KB. `key`: the same name and key is recorded once, however
    often it is called. Writes in the caller's transaction; returns None where nothing was
    written, or where it will be after the commit.
    """
    return recording.record(
        name,
        email=email,
        user=user,
        contact=contact,
        data=data,
        key=key,
        at=at,
        now=timezone.now(),
    )


@_unbreakable(False)
def enroll(
    campaign: str,
    *,
    email: str | None = None,
    user: Any = None,
    contact: Contact | None = None,
    data: Mapping[str, Any] | None = None,
) -> bool:
    """Enter somebody in the live campaign of this short name, whatever its audience.

    False where consent, a suppression or the entry rule is in the way.
    """
    now = timezone.now()
    plain = recording.as_json(data or {})
    with transaction.atomic():
        person = identify(email=email, user=user, contact=contact, now=now)
        return bool(enrolling.enroll(_campaign(campaign), [person], now=now, data=plain))


@on_deadlock
def unenroll(
    campaign: str,
    *,
    email: str | None = None,
    user: Any = None,
    contact: Contact | None = None,
) -> bool:
    """Take somebody out of the campaign. False where they were not in it."""
    person, inside = find(email=email, user=user, contact=contact), _campaign(campaign)
    if person is None:
        return False
    reason = Enrollment.Reason.EDITOR
    return leaving.leave_campaign(person, inside, reason=reason, at=timezone.now())


@_unbreakable(False)
def subscribe(
    topic: str,
    *,
    email: str | None = None,
    user: Any = None,
    contact: Contact | None = None,
    source: str,
    wording: str = "",
    ip: str | None = None,
    confirmed: bool = False,
) -> bool:
    """Somebody chose the topic of this short name. True where they get it now and didn't before.

    `source` (page or way), `wording` (what they agreed to) and `ip` are kept as proof. Where the
    topic asks for a confirmation, or they had left it, a mail asks for that first; `confirmed`
    says that your site knows already whose address it is and that they mean it.
    """
    now = timezone.now()
    with transaction.atomic():
        person = identify(email=email, user=user, contact=contact, now=now)
        choice = Choice(_topic(topic), wording)
        if confirmed:
            return subscribing.subscribe(person, choice, at=now, source=source, ip=ip)
        before = choosing.granted_topics(person)
        site = choice.topic.site
        now_granted = signing_up.choose(person, [choice], site=site, at=now, source=source, ip=ip)
        return any(topic.pk not in before for topic in now_granted)


@on_deadlock
def unsubscribe(
    topic: str | None = None,
    *,
    email: str | None = None,
    user: Any = None,
    contact: Contact | None = None,
    source: str = "api",
) -> int:
    """Somebody wants no more of the topic; without one, no marketing at all.

    Returns how many campaigns that took them out of.
    """
    now = timezone.now()
    person = identify(email=email, user=user, contact=contact, now=now)
    if topic is None:
        return leaving.leave_all(person, at=now, source=source)
    return leaving.leave_topic(person, _topic(topic), at=now, source=source)


@on_deadlock
def suppress(email: str, *, transactional: bool = False) -> bool:
    """This address gets no more marketing; with `transactional`, no mail at all.

    True where that changed something. Raises ValueError where it is no address.
    """
    scope = Suppression.Scope.ALL if transactional else Suppression.Scope.MARKETING
    reason = Suppression.Reason.MANUAL
    return leaving.shut_out(email, reason=reason, scope=scope, at=timezone.now())


@on_deadlock
def erase(*, email: str | None = None, user: Any = None, contact: Contact | None = None) -> bool:
    """Forget the person: nothing is left that names them. False where nobody is known."""
    person = find(email=email, user=user, contact=contact)
    return person is not None and erasing.erase(person, now=timezone.now())


def _campaign(slug: str) -> Campaign:
    if found := Campaign.objects.filter(slug=slug).first():
        return found
    raise ValueError(_("No campaign has the short name %r.") % (slug,))


def _topic(slug: str) -> Topic:
    if found := Topic.objects.filter(slug=slug).first():
        return found
    raise ValueError(_("No mailing topic has the short name %r.") % (slug,))
