from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from openpyxl import load_workbook
from wagtail.models import ReferenceIndex

from tests import factories as make
from tests.queries import queries
from wagtail_drip.admin import record_search, record_views
from wagtail_drip.admin.records import RECORDS
from wagtail_drip.models import Contact, Conversion
from wagtail_drip.models.addresses import digest
from wagtail_drip.models.contacts import Alias

from .support import client_of, url

pytestmark = pytest.mark.django_db
MODELS = {
    "contacts": "contact", "events": "event", "people": "enrollment", "deliveries": "delivery",
}  # fmt: skip
LISTS = list(MODELS)
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
    reader = client_of("reader", f"view_{model}", "see_personal_data")
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


def records_queries(client, path: str, **params) -> list[str]:
    """The statements on our tables that a list page makes."""
    with CaptureQueriesContext(connection) as captured:
        page(client, path, **params)
    return [q["sql"] for q in captured if f"wagtail_drip_{MODELS[path]}" in q["sql"]]


@pytest.mark.parametrize("path", LISTS)
def test_no_list_reads_all_rows_to_count_or_to_sort_them(editor, path):
    fill(3)
    statements = records_queries(editor, path, o="0")  # sorted by a column without an index
    assert statements and all("LIMIT" in sql for sql in statements)
    order = RECORDS[LISTS.index(path)].ordering[0].lstrip("-")
    listing = next(sql for sql in statements if "ORDER BY" in sql)
    assert f"{connection.ops.quote_name(order)} DESC" in listing


def test_a_list_says_where_it_ends(editor, monkeypatch):
    monkeypatch.setattr(record_views, "LISTED", 60)
    make.contacts(61)
    content = page(editor, "contacts")
    assert "60+ contacts" in content and "The list ends after 60 rows." in content


def test_an_event_is_found_by_its_key_and_a_delivery_by_its_message_id(editor):
    contact = make.contact("a@example.com")
    make.event(contact, key="order-7")
    delivery = make.delivery(make.enrollment(make.campaign(), contact))
    assert "a<wbr>@example.com" in page(editor, "events", q="order-7")
    assert "a<wbr>@example.com" not in page(editor, "events", q="order-8")
    assert "a<wbr>@example.com" in page(editor, "deliveries", q=f"<{delivery.token}@example.com>")


@pytest.mark.parametrize("text", ["A@Example.com ", "exam", "zoe exam", "a\0@example.com"])
def test_people_are_found_by_address_name_or_part_of_it(editor, text):
    make.contact("a@example.com", first_name="Zoë Zoe")
    assert "a@example.com" in page(editor, "contacts", q=text)
    assert "b@" not in page(editor, "contacts", q=text)


def test_among_very_many_people_words_are_found_where_names_begin(editor, monkeypatch):
    monkeypatch.setattr(record_search, "NEWEST", 1)
    for number, name in enumerate(("Annabel", "Joanna", "Leanne")):
        created_at = make.NOW + timedelta(days=number)
        make.contact(f"{name}@example.com", last_name="Bo", created_at=created_at)
    content = page(editor, "contacts", q="ann bo")
    shown = [name for name in ("annabel", "joanna", "leanne") if f"{name}@" in content]
    assert shown == ["annabel", "leanne"]  # the newest one by what is in her name


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's plans")
def test_how_a_name_begins_has_an_index(db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Contact.objects.filter(record_search._begins("ann")).explain()
    for column in ("email", "first_name", "last_name"):
        assert f"drip_contact_{column}_begins" in plan


def test_a_former_address_finds_who_has_it_now(editor):
    contact = make.contact("a@example.com")
    Alias.objects.create(
        contact=contact, uuid=uuid4(), email="b@example.com",
        email_digest=digest("b@example.com"), merged_at=make.NOW,
    )  # fmt: skip
    assert "a@example.com" in page(editor, "contacts", q="B@example.com")


def test_a_contact_leads_to_all_that_belongs_to_it(editor):
    campaign, contact = make.campaign(), make.contact()
    event = make.event(contact)
    enrollment = make.enrollment(campaign, contact, event=event)
    delivery = make.delivery(enrollment)
    content = page(editor, f"contacts/inspect/{contact.pk}")
    for name, row in (("events", event), ("people", enrollment), ("deliveries", delivery)):
        assert f'href="/admin/drip/{name}/inspect/{row.pk}/"' in content


def test_a_delivery_leads_to_its_contact_campaign_mail_and_enrollment(editor):
    delivery = make.delivery(make.enrollment(make.campaign()))
    content = page(editor, f"deliveries/inspect/{delivery.pk}")
    for address in (
        f"/admin/drip/contacts/inspect/{delivery.contact_id}/",
        f"/admin/drip/people/inspect/{delivery.enrollment_id}/",
        url("edit", delivery.campaign),
        url("edit", make.Step.objects.get()),
    ):
        assert f'href="{address}"' in content


def test_links_lead_only_where_the_reader_may_go():
    delivery = make.delivery(make.enrollment(make.campaign()))
    content = page(
        client_of("r", "view_delivery", "see_personal_data"), f"deliveries/inspect/{delivery.pk}"
    )
    assert f'href="/admin/drip/contacts/inspect/{delivery.contact_id}/"' not in content
    assert delivery.contact.email in content


def test_reasons_read_as_words(editor):
    enrollment = make.enrollment(make.campaign(), state="left", reason="moved out")
    make.delivery(enrollment, state="skipped", reason="moved out")
    for path in ("people", "deliveries"):
        assert "left at a new version" in page(editor, path)


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_list_says_where_its_rows_come_from(editor, path):
    assert str(RECORDS[LISTS.index(path)].empty)[:40] in page(editor, path)


def csv_rows(client, path: str, **params) -> list[dict[str, str]]:
    response = client.get(f"/admin/drip/{path}/", {**params, "export": "csv"})
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


@pytest.mark.parametrize("path", LISTS)
def test_each_list_can_be_taken_as_a_spreadsheet(editor, path):
    fill(2)
    assert len(csv_rows(editor, path)) == 2
    book = editor.get(f"/admin/drip/{path}/", {"export": "xlsx"})
    assert load_workbook(io.BytesIO(book.getvalue())).active.max_row == 3


def test_a_spreadsheet_holds_what_the_list_was_narrowed_to(editor):
    make.contact("a@example.com")
    make.contact("b@example.com")
    assert [row["E-mail address"] for row in csv_rows(editor, "contacts", q="b@")] == [
        "b@example.com"
    ]


@pytest.mark.parametrize("name", ["=1+1", "+4", "-2+3", "@SUM(A1)", " =1", "\t=1"])
def test_no_cell_of_a_spreadsheet_is_a_formula(editor, name):
    make.contact(first_name=name)
    assert csv_rows(editor, "contacts")[0]["First name"] == f"'{name}"
    book = editor.get("/admin/drip/contacts/", {"export": "xlsx"})
    cell = load_workbook(io.BytesIO(book.getvalue())).active["B2"]
    assert (cell.value, cell.data_type) == (name, "s")


def test_too_many_rows_for_an_xlsx_file_are_refused_with_a_way_out(editor, monkeypatch):
    monkeypatch.setattr(record_views, "XLSX_ROWS", 1)
    make.contacts(2)
    response = editor.get("/admin/drip/contacts/", {"export": "xlsx", "q": "@"}, follow=True)
    assert response.redirect_chain == [("/admin/drip/contacts/?q=%40", 302)]
    assert "take CSV" in response.content.decode()


def test_a_spreadsheet_is_behind_the_lists_permission(outsider):
    make.contact()
    assert outsider.get("/admin/drip/contacts/", {"export": "csv"}).status_code in (302, 403)


def test_saving_a_record_costs_no_reference_index(db):
    """They are written by the thousand."""
    assert not {record.model for record in RECORDS} & set(ReferenceIndex.tracked_models)


def test_a_person_s_page_says_by_what_they_reached_the_goal(editor):
    row = make.enrollment(make.campaign(), state="left", reason="goal")
    Conversion.objects.create(
        enrollment=row, contact=row.contact, campaign=row.campaign, event_name="order_placed",
        at=make.NOW, value="18.50",
    )  # fmt: skip
    page = editor.get(f"/admin/drip/people/inspect/{row.pk}/").content.decode()
    assert "placed an order · 18.50" in page


def test_a_record_s_page_is_named_as_the_list_names_it(editor):
    event = make.event(make.contact(), "user_signed_up")
    content = page(editor, f"events/inspect/{event.pk}")
    assert "Signed up" in content.partition("</title>")[0]
    assert "user_signed_up" not in content


def test_what_is_told_of_text_messages_is_no_line_of_a_mail(editor):
    delivery = make.delivery(make.enrollment(make.campaign()), state="sent")
    content = page(editor, f"deliveries/inspect/{delivery.pk}")
    assert "<dt>Message-ID</dt>" in content and "<dt>Length</dt>" not in content


@pytest.mark.parametrize("path", LISTS)
def test_an_address_may_break_before_its_domain(editor, path):
    contact = make.contact("ann@example.com")
    make.event(contact)
    make.delivery(make.enrollment(make.campaign(), contact))
    assert "<bdi>ann<wbr>@example.com</bdi>" in page(editor, path)
