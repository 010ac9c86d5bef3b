"""The chip "Person's field" in the rich text editor: a merge field as one thing.

Stored as `<span data-drip-field="first_name" data-fallback="x">{{ first_name|x }}</span>`. What
stands inside is the token, so whatever reads the text reads the field, with or without chips.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from draftjs_exporter.dom import DOM
from wagtail.admin.rich_text.converters.html_to_contentstate import InlineEntityElementHandler
from wagtail.admin.rich_text.editors.draftail.features import EntityFeature

from ..content.richtext import CHIP

TYPE = "DRIP_FIELD"
_NO_FALLBACK = re.compile(r"[{}|\s]+")
_NO_NAME = re.compile(r"[^A-Za-z0-9_.]+")


def token(field: str, fallback: str) -> str:
    """What an editor would type. No character of the fallback can end it early."""
    fallback = _NO_FALLBACK.sub(" ", fallback).strip()
    bar = f"|{fallback}" if fallback else ""
    return "{{ " + _NO_NAME.sub("", field) + bar + " }}"


class ChipHandler(InlineEntityElementHandler):
    mutability = "IMMUTABLE"

    def get_attribute_data(self, attrs: dict[str, str]) -> dict[str, str]:
        return {
            "field": attrs.get("data-drip-field", ""),
            "fallback": attrs.get("data-fallback", ""),
        }


def to_database(props: dict[str, Any]) -> Any:
    field, fallback = str(props.get("field") or ""), str(props.get("fallback") or "")
    attributes = {"data-drip-field": field, "data-fallback": fallback}
    return DOM.create_element("span", attributes, token(field, fallback))


def register(features: Any) -> None:
    """Wagtail's `register_rich_text_features`; rich text has it where `features` names CHIP."""
    features.register_editor_plugin(
        "draftail",
        CHIP,
        EntityFeature(
            {
                "type": TYPE,
                "icon": "user",
                "description": _("Person's field"),
                "attributes": ["field", "fallback"],
                "allowlist": {"field": True},
            },
            js=["wagtail_drip/chips.js"],
            css={"all": ["wagtail_drip/chips.css"]},
        ),
    )
    features.register_converter_rule(
        "contentstate",
        CHIP,
        {
            "from_database_format": {"span[data-drip-field]": ChipHandler(TYPE)},
            "to_database_format": {"entity_decorators": {TYPE: to_database}},
        },
    )
