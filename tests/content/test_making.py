from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import Page

from wagtail_drip.content import compiling, making
from wagtail_drip.content.personalizing import Fault, Mail

from .support import Answering, heading, image, make_all, make_one, part, person, soup, source
from .test_products import EVENT, Shop, shop  # noqa: F401 - a fixture


def count_compiles(monkeypatch):
    calls = []
    real = compiling.compile_message
    monkeypatch.setattr(
        compiling, "compile_message", lambda *a, **k: calls.append(k) or real(*a, **k)
    )
    return calls


def test_n_people_and_m_products_cost_m_compiles(monkeypatch, shop):  # noqa: F811
    calls = count_compiles(monkeypatch)
    made = make_all(source(EVENT), [person(n, data={"book": n % 3 + 1}) for n in range(30)])
    assert len(calls) == 3 and len(shop.loads) == 1
    assert all(isinstance(mail, Mail) for mail in made.values())
    assert "Book 2" in part(made[1], "plain") and "Book 3" in part(made[2], "plain")


def test_people_without_a_product_cost_one_compile(monkeypatch, shop):  # noqa: F811
    calls = count_compiles(monkeypatch)
    make_all(source(heading("Hi {{ first_name|you }}")), [person(n, data={}) for n in range(30)])
    assert len(calls) == 1


def test_each_field_is_asked_once(register, shop):  # noqa: F811
    field = Answering(lambda who: f"code-{who.id}")
    register(field)
    message = source(EVENT, heading("{{ extra|x }} {{ extra|y }}"), subject="{{ extra|z }}")
    made = make_all(message, [person(n, data={"book": n % 4 + 1}) for n in range(20)])
    assert field.asked == 1
    assert made[7].subject == "code-7" and "code-7 code-7" in part(made[7], "plain")


def test_a_field_that_no_message_names_is_not_asked(register):
    field = Answering(lambda who: "x")
    register(field)
    make_one(source(heading("Hi")))
    assert field.asked == 0


@pytest.mark.django_db
def test_queries_do_not_grow_with_people():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="B", slug="b"))
    shown = {"image": image().pk, "alt": "A", "decorative": False, "page": page.pk, "url": ""}
    raw = [EVENT, ("image", shown), ("text", f'<p><a linktype="page" id="{page.pk}">x</a></p>')]
    make_one(source(*raw), person(data={"page": page.pk}))
    counts = []
    for amount in (10, 500):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            people = [person(n, data={"page": page.pk}, first_name="Zoë") for n in range(amount)]
            made = make_all(source(*raw), people)
            assert len([mail.as_bytes() for mail in made.values()]) == amount
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_a_lost_database_is_nobodys_fault(register):
    def away(who):
        raise OperationalError("gone")

    register(Answering(away))
    with pytest.raises(OperationalError):
        make_one(source(heading("{{ extra|x }}")))


def test_a_block_that_breaks_faults_and_raises_nothing(monkeypatch, register):
    monkeypatch.setattr(compiling, "render_html", lambda *a, **k: 1 // 0)
    made = make_one(source(heading("Hi")))
    assert isinstance(made, Fault) and "ZeroDivisionError" in made.reason


def test_nobody_is_no_work():
    assert make_all(source(heading("Hi")), []) == {}


def test_a_sample_asks_no_field_and_no_product(register, shop):  # noqa: F811
    field = Answering(lambda who: "REAL")
    register(field)
    mail = making.sample(source(EVENT, heading("{{ first_name|you }} {{ extra|x }}")))
    assert field.asked == 0 and shop.loads == []
    assert "Alex SAMPLE" in part(mail, "plain") and "The product of the event" in mail.text


def test_a_sample_for_somebody_shows_their_name_and_product(shop):  # noqa: F811
    who = person(first_name="Bo", data={"book": 3})
    mail = making.sample(source(EVENT, heading("Hi {{ first_name|you }}")), recipient=who)
    assert "Hi Bo" in mail.text and "Book 3" in mail.text


def test_a_sample_of_a_missing_product_is_still_a_mail(shop):  # noqa: F811
    chosen = ("product", {"which": "fixed", "chosen": 99, "button": "Go"})
    mail = making.sample(source(chosen, ("product", {"which": "fixed", "chosen": None})))
    assert len(soup(mail).select(".product")) == 2
    assert Shop.loads == [[99]]
