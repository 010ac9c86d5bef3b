"""Clients with rights, and forms as the browser would send them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from wagtail_drip.models import Campaign, Step

CAMPAIGNS = "wagtailsnippets_wagtail_drip_campaign"
STEPS = "wagtailsnippets_wagtail_drip_step"


def client_of(username: str, *codenames: str, **fields: Any) -> Client:
    user = get_user_model().objects.create(username=username, **fields)
    permissions = Permission.objects.filter(codename__in=[*codenames, "access_admin"])
    user.user_permissions.set(permissions)
    client = Client()
    client.force_login(user)
    return client


def send(step: Step | None) -> dict[str, Any]:
    return {"type": "send", "step": step.pk if step else ""}


def wait(amount: int) -> dict[str, Any]:
    return {"type": "wait", "amount": amount, "unit": "days"}


def form(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A campaign's form with these blocks in its flow. A block may bring its `id`."""
    data = {
        "name": "Welcome",
        "trigger": "user_signed_up",
        "entry_rule": "once",
        "entry_days": "30",
        "transactional_reason": "They asked for it",
        "priority": "0",
        "audience-count": "0",
        "goals-count": "0",
        "flow-count": str(len(blocks)),
    }
    for number, block in enumerate(blocks):
        values = dict(block)
        start = f"flow-{number}"
        data[f"{start}-deleted"] = ""
        data[f"{start}-order"] = str(number)
        data[f"{start}-type"] = values.pop("type")
        data[f"{start}-id"] = values.pop("id", str(uuid4()))
        data |= {f"{start}-value-{name}": str(value) for name, value in values.items()}
    return {**data, **fields}


def url(view: str, row: Any = None) -> str:
    """The address of a snippet's view: of one row, or of campaigns' list and add views."""
    space = STEPS if isinstance(row, Step) else CAMPAIGNS
    return reverse(f"{space}:{view}", args=[row.pk] if row else [])


def latest(slug: str = "welcome") -> Campaign:
    return Campaign.objects.get(slug=slug).get_latest_revision_as_object()


def texts(response: Any) -> str:
    """All messages that a response, after its redirect, shows."""
    return " ".join(str(message) for message in response.context["messages"])


def next_page(client: Client, address: str) -> str:
    """What the list's link "Next" leads to."""
    page = BeautifulSoup(client.get(address).content, "html.parser")
    link = page.select_one(".pagination .next a")["href"]
    return client.get(urljoin(address, link)).content.decode()
