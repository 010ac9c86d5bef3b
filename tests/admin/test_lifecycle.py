from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.urls import reverse
from django.utils import timezone

from tests import factories as make
from tests.queries import queries
from wagtail_drip.admin import charts
from wagtail_drip.models import Campaign, StageCount

from .support import STEPS, client_of, form, latest, url

pytestmark = pytest.mark.django_db
PAGE = "/admin/drip/lifecycle/"


def count(days_ago: int, **numbers: int) -> None:
    day = timezone.localdate() - timedelta(days=days_ago)
    StageCount.objects.bulk_create(
        StageCount(day=day, stage=stage, number=number) for stage, number in numbers.items()
    )


def rows(content: str, table: int) -> list[list[str]]:
    found = BeautifulSoup(content, "html.parser").select("table")[table].select("tbody tr")
    return [[cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in found]


def page(client, path: str = PAGE, **params) -> str:
    response = client.get(path, params)
    assert response.status_code == 200
    return response.content.decode()


def test_the_report_shows_the_stages_over_time(editor):
    assert "The first counts come with the next run" in page(editor)
    count(21, lead=4, customer=9)
    count(7, lead=6, customer=1500)
    count(0, lead=10, customer=1400)
    count(300, lead=99)  # too long ago
    content = page(editor)
    stages = {name: cells for name, *cells in rows(content, 0)}
    assert stages["Lead"][:2] == ["10", "+6"]
    assert stages["Customer"][:2] == ["1,400", "+1,391"]
    assert stages["Lapsed customer"][:2] == ["0", "0"]
    assert [cells[1:] for cells in rows(content, 1)] == [
        ["0", "10", "1,400", "0", "0"], ["0", "6", "1,500", "0", "0"], ["0", "4", "9", "0", "0"],
    ]  # fmt: skip
    lead = BeautifulSoup(content, "html.parser").select("svg.drip-line")[1]
    assert lead["aria-label"].startswith("Lead: 4 on ")
    assert len(lead.polyline["points"].split()) == 3
    home = " ".join(BeautifulSoup(page(editor, "/admin/"), "html.parser").text.split())
    assert "Target 0 · Lead 10 · Customer 1,400" in home


def test_it_costs_the_same_for_few_and_many_days(editor):
    count(0, lead=1)
    count(1, lead=1)
    page(editor)
    few = queries(page, editor)
    for days in range(2, 80):
        count(days, lead=days, target=1, repeat=3)
    assert queries(page, editor) == few


def test_a_line_leaves_out_days_without_counts_and_may_be_mirrored():
    first, last = make.NOW.date(), make.NOW.date() + timedelta(days=10)
    values = {first: 0, last: 10, first - timedelta(days=1): 500}
    svg = charts.line(values, first, last, '"<b>"')
    assert 'points="3.0,37.0 237.0,3.0"' in svg and "<b>" not in svg
    assert 'points="237.0,37.0 3.0,3.0"' in charts.line(values, first, last, "", mirrored=True)
    assert 'points=""' in charts.line({}, first, first, "")


def test_only_those_who_may_see_campaigns_and_all_sites_see_it(outsider):
    assert outsider.get(PAGE).status_code in (302, 403)
    assert page(client_of("reader", "view_campaign"))


def test_contacts_show_their_stage_and_are_found_by_it(editor):
    buyer, nobody = make.contact("buyer@example.com"), make.contact("nobody@example.com")
    make.event(buyer, "order_placed", at=timezone.now(), inbox=False)
    listed = page(editor, "/admin/drip/contacts/", stage="customer")
    assert "buyer@example.com" in listed and "nobody@example.com" not in listed
    assert ">Customer<" in listed
    assert "Target" in page(editor, f"/admin/drip/contacts/inspect/{nobody.pk}/")
    export = b"".join(editor.get("/admin/drip/contacts/", {"export": "csv"}).streaming_content)
    assert b"buyer@example.com,,,Customer" in export


def test_campaigns_and_mails_carry_a_stage_and_are_found_by_it(editor):
    editor.post(url("add"), form(name="For leads", stage="lead"))
    assert latest("for-leads").stage == "lead"
    make.campaign("other", name="For nobody in particular")
    make.step("Come back", stage="lapsed")
    make.step("Something else")
    Campaign.objects.filter(slug="for-leads").update(stage="lead")
    listed = page(editor, url("list"), stage="lead")
    assert "For leads" in listed and "For nobody" not in listed
    mails = page(editor, reverse(f"{STEPS}:list"), stage="lapsed")
    assert "Come back" in mails and "Something else" not in mails
