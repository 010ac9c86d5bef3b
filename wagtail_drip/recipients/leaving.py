"""The page behind the link in every mail: leave its topic, or everything; say why, or get less.

POST needs no login, cookie or CSRF token, since mail programs send it for the reader (RFC 8058);
the signed link is the proof.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from wagtail.models import Site

from ..content.links import TEST, read_leave_token
from ..content.person_links import preferences_url
from ..engine import choosing, leaving
from ..models import Consent, Delivery, Farewell, Topic
from ..models.consent import suppressed
from ..models.deliveries import LINK_IN_MAIL
from ..models.pruned import PrunedDelivery
from .doors import DOORS, LOST, PublicView

WORDS = 1000  # characters of why somebody leaves; what is longer is cut


class LeaveView(PublicView):
    doors = (*DOORS, csrf_exempt)
    template_name = "wagtail_drip/recipients/leave.html"
    delivery: Delivery | PrunedDelivery

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        found = delivery_of(kwargs["signed"])
        if found == TEST:
            return self.answer({"state": found})
        if isinstance(found, str):
            status = 404 if found == "forged" else 200
            return self.answer({"state": found}, template=LOST, status=status)
        self.delivery = found
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        return self.page(self.standing())

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        """Do what the button says; a mail program's one click says nothing but leave."""
        wish = self.posted.get("wish", "")
        return self.page(_WISHES.get(wish, LeaveView.leave)(self))

    # What the buttons do; each returns the state that the page shows then.

    def leave(self) -> str:
        topic = self.delivery.campaign.topic
        if topic is None:
            return self.leave_all()
        leaving.leave_topic(self.delivery.contact, topic, at=timezone.now(), source=self.source)
        return "left"

    def leave_all(self) -> str:
        leaving.leave_all(self.delivery.contact, at=timezone.now(), source=self.source)
        return "left_all"

    def stay(self) -> str:
        contact, topic = self.delivery.contact, self.delivery.campaign.topic
        if topic and leaving.rejoin(contact, topic, at=timezone.now(), source=self.source):
            return "back"
        return self.standing()

    def pause(self) -> str:
        """Less instead of nothing: for who leaves at this moment, leaving is taken back by it."""
        state = self.stay()
        if state in ("left", "left_all"):  # by another way: that stands
            return state
        choosing.pause(self.delivery.contact, at=timezone.now())
        return "paused"

    def why(self) -> str:
        state = self.standing()
        why = self.posted.get("why", "")
        why = why if why in Farewell.Why.values else ""
        words = self.posted.get("words", "").replace("\0", "").strip()[:WORDS]
        if state == "ask" or not (why or words):
            return state
        topic = self.delivery.campaign.topic if state == "left" else None
        choosing.tell_why(self.delivery.contact, topic, why=why, words=words, at=timezone.now())
        return "told_all" if topic is None else "told"

    # What the page shows

    @property
    def source(self) -> str:
        return source_of(self.delivery)

    def standing(self) -> str:
        """Whether they have left already: everything, the mail's topic, or nothing."""
        contact, topic = self.delivery.contact, self.delivery.campaign.topic
        if suppressed([contact.email], transactional=False):
            return "left_all"
        mine = Consent.objects.filter(contact=contact, topic=topic)
        left = topic is not None and mine.filter(state=Consent.State.WITHDRAWN).exists()
        return "left" if left else "ask"

    def site(self) -> Site | None:
        if hasattr(self, "delivery"):
            return self.delivery.campaign.site
        return super().site()

    def page(self, state: str) -> HttpResponse:
        contact, topic = self.delivery.contact, self.delivery.campaign.topic
        context = {
            "state": state,
            "topic": topic,
            "can_return": self._can_return(topic),
            "reasons": Farewell.Why.choices,
            "preferences_url": preferences_url(contact.uuid.hex),
        }
        return self.answer(context, language=contact.language)

    def _can_return(self, topic: Topic | None) -> bool:
        contact = self.delivery.contact
        return topic is not None and bool(leaving.left_by(contact, topic, self.source))


_WISHES: dict[str, Callable[[LeaveView], str]] = {
    "everything": LeaveView.leave_all,
    "stay": LeaveView.stay,
    "pause": LeaveView.pause,
    "why": LeaveView.why,
}


def delivery_of(signed: str) -> Delivery | PrunedDelivery | str:
    """The delivery the link was sent in; else why there is none: "test", "forged" or "gone".

    Links never expire: of a delivery that was pruned there is still what its link needs.
    """
    try:
        token = read_leave_token(signed)
    except BadSignature:
        return "forged"
    if token == TEST:
        return TEST
    for model in (Delivery, PrunedDelivery):
        found = model._default_manager.select_related(
            "contact", "campaign__topic", "campaign__site"
        ).filter(token=token)
        if delivery := found.first():
            return "gone" if delivery.contact.erased_at else delivery
    return "gone"


def source_of(delivery: Delivery | PrunedDelivery) -> str:
    """What the proof says of a change made by this link; "a mistake" is told by it too."""
    return f"{LINK_IN_MAIL}{delivery.pk if isinstance(delivery, Delivery) else delivery.token}"
