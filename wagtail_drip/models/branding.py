"""SiteBrand: how all mails of one site look, as editors set it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.http import HttpResponse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from wagtail.blocks import CharBlock, StructBlock, URLBlock
from wagtail.fields import RichTextField
from wagtail.images import get_image_model_string
from wagtail.models import PreviewableMixin, Site

from ..conf import conf
from ..content import making, sampling
from ..content.branding import FONTS, Brand, Social
from ..content.colors import HEX, READABLE, contrast
from ..fields import OpenStreamField
from ..streams import OpenStreamBlock
from .filling import default_site
from .owned import OfSite

is_color = RegexValidator(f"^{HEX.pattern}$", _("Write a color like #1f5c4d."))
IMAGE = get_image_model_string()
_UNREADABLE = _(
    "It can hardly be read on the paper: their contrast is %(ratio).1f, and %(least).1f is the "
    "least."
)


class SocialLinkBlock(StructBlock):
    name = CharBlock(label=_("Name"), max_length=40, help_text=_("As readers know it: Mastodon."))
    url = URLBlock(label=_("Address"))

    class Meta:
        label = _("Link")
        icon = "link"
        label_format = "{name}"


class SocialLinksBlock(OpenStreamBlock):
    link = SocialLinkBlock()


def _color(default: str, label: Any) -> models.CharField:
    return models.CharField(label, max_length=7, default=default, validators=[is_color])


def _font(default: str, label: Any) -> models.CharField:
    return models.CharField(label, max_length=20, default=default, choices=font_choices)


def font_choices() -> list[tuple[str, Any]]:
    return [(key, label) for key, (label, _stack) in FONTS.items()]


def _logo(label: Any, help_text: Any) -> models.ForeignKey:
    return models.ForeignKey(
        IMAGE,
        verbose_name=label,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=help_text,
    )


class SiteBrand(OfSite, PreviewableMixin):
    """One for each site. A site without one has the look that the package comes with."""

    site = models.OneToOneField(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="drip_brand"
    )
    name = models.CharField(
        _("sender, as readers know it"),
        max_length=100,
        blank=True,
        help_text=_("Stands above and below each mail. Empty: the site's name."),
    )
    logo = _logo(_("logo"), _("Stands in the place of the name above the mail."))
    dark_logo = _logo(_("logo on dark ground"), _("For readers who have set their screens dark."))
    accent = _color(Brand.accent, _("accent"))
    words = _color(Brand.words, _("text"))
    card = _color(Brand.card, _("paper"))
    ground = _color(Brand.ground, _("ground"))
    heading_font = _font(Brand.heading_font, _("font of headings"))
    body_font = _font(Brand.body_font, _("font of text"))
    width = models.PositiveSmallIntegerField(
        _("width"),
        default=Brand.width,
        validators=[MinValueValidator(480), MaxValueValidator(720)],
        help_text=_("In pixels; 600 suits every mail program. Phones show it as wide as they are."),
    )
    footer = RichTextField(
        _("words at the foot"),
        blank=True,
        features=["bold", "italic", "link"],
        help_text=_(
            "Who you are, where to turn with questions. The link to leave is always there."
        ),
    )
    postal_address = models.TextField(
        _("postal address"),
        blank=True,
        help_text=_("The law asks for one in many countries. Empty: the one of the settings."),
    )
    social = OpenStreamField(SocialLinksBlock, blank=True, verbose_name=_("where else to find you"))

    preview_modes = [("light", _("Light")), ("dark", _("Dark"))]

    class Meta:
        verbose_name = _("look of the mails")
        verbose_name_plural = _("look of the mails")

    def __str__(self) -> str:
        return _now("Look of the mails of %s") % self.site

    def clean(self) -> None:
        """Refuses text that can't be read on its paper."""
        super().clean()
        if not all(HEX.fullmatch(color) for color in (self.words, self.card)):
            return  # its own field says so
        if (ratio := contrast(self.words, self.card)) < READABLE:
            said = {"ratio": ratio, "least": READABLE}
            raise ValidationError({"words": ValidationError(_UNREADABLE, params=said)})

    def serve_preview(self, request: Any, mode_name: str) -> HttpResponse:
        """A sample mail; while a color is half typed, with the one it comes with."""
        language = getattr(request, "LANGUAGE_CODE", "en")
        for name in ("accent", "words", "card", "ground"):
            if not HEX.fullmatch(getattr(self, name) or ""):
                setattr(self, name, getattr(Brand, name))
        html = making.sample(sampling.showing(self.brand(), language)).html
        return HttpResponse(sampling.as_on_dark_screens(html) if mode_name == "dark" else html)

    def brand(self) -> Brand:
        """The same for the content wing."""
        site = self.site if self.site_id else default_site()
        return Brand(
            name=self.name or plain_name(site),
            base_url=base_url(site),
            postal_address=self.postal_address or conf.POSTAL_ADDRESS,
            accent=self.accent,
            ground=self.ground,
            card=self.card,
            words=self.words,
            heading_font=self.heading_font,
            body_font=self.body_font,
            width=self.width or Brand.width,
            logo=self.logo,
            dark_logo=self.dark_logo,
            footer=self.footer,
            social=tuple(
                Social(str(one.value["name"]), str(one.value["url"]))
                for one in self.social
                if one.block_type == "link" and one.value["name"] and one.value["url"]
            ),
        )


# For select_related of a site's rows: `brand_of` needs no query then.
WITH_BRAND = ("site__drip_brand__logo", "site__drip_brand__dark_logo")


def brand_of(site: Site) -> Brand:
    """The look of a site's mails: what editors set, else the one that the package comes with."""
    if SiteBrand._meta.get_field("site").remote_field.is_cached(site):
        found = getattr(site, "drip_brand", None)
    else:
        rows = SiteBrand.objects.select_related("site", "logo", "dark_logo")
        found = rows.filter(site=site).first()
    if found:
        return found.brand()
    return Brand(plain_name(site), base_url(site), conf.POSTAL_ADDRESS)


def plain_name(site: Site | None) -> str:
    names = (site and site.site_name, getattr(settings, "WAGTAIL_SITE_NAME", ""))
    return next(filter(None, names), "") or (site.hostname if site else "")


def base_url(site: Site | None) -> str:
    return conf.BASE_URL or (site.root_url if site else "")
