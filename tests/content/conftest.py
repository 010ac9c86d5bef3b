from __future__ import annotations

import pytest
from wagtail import hooks

from wagtail_drip.content import keeping
from wagtail_drip.content.merge_fields import MergeField


@pytest.fixture(autouse=True)
def clean_site(settings):
    keeping._own.clear()
    settings.WAGTAIL_DRIP_PRODUCTS = "wagtail_drip.content.products.PageProducts"


@pytest.fixture
def register():
    """Registers merge fields, or blocks by slug, for one test."""
    undo = []

    def do(*fields: MergeField, **blocks):
        by_slug = {field.slug: field for field in fields}
        for hook, found in (
            ("register_drip_merge_fields", lambda: by_slug),
            ("register_drip_email_blocks", lambda: {k: make() for k, make in blocks.items()}),
        ):
            context = hooks.register_temporarily(hook, found)
            context.__enter__()
            undo.append(context)

    yield do
    for context in undo:
        context.__exit__(None, None, None)
