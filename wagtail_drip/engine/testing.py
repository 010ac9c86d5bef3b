"""Testing: a mail or text message for those who write it, made and sent as readers get theirs.

It is made as previews are, so no code is issued and no field asked; it goes out by the same
channel. There is no delivery behind it, so nothing counts it, and its links lead where they lead
without a detour. A mail's link to leave leads to a page that says it is a test.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from .. import registry
from ..channels.base import Again, Outcome, Sent, Session
from ..conf import conf
from ..content import links, making
from ..content.personalizing import Envelope, Mail, Recipient
from ..content.phone import SMS
from ..content.targets import Tracking
from ..models import Campaign, Step
from ..models.consent import suppressed
from .addressing import sender
from .checking import on_allowlist
from .planning import message_id
from .sending import may_send

MAIL = "email"
TESTED = (MAIL, SMS)
MOST = 5  # addresses at once: whoever wants more of it has a campaign


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of one address: `trouble` in words, "" where the mail went out."""

    address: str
    trouble: str = ""


def obstacle(addresses: Sequence[str], channel: str = MAIL) -> str:
    """Why no test can go to all of these normalized addresses; "" where it can.

    `channel`: MAIL, or SMS, whose addresses are numbers.
    """
    if reason := may_send():
        return reason
    if channel == SMS and (reason := registry.channels()[SMS].obstacle()):
        return reason
    if len(addresses) > MOST:
        return _("A test goes to %d addresses at most.") % MOST
    if conf.SENDING == "allowlist" and (kept := [a for a in addresses if not on_allowlist(a)]):
        return _(
            "WAGTAIL_DRIP_SENDING is allowlist, and WAGTAIL_DRIP_ALLOWLIST doesn't name: %s"
        ) % ", ".join(kept)
    if against := suppressed(addresses, transactional=True):
        text = _("These addresses get no mail at all: %s")
        if channel == SMS:
            text = _("These numbers get no text messages at all: %s")
        return text % ", ".join(sorted(against))
    return ""


def send_test(
    step: Step,
    addresses: Sequence[str],
    *,
    campaign: Campaign | None = None,
    reader: Recipient | None = None,
    now: datetime,
) -> list[Tested]:
    """Send the step as it stands on the instance, draft or not, to each address.

    `campaign`: whose mail it is. `reader`: who it is made for; None: a sample person. Raises
    ValueError, in words for an editor, where it can't be made or may not be sent.
    """
    if step.channel not in TESTED:
        raise ValueError(_("Only mails and text messages can be sent as a test."))
    if reason := obstacle(addresses, step.channel):
        raise ValueError(reason)
    mails = [_made(step, address, campaign, reader, now) for address in addresses]
    session = registry.channels()[step.channel].open()
    if isinstance(session, Again):
        text = _("The mail server can't be reached: %s")
        if step.channel == SMS:
            text = _("Text messages can't be sent just now: %s")
        raise ValueError(text % session.reason)
    with session:
        return [Tested(mail.to, _trouble(_transmit(session, mail))) for mail in mails]


def _made(
    step: Step, to: str, campaign: Campaign | None, reader: Recipient | None, now: datetime
) -> Mail:
    source = step.source(campaign=campaign)
    # UTM parameters would count it on the site, and our own links in its clicks.
    marked = replace(source, subject=_("[Test] %s") % source.subject, tracking=Tracking())
    from_email = sender(step, campaign)
    envelope = Envelope(
        message_id=message_id(f"test-{uuid.uuid4().hex}", from_email),
        leave_url=links.leave_url(links.TEST),
        from_email=from_email,
        reply_to=campaign.reply_to if campaign else "",
        tags=("test",),
        one_click=campaign is None or not campaign.transactional,
    )
    try:
        made = making.sample(marked, recipient=reader, to=to, envelope=envelope, date=now)
        if step.channel == SMS:
            made.to, made.text = to, _("[Test] %s") % made.text
        return made
    except making.OUTAGE:
        raise
    except Exception as error:  # a draft may hold anything
        raise ValueError(_("It can't be made yet: %s") % error) from error


def _transmit(session: Session, mail: Mail) -> Outcome:
    return session.ready() or session.transmit(mail)


def _trouble(outcome: Outcome) -> str:
    if isinstance(outcome, Sent):
        return ""
    return outcome.reason or type(outcome).__name__
