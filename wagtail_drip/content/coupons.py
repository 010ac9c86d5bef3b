"""Coupons: a code of the person's own, issued once for each delivery.

A site issues them by an adapter, named in the setting COUPONS; without one the block isn't
offered. It is asked when a mail that goes out is made, and by nothing else: previews, tests and
simulations show a sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, CharBlock

from ..conf import conf
from ..streams import TextChoiceBlock
from .blocks import LinkedBlock
from .email_block import HINT, PREVIEW
from .personalizing import Fault, Hold, Recipient
from .rendering import Rendering

LONGEST = 100  # characters of a code


@dataclass(frozen=True)
class Coupon:
    """What was issued. `until`: how long it holds, as people read it."""

    code: str
    until: str = ""


class CouponAdapter:
    """How a site issues codes. Subclass, and name it in WAGTAIL_DRIP_COUPONS."""

    def offers(self) -> Sequence[tuple[str, Any]]:
        """What editors may choose from: (name in the database, label)."""
        raise NotImplementedError

    def issue(
        self, offer: str, recipients: Sequence[Recipient]
    ) -> Mapping[int, Coupon | Hold | None]:
        """A code for each, by `Recipient.id`, the primary key of the delivery.

        Called again for the same delivery and offer it gives the same code: a mail is made again
        when the server was busy. At most a few queries, whatever the number of recipients.
        """
        raise NotImplementedError

    def sample(self, offer: str) -> Coupon:
        """What previews show. Must issue nothing."""
        return Coupon(_("SAMPLE"))


def adapter() -> CouponAdapter | None:
    """The site's adapter, by the setting; None: it has no codes."""
    return import_string(conf.COUPONS)() if conf.COUPONS else None


def offers() -> list[tuple[str, Any]]:
    known = adapter()
    return list(known.offers()) if known else []


class CouponBlock(LinkedBlock):
    depends_on = "person"
    words_in = ("intro", "button")
    offer = TextChoiceBlock(label=gettext_lazy("Which code"), choices=offers)
    intro = CharBlock(label=gettext_lazy("Words above it"), required=False, help_text=HINT)
    button = CharBlock(label=gettext_lazy("Button"), required=False, max_length=80)

    class Meta:
        label = gettext_lazy("Coupon")
        description = gettext_lazy("A code of the person's own.")
        icon = "key"
        group = gettext_lazy("From your site")
        label_format = "{offer}"
        form_layout = ["offer", "intro", "button", "page", "url"]
        template = "wagtail_drip/email/coupon.html"
        preview_template = PREVIEW
        preview_value = {"intro": gettext_lazy("Ten per cent off your next order"), "offer": ""}

    def nested(self, depth: int) -> Block | None:
        return self if conf.COUPONS else None

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> Mapping[int, dict[str, Any] | Hold | Fault | None]:
        known, offer = adapter(), str(value.get("offer") or "")
        if known is None or offer not in dict(known.offers()):
            hold = Hold(_("The site has no coupons “%s”.") % offer)
            return {one.id: hold for one in recipients}
        issued = known.issue(offer, recipients)
        return {one.id: self._given(issued.get(one.id)) for one in recipients}

    def _given(self, issued: Any) -> dict[str, Any] | Hold | Fault:
        """A mail that promises a code and has none goes to nobody."""
        if isinstance(issued, Hold):
            return issued
        code = issued.code.strip() if isinstance(issued, Coupon) else ""
        if not code or len(code) > LONGEST or not code.isprintable():
            return Fault(_("No code was issued for it."))
        return {"coupon": Coupon(code, str(issued.until))}

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any]:
        known = adapter() or CouponAdapter()
        return {"coupon": known.sample(str(value.get("offer") or ""))}

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        return {**self.sample_values(value, context["rendering"]), **context}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        coupon = context.get("coupon") or self.sample_values(value, rendering)["coupon"]
        words = {name: text.strip() for name, text in self.words(value, rendering).items()}
        link, button = self.link(value, rendering), words["button"]
        foot = f"{button}: {link}" if button and link else ""
        until = _("Valid until %s") % coupon.until if coupon.until else ""
        rows = [words["intro"], coupon.code, until, foot]
        return "\n".join(filter(None, rows))

    def problems(self, value: Any) -> list[str]:
        found, offer = self.link_problems(value), value.get("offer")
        if not offer:
            found.append(_("No code is chosen."))
        elif offer not in dict(offers()):
            found.append(_("The site has no coupons “%s”.") % offer)
        button, leads = value.get("button"), value.get("page") or value.get("url")
        if button and not leads:
            found.append(_("Its button leads nowhere: choose a page or write an address."))
        return found


def builtin() -> dict[str, Block]:
    return {"coupon": CouponBlock()}
