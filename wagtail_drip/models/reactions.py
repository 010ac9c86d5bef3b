"""What readers do with mails: links and where they lead, clicks and opens, and whether to ask."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .addresses import digest
from .deliveries import Delivery
from .inserting import insert_all


def new_key() -> str:
    return secrets.token_hex(8)


class Link(models.Model):
    """Where a link in mails leads. Never changed or deleted: mails are kept, and links work.

    The address in a mail names the row by `key`, which nobody guesses, and never the target.
    """

    key = models.CharField(max_length=16, unique=True, default=new_key, editable=False)
    url = models.TextField(_("address"))
    url_digest = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")

    def __str__(self) -> str:
        return self.url


def keys_of(urls: Collection[str]) -> dict[str, str]:
    """The key of each URL's Link, made where there is none. One query, or three."""
    wanted = {digest(url): url for url in urls}
    found = _keys(wanted)
    if missing := wanted.keys() - found.keys():
        insert_all([Link(url=wanted[one], url_digest=one) for one in sorted(missing)])
        found = _keys(wanted)
    return {url: found[one] for one, url in wanted.items()}


def _keys(digests: Collection[str]) -> dict[str, str]:
    rows = Link.objects.filter(url_digest__in=list(digests))
    return dict(rows.values_list("url_digest", "key"))


class Reaction(models.Model):
    """One click on a link of a delivery, or one load of its pixel.

    At most one row for each link by people and one by machines: the first. Nothing here names
    the reader: no IP address, no browser.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        CLICKED = "clicked", _("clicked")

    class By(models.TextChoices):
        """Who it was: a person, or the rule by which it counts as a machine's doing."""

        PERSON = "", _("a person")
        HEAD = "head", _("a program that asked for headers only")
        PREFETCH = "prefetch", _("a program that loads ahead")
        AGENT = "agent", _("a program by its own name")
        PROXY = "proxy", _("an image proxy that loads every picture")
        SOON = "soon", _("too soon after sending")
        TRAP = "trap", _("a program that followed a link no person sees")
        BURST = "burst", _("a program that followed many links at once")
        PROVIDER = "provider", _("a program, says the mail provider")

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="reactions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # Null: the pixel, the trap, or what a provider tells of a link of its own.
    link = models.ForeignKey(Link, null=True, on_delete=models.PROTECT, related_name="reactions")
    at = models.DateTimeField(_("when"))
    by = models.CharField(_("by"), max_length=10, choices=By.choices, blank=True)
    # A click that campaigns have not been told of: it may yet turn out to be part of a burst.
    pending = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("open or click")
        verbose_name_plural = _("opens and clicks")
        indexes = [
            models.Index(fields=["pending", "at", "id"], name="drip_reaction_pending"),
            models.Index(fields=["link", "by"], name="drip_reaction_link"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class SiteSettings(models.Model):
    """What holds for all mails of one site. A site without a row has the defaults."""

    site = models.OneToOneField(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="drip_settings"
    )
    track_clicks = models.BooleanField(
        _("see which links people follow"),
        default=True,
        help_text=_("Links lead through this site. Campaigns and contacts may be left out of it."),
    )
    track_opens = models.BooleanField(
        _("see who opens mails"),
        default=False,
        help_text=_(
            "Puts an invisible picture into each mail. Many mail programs load it unasked and "
            "many never do, and in some countries people must have agreed to it."
        ),
    )

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")

    def __str__(self) -> str:
        return str(self.site)


def site_settings(site: Site) -> SiteSettings:
    """The site's settings, or unsaved ones with the defaults. No query if selected with it."""
    try:
        return site.drip_settings
    except SiteSettings.DoesNotExist:
        return SiteSettings(site=site)
