"""From a recipe and its answers to drafts, by the same import as any other campaign file."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from wagtail.log_actions import log
from wagtail.models import Locale, Site

from ...models import Campaign
from ...models.filling import free_slug
from .importing import BadFile, import_campaign
from .recipes import Answers, BadRecipe, Recipe

__all__ = ["BadFile", "BadRecipe", "make"]


def make(
    recipe: Recipe,
    answers: Answers,
    *,
    site: Site,
    language: str = "",
    publish: bool = False,
    user: Any = None,
) -> Campaign:
    """Drafts of a new campaign and its mails; asked twice it makes two.

    Raises BadRecipe where an answer is missing, BadFile where the site can't have it so.
    """
    with transaction.atomic():
        slug = free_slug(Campaign, recipe.slug.replace("_", "-"), "campaign")
        language = recipe.language(language)
        mails = languages(recipe, site, language)
        file = recipe.fill(answers, language=language, mails=mails, slug=slug)
        import_campaign(file, site=site, publish=publish, user=user)
        campaign = Campaign.objects.get(slug=slug)
        log(instance=campaign, action="wagtail.create", user=user, content_changed=True)
    return campaign


def languages(recipe: Recipe, site: Site, wanted: str) -> dict[str, str]:
    """In which words the mails are made, by the site's language that they are for; "": the main
    one, for readers whose language has no mail. A site with rows for several languages gets a
    draft for each that the recipe is written in."""
    main = site.root_page.locale.language_code
    others = Locale.objects.exclude(language_code=main).order_by("pk")
    spoken = {
        code: recipe.language(code) for code in others.values_list("language_code", flat=True)
    }
    own = {code: words for code, words in spoken.items() if words == code.partition("-")[0].lower()}
    return {"": recipe.language(main) if wanted in own.values() else wanted, **own}
