"""Vouchers as coupons: a code of the person's own, which Oscar's cart takes once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from oscar.apps.voucher.utils import generate_code
from oscar.core.loading import get_model

from ...content.coupons import Coupon, CouponAdapter
from ...content.formatting import written
from ...content.personalizing import Hold, Recipient
from ...models.among import among
from .models import IssuedVoucher


class OscarCoupons(CouponAdapter):
    """Editors choose among the voucher offers of the shop, which are made in Oscar's dashboard and
    say what is taken off. Each mail gets a voucher of such an offer, for one order."""

    days = 30  # how long it holds
    length = 12  # characters of a code
    lead = timedelta(minutes=5)  # how much Oscar's clock may be behind

    def offers(self) -> Sequence[tuple[str, Any]]:
        found = self._offers().order_by("name", "pk")
        return list(found.values_list("slug", "name"))

    def _offers(self) -> Any:
        model = get_model("offer", "ConditionalOffer")
        return model.objects.filter(offer_type=model.VOUCHER).exclude(status=model.SUSPENDED)

    def issue(self, offer: str, recipients: Sequence[Recipient]) -> Mapping[int, Coupon | Hold]:
        row = self._offers().filter(slug=offer).first()
        if row is None:
            hold = Hold(_("The shop has no voucher offer “%s”.") % offer)
            return {one.id: hold for one in recipients}
        deliveries = [one.id for one in recipients]
        rows = IssuedVoucher.objects.filter(among("delivery", deliveries), offer=offer)
        found = {one.delivery: one.voucher for one in rows.select_related("voucher")}
        missing = [one for one in recipients if one.id not in found]
        if missing:
            found |= self._new(row, missing)
        return {delivery: self._coupon(voucher) for delivery, voucher in found.items()}

    def _new(self, offer: Any, recipients: Sequence[Recipient]) -> dict[int, Any]:
        model, start = get_model("voucher", "Voucher"), timezone.now()
        with transaction.atomic():
            made = [self._voucher(model, offer, start) for _one in recipients]
            model.objects.bulk_create(made)
            known = model.objects.in_bulk([one.code for one in made], field_name="code")
            vouchers = [known[one.code] for one in made]
            through = model.offers.through
            pairs = [{"voucher_id": one.pk, "conditionaloffer_id": offer.pk} for one in vouchers]
            through.objects.bulk_create([through(**pair) for pair in pairs])
            theirs = dict(zip((one.id for one in recipients), vouchers, strict=True))
            IssuedVoucher.objects.bulk_create(
                IssuedVoucher(
                    voucher=theirs[one.id],
                    contact_id=one.contact_id,
                    delivery=one.id,
                    offer=offer.slug,
                )
                for one in recipients
            )
        return theirs

    def _voucher(self, model: Any, offer: Any, start: datetime) -> Any:
        code = generate_code(self.length)
        return model(
            name=f"{offer.name[:100]} ({code})",
            code=code,
            usage=model.SINGLE_USE,
            start_datetime=start - self.lead,
            end_datetime=start + timedelta(days=self.days),
        )

    def _coupon(self, voucher: Any) -> Coupon:
        last = timezone.localtime(voucher.end_datetime).date()
        return Coupon(voucher.code, written(last))

    def sample(self, offer: str) -> Coupon:
        last = timezone.localtime(timezone.now() + timedelta(days=self.days)).date()
        return Coupon("SAMP-LECO-DE00", written(last))
