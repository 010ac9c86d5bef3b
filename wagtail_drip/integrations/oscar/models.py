"""What Oscar itself doesn't keep: whose voucher it is, and whose cart that of a guest is."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ...models import Contact


class IssuedVoucher(models.Model):
    """A voucher that a mail gave to its reader; Oscar's own rules say what it takes off."""

    voucher = models.OneToOneField(
        "voucher.Voucher", on_delete=models.CASCADE, related_name="drip_issued"
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="oscar_vouchers")
    # The mail that gave it, made again when a server was busy, shows the same code. No foreign
    # key: a voucher outlives what drip_prune takes away.
    delivery = models.PositiveBigIntegerField()
    offer = models.CharField(max_length=128)  # its slug

    class Meta:
        verbose_name = _("voucher given out by a mail")
        verbose_name_plural = _("vouchers given out by mails")
        constraints = [
            models.UniqueConstraint(fields=["delivery", "offer"], name="drip_oscar_voucher_once")
        ]

    def __str__(self) -> str:
        return f"{self.offer} · {self.contact}"


class GuestBasket(models.Model):
    """The address that a guest gave for their cart, on the way to ordering."""

    basket = models.OneToOneField(
        "basket.Basket", on_delete=models.CASCADE, related_name="drip_guest"
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="oscar_baskets")

    class Meta:
        verbose_name = _("cart of a guest")
        verbose_name_plural = _("carts of guests")

    def __str__(self) -> str:
        return f"{self.basket_id} · {self.contact}"
