"""Ready-made series: the gallery, and the page that asks what one needs and makes its drafts."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic import WagtailAdminTemplateMixin

from .. import registry
from ..engine.files import mapping
from ..engine.files.making import BadFile, BadRecipe, make
from ..engine.files.mapping import Recorded
from ..engine.files.recipes import Recipe
from ..flow import drawing, outlining
from ..flow.drawing import Drawing
from ..models import Campaign, Step
from . import picture
from .gallery_forms import RecipeForm
from .permissions import may
from .places import campaign_url, campaigns_url

logger = logging.getLogger("wagtail_drip")


def may_use_recipes(user: Any) -> bool:
    return may(user, "add", Campaign) and may(user, "add", Step)


def gallery_url() -> str:
    return reverse("wagtail_drip_admin:recipes")


class GalleryItem(MenuItem):
    """In our menu, for those who may write campaigns and mails."""

    def __init__(self) -> None:
        super().__init__(
            gettext_lazy("Ready-made series"), gallery_url(), name="recipes", icon_name="pick",
            order=1,
        )  # fmt: skip

    def is_shown(self, request: HttpRequest) -> bool:
        return may_use_recipes(request.user)


@dataclass(frozen=True, slots=True)
class Card:
    slug: str
    title: str
    about: str
    drawing: Drawing
    mails: int

    @property
    def url(self) -> str:
        return reverse("wagtail_drip_admin:recipe", args=[self.slug])


@dataclass(slots=True)
class Group:
    title: str
    cards: list[Card] = field(default_factory=list)


def drawn(recipe: Recipe, answers: Any) -> Drawing:
    """The recipe's flow as a picture, with what isn't answered in words."""
    flow, names, trigger = recipe.sketch(answers)
    lines = outlining.outline(flow, names)
    start = mapping.label(trigger)
    return drawing.picture(lines, start, icon=picture.icon, mirrored=get_language_bidi())


def card(slug: str, recipe: Recipe) -> Card:
    mails = len(recipe.data["steps"])
    return Card(slug, recipe.title(), recipe.words("about"), drawn(recipe, {}), mails)


class RecipePage(WagtailAdminTemplateMixin, TemplateView):
    header_icon = "pick"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may_use_recipes(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class GalleryView(RecipePage):
    template_name = "wagtail_drip/admin/gallery.html"
    page_title = gettext_lazy("Ready-made series")

    def get_breadcrumbs_items(self) -> list[dict[str, str]]:
        return [
            {"url": campaigns_url(), "label": str(_("Campaigns"))},
            {"url": "", "label": str(self.page_title)},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        groups: dict[str, Group] = {}
        broken = []
        for slug, recipe in registry.recipes().items():
            try:
                one = card(slug, recipe)
                title = recipe.group_title()
            except Exception as error:  # a recipe of a site's own leaves the others in place
                logger.exception("The recipe %s can't be shown", slug)
                broken.append((slug, str(error)))
                continue
            groups.setdefault(recipe.group, Group(title)).cards.append(one)
        context = super().get_context_data(**kwargs)
        return {**context, "groups": list(groups.values()), "broken": broken}


class RecipeView(RecipePage):
    """GET asks what it needs, filled in with what is likely; POST checks, or makes the drafts."""

    template_name = "wagtail_drip/admin/recipe.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.recipe: Any = registry.recipes().get(kwargs["recipe"])

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if may_use_recipes(request.user) and self.recipe is None:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        return self.recipe.title()

    def get_breadcrumbs_items(self) -> list[dict[str, str]]:
        return [
            {"url": campaigns_url(), "label": str(_("Campaigns"))},
            {"url": gallery_url(), "label": str(GalleryView.page_title)},
            {"url": "", "label": self.recipe.title()},
        ]

    @cached_property
    def recorded(self) -> Recorded:
        return Recorded.read()

    def form(self, data: Any = None) -> RecipeForm:
        return RecipeForm(data, recipe=self.recipe, user=self.request.user, recorded=self.recorded)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        if form.is_valid() and "make" in request.POST:
            try:
                campaign = make(
                    self.recipe, form.answers(), site=form.site, user=request.user,
                    language=form.cleaned_data.get("language") or "",
                )  # fmt: skip
            except (BadRecipe, BadFile) as error:
                for message in getattr(error, "messages", [str(error)]):
                    form.add_error(None, message)
            else:
                self._tell(form, campaign)
                return redirect(campaign_url(campaign.pk))
        return self.render_to_response(self.get_context_data(form=form))

    def _tell(self, form: RecipeForm, campaign: Campaign) -> None:
        text = _(
            "“%s” is a draft, and so are its mails. Read them, put in what is yours, and publish."
        )
        messages.success(self.request, text % campaign.name)
        for doubt in mapping.doubts(self.recipe, form.answers(), self.recorded):
            messages.warning(self.request, doubt)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or self.form()
        answers = form.answers()
        return {
            **super().get_context_data(**kwargs),
            "form": form,
            "recipe": self.recipe,
            "about": self.recipe.words("about"),
            "drawing": drawn(self.recipe, answers),
            "doubts": mapping.doubts(self.recipe, answers, self.recorded),
            "asked": form.is_bound,
            "back": gallery_url(),
        }
