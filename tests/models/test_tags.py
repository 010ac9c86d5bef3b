from __future__ import annotations

import pytest

from tests import factories as make
from wagtail_drip.models import Tag, Tagging
from wagtail_drip.models.tags import tag_all, tag_slug, tags_named


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("VIP", " vip ", True), ("big spender", "Big  Spender", True), ("josé", "jose", False),
     ("José", "JOSE\u0301", True), ("日本", "中国", False), ("a-b", "a b", True),
     ("c++", "c", False)],
)  # fmt: skip
def test_names_that_are_one_tag(one, other, same):
    assert (tag_slug(one) == tag_slug(other)) is same
    assert tag_slug(one).isascii() and len(tag_slug(one)) <= 64


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="1 to 100"):
        tag_slug(name)


@pytest.mark.django_db
def test_tags_are_made_once_and_renaming_keeps_what_conditions_name():
    first = tags_named(["VIP", "new"])["vip"]
    first.name = "Best"
    first.save()
    assert tags_named(["vip"]) == {"vip": first}
    assert Tag.objects.count() == 2


@pytest.mark.django_db
def test_people_are_tagged_once(now):
    people, tags = make.contacts(3), list(tags_named(["a", "b"]).values())
    people[0].tags.add(tags[0])
    assert tag_all([person.pk for person in people], tags, at=now) == 3
    assert tag_all([person.pk for person in people], tags, at=now) == 0
    assert Tagging.objects.count() == 6
