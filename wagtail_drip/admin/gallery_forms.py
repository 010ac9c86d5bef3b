"""What a recipe asks: a field for each of its questions, filled in with what is likely here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language, get_language_info, gettext_lazy
from django.utils.translation import gettext as _
from wagtail.admin.widgets import AdminDateInput
from wagtail.models import Site

from ..content import coupons
from ..content.richtext import safe_url
from ..engine.files import mapping
from ..engine.files.mapping import Recorded
from ..engine.files.recipes import Ask, Recipe
from ..flow.triggers import keys_of_data
from ..models import Campaign, Topic
from .sites import sites_of, within

EMPTY = ("", "—")


class RecipeForm(forms.Form):
    """Its fields are the recipe's questions, after the site (where there are several) and the
    language of the mails (where it is written in several)."""

    def __init__(
        self, data: Any = None, *, recipe: Recipe, user: Any, recorded: Recorded, **kwargs: Any
    ) -> None:
        self.recipe, self.user, self.recorded = recipe, user, recorded
        self.likely = mapping.guess(recipe, recorded)
        super().__init__(data, initial=self._initial(), **kwargs)
        self._add_site()
        self._add_language()
        for ask in recipe.asks:
            if ask.kind == "topic" and ask.optional and not self._topics(ask):
                continue
            field = getattr(self, f"_{ask.kind}")(ask)
            field.label, field.required = recipe.question(ask), not ask.optional
            field.help_text = " ".join(filter(None, [str(field.help_text), recipe.help(ask)]))
            self.fields[ask.name] = field

    def _initial(self) -> dict[str, Any]:
        found = {}
        for ask in self.recipe.asks:
            value = self.likely.get(ask.name)
            if ask.kind == "date":
                value = f"{value['of']}:{value['key']}" if value else ""
            elif ask.kind == "topic":
                topics = list(self._topics(ask)[:2])
                value = topics[0].slug if len(topics) == 1 else ""
            found[ask.name] = value
        return found

    # Where and in which words

    def _add_site(self) -> None:
        allowed = sites_of(self.user)
        sites = Site.objects.order_by("-is_default_site", "pk")
        self.sites = list(sites if allowed is None else sites.filter(pk__in=allowed))
        if len(self.sites) > 1:
            choices = [(site.pk, str(site)) for site in self.sites]
            self.fields["site"] = forms.TypedChoiceField(
                label=gettext_lazy("Site"), choices=choices, coerce=int, initial=choices[0][0]
            )

    @property
    def site(self) -> Site:
        chosen = getattr(self, "cleaned_data", {}).get("site")
        return next((site for site in self.sites if site.pk == chosen), self.sites[0])

    def _add_language(self) -> None:
        codes = self.recipe.languages
        if len(codes) > 1:
            choices = [(code, get_language_info(code)["name_local"]) for code in codes]
            self.fields["language"] = forms.ChoiceField(
                label=gettext_lazy("Language of the mails"),
                choices=choices,
                required=False,
                initial=self.recipe.language(get_language()),
            )

    # A field for each kind of question

    def _event(self, ask: Ask) -> forms.Field:
        here, there = mapping.events(self.recorded)
        groups = [(_("Recorded on this site"), here), (_("Known, not recorded lately"), there)]
        choices: list[Any] = [("", _("Choose"))] if not ask.optional else [EMPTY]
        return forms.ChoiceField(choices=choices + [group for group in groups if group[1]])

    def _topic(self, ask: Ask) -> forms.Field:
        topics = [(topic.slug, topic.name) for topic in self._topics(ask)]
        help_text = "" if topics else _("This site has none yet: make one under “Mailing topics”.")
        first = EMPTY if ask.optional else ("", _("Choose"))
        return forms.ChoiceField(choices=[first, *topics], help_text=help_text)

    def _topics(self, ask: Ask) -> Any:
        return within(Topic.objects.filter(channel=ask.channel).order_by("name"), self.user)

    def _campaign(self, ask: Ask) -> forms.Field:
        campaigns = within(Campaign.objects.order_by("name", "pk"), self.user)
        return forms.ChoiceField(choices=[EMPTY, *campaigns.values_list("slug", "name")])

    def _code(self, ask: Ask) -> forms.Field:
        if offered := coupons.offers():
            return forms.ChoiceField(choices=[EMPTY, *offered])
        return forms.CharField(
            max_length=coupons.LONGEST,
            help_text=_("This site issues no codes of its own: type one that holds for everybody."),
        )

    def _number(self, ask: Ask) -> forms.Field:
        return forms.IntegerField(min_value=ask.least, max_value=ask.most)

    def _address(self, ask: Ask) -> forms.Field:
        return forms.CharField(
            max_length=500,
            help_text=_("A full address, or one of this site that starts with a slash."),
        )

    def _key(self, ask: Ask) -> forms.Field:
        return forms.ChoiceField(choices=[EMPTY, *((key, key) for key in keys_of_data())])

    def _date(self, ask: Ask) -> forms.Field:
        return forms.ChoiceField(choices=[EMPTY, *mapping.dates()])

    def _day(self, ask: Ask) -> forms.Field:
        return forms.DateField(widget=AdminDateInput)

    # What was answered

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for ask in self.recipe.asks:
            value = cleaned.get(ask.name)
            if ask.kind == "address" and value and not (safe_url(value) and _leads(value)):
                self.add_error(ask.name, _('"%s" is not an address.') % value)
            of_site = Topic.objects.filter(slug=value, site=self.site)
            if ask.kind == "topic" and value and not of_site.exists():
                self.add_error(ask.name, _("This mailing topic belongs to another site."))
            named = Campaign.objects.filter(slug=value, site=self.site)
            if ask.kind == "campaign" and value and not named.exists():
                self.add_error(ask.name, _("This campaign belongs to another site."))
        return cleaned

    def answers(self) -> dict[str, Any]:
        """By question; before anything valid was sent, what is likely."""
        given = getattr(self, "cleaned_data", None)
        if given is None:
            return {**self.initial, **self.likely}
        found = {ask.name: given.get(ask.name) for ask in self.recipe.asks}
        for ask in self.recipe.asks:
            value = found[ask.name]
            if ask.kind == "date":
                found[ask.name] = mapping.as_date(value) if value else {}
            elif ask.kind == "day" and value:
                found[ask.name] = value.isoformat()
        return found


def _leads(url: str) -> bool:
    return url.startswith("/") or ":" in url
