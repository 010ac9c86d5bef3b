"""The sample of docs/how-to.md, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from wagtail import hooks

from wagtail_drip import checks, registry
from wagtail_drip.engine.files.mapping import Recorded, guess
from wagtail_drip.models import Event

from .shop import book

HOW_TO = (Path(__file__).parents[2] / "docs/how-to.md").read_text()


def test_other_hours_for_a_cart(monkeypatch):
    monkeypatch.setattr(hooks, "_hooks", {k: list(v) for k, v in hooks._hooks.items()})
    text = HOW_TO.split("\n## … sell with django-oscar\n")[1].split("\n## ")[0]
    settings, sample, _shipped = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(sample, {})
    assert registry.triggers()["cart_abandoned"].hours == 24
    for line in settings.strip().splitlines():
        name, path = line.split(" = ")
        assert getattr(checks.conf, name.removeprefix("WAGTAIL_DRIP_")) == path.strip('"')


@pytest.mark.django_db
def test_a_status_that_means_shipping(visit, monkeypatch):
    monkeypatch.setattr(hooks, "_hooks", {k: list(v) for k, v in hooks._hooks.items()})
    text = HOW_TO.split("\n## … sell with django-oscar\n")[1].split("\n## ")[0]
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[2], {})
    try:
        recipe = registry.recipes()["order_confirmation"]
        answers = guess(recipe, Recorded())
        assert (answers["shipped"], answers["same"]) == ("order_shipped", "order")
        visit.add(book())
        order = visit.order("guest@example.com")
        order.set_status("Being wrapped")
        shipped = Event.objects.filter(name="order_shipped")
        assert not shipped.exists()
        order.set_status("Shipped")
        assert shipped.get().data == {"order": order.number}
        assert checks.sources() == []
    finally:
        registry.SOURCES[-1].disconnect()


def test_every_event_stands_in_the_table():
    from wagtail_drip.integrations.oscar.triggers import triggers

    text = HOW_TO.split("\n## … sell with django-oscar\n")[1].split("\n## ")[0]
    named = {one for row in re.findall(r"^\| (`.*?) \|", text, re.M) for one in row.split(", ")}
    assert named == {f"`{slug}`" for slug in triggers()} | {"`user_signed_up`"}


def test_the_checks_find_nothing_wrong():
    assert checks.products() == checks.sources() == []
