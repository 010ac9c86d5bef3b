"""From a recipe and its answers to drafts, by the same import as any other campaign file."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from wagtail.log_actions import log
from wagtail.models import Site

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
        file = recipe.fill(answers, language=language, slug=slug)
        import_campaign(file, site=site, publish=publish, user=user)
        campaign = Campaign.objects.get(slug=slug)
        log(instance=campaign, action="wagtail.create", user=user, content_changed=True)
    return campaign
