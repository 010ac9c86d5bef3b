"""`{% load wagtail_drip %}` in a site's own templates."""

from __future__ import annotations

from typing import Any

from django import template

from wagtail_drip.content.person_links import preferences_url
from wagtail_drip.models import Contact, Topic
from wagtail_drip.recipients.forms import sign_up_context

register = template.Library()


@register.inclusion_tag("wagtail_drip/recipients/sign_up_form.html", takes_context=True)
def drip_sign_up(context: template.Context, *topics: Any, button: str = "") -> dict[str, Any]:
    """A sign-up form: `{% drip_sign_up "news" "offers" %}`, or of a page with SignUpMixin.

    Short names that no topic has are left out; without any topic there is no form.
    """
    found = [topic for given in topics for topic in _topics(given)]
    return {
        **sign_up_context(context.get("request"), list(dict.fromkeys(found))),
        "csrf_token": context.get("csrf_token"),
        "button": button,
    }


@register.simple_tag(takes_context=True)
def drip_preferences_url(context: template.Context) -> str:
    """Where the person who is logged in says what they get; "" where we don't know them."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated:
        return ""
    found = Contact.objects.filter(user=user, erased_at=None).only("uuid").first()
    return preferences_url(found.uuid.hex) if found else ""


def _topics(given: Any) -> list[Topic]:
    if isinstance(given, Topic):
        return [given]
    if hasattr(given, "sign_up_topics"):
        return list(given.sign_up_topics.all())
    return list(Topic.objects.filter(slug=str(given)))
