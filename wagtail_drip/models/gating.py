"""The gate before a mail or shared content goes live, whichever way publishing comes.

A campaign has one of its own (publishing.py), which asks this of its mails, too.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import Revision

from ..content import checking, making
from ..flow.compiling import NotReady, Problem

logger = logging.getLogger("wagtail_drip.publishing")

SCHEDULED = "wagtail.publish.scheduled"  # the log action of Wagtail's publish_scheduled command
REFUSED_LOGGED = "wagtail_drip.refused"  # its data: {"reason": "…\n…"}


class Gated(models.Model):
    """What can't be sent is not published; its draft and what is live stay as they are."""

    class Meta:
        abstract = True

    was_live: bool | None = None  # when it was loaded; None: it is new

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A draft that goes live by being saved passes the gate as well, and stays one otherwise.

        wagtail-localize saves a translation as live before it has it published.
        """
        if self.live and self.was_live is False and self.gate():  # type: ignore[has-type]
            self.live, self.has_unpublished_changes = False, True
        super().save(*args, **kwargs)
        self.was_live = self.live

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        row = super().from_db(*args, **kwargs)
        row.was_live = row.__dict__.get("live")
        return row

    def source(self) -> Any:
        raise NotImplementedError

    def gate(self) -> list[Problem]:
        """Why it can't be published as it stands on this instance; empty: it can."""
        try:
            return [Problem(text) for text in checking.problems(self.source())]
        except making.OUTAGE:
            raise
        except Exception as error:  # a site's own block must not stop what else is scheduled
            logger.exception("%s %s can't be checked", self._meta.label, self.pk)
            return [Problem(_("It could not be checked: %s") % error)]

    def publish(
        self,
        revision: Revision,
        user: Any = None,
        changed: bool = True,
        log_action: bool | str = True,
        previous_revision: Any = None,
        skip_permission_checks: bool = False,
    ) -> None:
        """As Wagtail's. Raises NotReady, a ValidationError, and has changed nothing then.

        Where nobody could be told, by the schedule, the refusal is logged instead.
        """
        if found := revision.as_object().gate():
            if log_action != SCHEDULED:
                raise NotReady(found)
            log_refusal(self, found, user)
            unschedule(revision, user)
            return
        super().publish(  # type: ignore[misc]
            revision, user, changed, log_action, previous_revision, skip_permission_checks
        )

    publish.alters_data = True  # type: ignore[attr-defined]


def log_refusal(instance: Any, found: list[Problem], user: Any) -> None:
    """Into the history of what was not published."""
    reason = "\n".join(str(problem) for problem in found)
    told = reason.replace("\n", " | ")
    logger.warning("%s %s was not published: %s", instance._meta.label, instance.pk, told)
    log(instance=instance, action=REFUSED_LOGGED, user=user, data={"reason": reason})


def unschedule(revision: Revision, user: Any) -> None:
    """Else the schedule would try again every time it runs."""
    if revision.approved_go_live_at:
        revision.approved_go_live_at = None
        revision.save(user=user, update_fields=["approved_go_live_at"])
