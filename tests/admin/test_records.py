from __future__ import annotations

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from wagtail.models import ReferenceIndex

from tests import factories as make
from tests.queries import queries
from wagtail_drip.admin.records import RECORDS

from .support import client_of

pytestmark = pytest.mark.django_db
LISTS = ["contacts", "events", "people", "deliveries"]
HOSTILE = "<script>alert('x')</script>"


def fill(amount: int, start: int = 0) -> None:
    """So many rows in each list."""
    for number in range(start, start + amount):
        campaign = make.campaign(f"c{number}")
        contact = make.contact(first_name=HOSTILE, attributes={"note": HOSTILE})
        make.event(contact, data={"book": HOSTILE}, key=f"{number}{HOSTILE}")
        enrollment = make.enrollment(campaign, contact, state="left", reason=HOSTILE)
        make.delivery(enrollment, state="failed", reason=HOSTILE)


def page(client, path: str, **params) -> str:
    return client.get(f"/admin/drip/{path}/", params).content.decode()


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_for_2_and_20_rows(editor, path):
    fill(2)
    page(editor, path)
    few = queries(page, editor, path)
    fill(18, start=2)
    assert queries(page, editor, path) == few


@pytest.mark.parametrize("record", RECORDS, ids=LISTS)
def test_records_can_be_read_and_not_changed(editor, record):
    for action, args in (("create", []), ("edit", [1]), ("delete", [1])):
        with pytest.raises(NoReverseMatch):
            reverse(record.url_helper.get_action_url_name(action), args=args)


@pytest.mark.parametrize("record", RECORDS, ids=LISTS)
def test_hostile_data_shows_as_text(editor, record):
    fill(1)
    row = record.model.objects.latest("pk")
    for address in (
        record.url_helper.index_url,
        record.url_helper.get_action_url("inspect", row.pk),
    ):
        content = editor.get(address).content.decode()
        assert HOSTILE not in content


def test_hostile_data_is_there_to_read(editor):
    fill(1)
    assert "&lt;script&gt;" in page(editor, "contacts")


@pytest.mark.parametrize("path", LISTS)
def test_records_are_behind_their_view_permission(outsider, path):
    fill(1)
    assert outsider.get(f"/admin/drip/{path}/").status_code in (302, 403)
    assert "login" in Client().get(f"/admin/drip/{path}/").url
    model = RECORDS[LISTS.index(path)].opts.model_name
    reader = client_of("reader", f"view_{model}")
    assert reader.get(f"/admin/drip/{path}/").status_code == 200


def test_one_record_too_is_behind_its_permission(outsider):
    contact = make.contact()
    assert outsider.get(f"/admin/drip/contacts/inspect/{contact.pk}/").status_code in (302, 403)


@pytest.mark.parametrize("lookup", ["user__password__startswith", "email__startswith", "pk", "x"])
def test_no_lookup_can_be_asked_in_the_address(editor, lookup):
    contact = make.contact("a@example.com")
    assert contact.email in page(editor, "contacts", **{lookup: "nothing has this"})


@pytest.mark.parametrize(
    "params",
    [{"state": "nonsense"}, {"campaign": "x"}, {"planned_from": "x"}, {"p": "x"}, {"o": "9.-7.z"}],
)
def test_odd_parameters_break_nothing(editor, params):
    fill(1)
    assert editor.get("/admin/drip/deliveries/", params).status_code == 200


@pytest.mark.parametrize("pk", ["999", "abc", "-1"])
def test_a_record_that_is_not_there_is_a_404(editor, pk):
    assert editor.get(f"/admin/drip/contacts/inspect/{pk}/").status_code == 404


def test_deliveries_are_found_by_address_and_state(editor):
    campaign = make.campaign()
    for state in ("sent", "failed"):
        contact = make.contact(f"{state}@example.com")
        make.delivery(make.enrollment(campaign, contact), state=state)
    assert "sent@example.com" not in page(editor, "deliveries", state="failed")
    assert "failed@example.com" not in page(editor, "deliveries", q="sent@")


def test_what_is_typed_into_the_search_gets_the_list_alone(editor):
    make.contact("a@example.com")
    content = page(editor, "contacts/results", q="a@")
    assert "a@example.com" in content and "<html" not in content


def test_a_delivery_names_its_mail_before_it_is_sent(editor):
    delivery = make.delivery(make.enrollment(make.campaign()))
    assert delivery.step is None
    assert "welcome 1" in page(editor, "deliveries")


def test_saving_a_record_costs_no_reference_index(db):
    """They are written by the thousand."""
    assert not {record.model for record in RECORDS} & set(ReferenceIndex.tracked_models)
