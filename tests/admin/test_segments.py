from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.urls import reverse

from tests import factories as make
from tests.queries import queries
from wagtail_drip.models import Attribute, Segment, Tag

from .support import client_of, next_page

pytestmark = pytest.mark.django_db
RIGHTS = ("view_contact", "see_personal_data", "change_segment", "add_segment", "view_segment")
LOCAL = make.condition("attribute", key="city", op="equals", value="Bookham")


@pytest.fixture(autouse=True)
def _no_counts():
    cache.clear()


@pytest.fixture
def analyst(db):
    return client_of("analyst", *RIGHTS)


def segment(slug: str, *conditions) -> Segment:
    stream = [{"type": c["slug"], "value": c["args"]} for c in conditions]
    return Segment.objects.create(name=slug.title(), slug=slug, conditions=json.dumps(stream))


def form(**fields) -> dict[str, str]:
    """A segment's form with the condition LOCAL."""
    start = "conditions-0"
    return {
        "name": "Local", "match": "all", "conditions-count": "1", f"{start}-deleted": "",
        f"{start}-order": "0", f"{start}-type": "attribute", f"{start}-id": str(uuid4()),
        f"{start}-value-key": "city", f"{start}-value-op": "equals",
        f"{start}-value-value": "Bookham", **fields,
    }  # fmt: skip


def url(name: str, *args) -> str:
    return reverse(f"wagtail_drip_admin:{name}", args=args)


def test_a_segment_is_made_with_a_short_name(analyst):
    make.contact(attributes={"city": "Bookham"})
    response = analyst.post(reverse(Segment.snippet_viewset.get_url_name("add")), form())
    assert response.status_code == 302
    assert Segment.objects.get().slug == "local"


def test_a_condition_that_can_not_be_asked_is_refused_in_the_form(analyst):
    add = reverse(Segment.snippet_viewset.get_url_name("add"))
    response = analyst.post(add, form(**{"conditions-0-value-value": ""}))
    assert response.status_code == 200 and not Segment.objects.exists()


def test_the_list_asks_for_counts_after_the_page(analyst):
    make.contact(attributes={"city": "Bookham"}), make.contact()
    one = segment("local", LOCAL)
    content = analyst.get(reverse(Segment.snippet_viewset.get_url_name("list"))).content.decode()
    assert f'data-drip-count="{url("count_segment", one.pk)}"' in content
    assert analyst.get(url("count_segment", one.pk)).json()["count"] == 1


def test_a_count_is_asked_of_the_database_once_a_minute(analyst):
    one = segment("all")
    first = queries(analyst.get, url("count_segment", one.pk))
    assert len(queries(analyst.get, url("count_segment", one.pk))) == len(first) - 1


def test_what_is_typed_is_counted_before_it_is_saved(analyst):
    make.contact(attributes={"city": "Bookham"}), make.contact()
    assert analyst.post(url("count_typed"), form()).json()["count"] == 1
    assert not Segment.objects.exists()
    odd = analyst.post(url("count_typed"), form(**{"conditions-0-value-op": "x"})).json()
    assert "complete" in odd["title"] or odd["title"]


def test_a_segment_that_can_not_be_asked_says_why(analyst):
    one = segment("odd", make.condition("gone"))
    assert "gone" in analyst.get(url("count_segment", one.pk)).json()["title"]
    assert "gone" in analyst.get(url("segment_people", one.pk)).content.decode()


def test_who_is_in_it_is_listed_and_can_be_acted_upon(analyst):
    inside = make.contact(attributes={"city": "Bookham"}, first_name="<b>x</b>")
    make.contact("outside@example.com")
    one = segment("local", LOCAL)
    content = analyst.get(url("segment_people", one.pk)).content.decode()
    assert inside.email in content and "outside@" not in content and "<b>x</b>" not in content
    able = client_of("able", *RIGHTS, "change_contact")
    assert "tag/?segment=local" in able.get(url("segment_people", one.pk)).content.decode()


def test_more_people_are_on_the_next_page(analyst):
    people = make.contacts(51, language="fa")
    one = segment("farsi", make.condition("language", language="fa"))
    address = url("segment_people", one.pk)
    first, second = analyst.get(address).content.decode(), next_page(analyst, address)
    assert [sum(p.email in page for p in people) for page in (first, second)] == [50, 1]


def test_who_is_in_it_is_behind_the_permission_to_see_people():
    one = segment("all")
    blind = client_of("blind", "view_contact", "change_segment")
    assert blind.get(url("segment_people", one.pk)).status_code in (302, 403)
    assert blind.get(url("count_segment", one.pk)).status_code == 200
    outsider = client_of("outsider")
    assert outsider.get(url("count_segment", one.pk)).status_code in (302, 403)
    assert outsider.post(url("count_typed"), form()).status_code in (302, 403)


@pytest.mark.parametrize("model", [Tag, Attribute, Segment])
def test_their_lists_and_forms_are_shown(editor, model):
    Tag.objects.create(name="<b>VIP</b>")
    Attribute.objects.create(label="City", key="city")
    segment("all")
    views = model.snippet_viewset
    assert editor.get(reverse(views.get_url_name("list"))).status_code == 200
    address = reverse(views.get_url_name("edit"), args=[model.objects.get().pk])
    content = editor.get(address).content.decode()
    assert "<b>VIP</b>" not in content


def test_a_tag_is_made_once(editor):
    add = reverse(Tag.snippet_viewset.get_url_name("add"))
    editor.post(add, {"name": "VIP"})
    response = editor.post(add, {"name": "vip"})
    assert response.status_code == 200 and Tag.objects.count() == 1
