"""Groups of blocks: what is behind a gate is there for those alone to whom it opens."""

from __future__ import annotations

import pytest
from wagtail.blocks import StructBlock

from wagtail_drip.content import making
from wagtail_drip.content.blocks import BodyBlock
from wagtail_drip.content.checking import problems
from wagtail_drip.content.compiling import compile_message
from wagtail_drip.content.email_block import EmailStructBlock
from wagtail_drip.content.grouping import GateBlock, GroupBlock
from wagtail_drip.content.personalizing import Fault, Hold, Mail
from wagtail_drip.content.targets import Tracking

from .support import (
    Answering,
    heading,
    make_all,
    make_one,
    parsed,
    part,
    person,
    soup,
    source,
)
from .test_products import EVENT, shop  # noqa: F401 - a fixture


class Grouped:
    def __init__(self, local_blocks=None, depth=None, **kwargs):
        if depth is not None:
            local_blocks = [("content", BodyBlock(depth=depth + 1, required=False))]
        super().__init__(local_blocks, **kwargs)

    def nested(self, depth):
        return type(self)(depth=depth) if depth < 2 else None

    def inside(self, value, language):
        return value["content"]


class Together(Grouped, GroupBlock, StructBlock):
    pass


class Vip(Grouped, GateBlock, StructBlock):
    """For those whose attribute `vip` is true; counts how often it was asked, of how many."""

    asked: list[int] = []

    def shown(self, value, recipients, now):
        self.asked.append(len(recipients))
        return {one.id: one.attributes.get("vip", False) for one in recipients}

    def note(self, value):
        return "Only for them"


class Code(EmailStructBlock):
    """Another code for each reader; keeps who was given one."""

    depends_on = "person"
    given: list[int] = []

    def values(self, value, recipients, rendering):
        self.given.extend(one.id for one in recipients)
        return {one.id: {"code": f"CODE-{one.id}"} for one in recipients}

    def sample_values(self, value, rendering):
        return {"code": "SAMPLE"}

    def html(self, value, rendering, **context):
        return f'<p>{context["code"]} <a href="https://shop.example/code/">use</a></p>'

    def plain(self, value, rendering, **context):
        return context["code"]


@pytest.fixture(autouse=True)
def blocks(register):
    Vip.asked, Code.given = [], []
    register(vip=Vip, together=Together, code=Code)


def group(kind, *rows):
    inside = [{"type": t, "value": v, "id": f"{t}-{n}"} for n, (t, v) in enumerate(rows)]
    return kind, {"content": inside}


def vip(id, *, is_vip=True, **fields):
    return person(id, attributes={"vip": is_vip}, **fields)


CODE = ("code", {})


def test_only_those_see_it_to_whom_it_opens():
    message = source(heading("All"), group("vip", heading("Few, {{ first_name|you }}")))
    made = make_all(message, [vip(1, first_name="Ann"), vip(2, is_vip=False)])
    assert "Few, Ann" in part(made[1], "html") and "Few, Ann" in part(made[1], "plain")
    assert "Few" not in part(made[2], "html") + part(made[2], "plain")
    assert Vip.asked == [2]


def test_the_bytes_and_the_attributes_of_a_mail_say_the_same():
    message = source(heading("Ä"), group("vip", heading("Few €" * 30), CODE), heading("Z"))
    for is_vip in (True, False):
        mail = make_one(message, vip(1, is_vip=is_vip))
        assert part(mail, "plain") == mail.text and part(mail, "html") == mail.html
        lines = mail.as_bytes().split(b"\r\n")
        assert max(map(len, lines)) <= 78 and not parsed(mail).defects


def test_what_is_left_out_leaves_no_empty_lines():
    message = source(heading("A"), group("vip", heading("B"), group("vip", CODE)), heading("Z"))
    texts = [make_one(message, vip(1, is_vip=yes)).text for yes in (True, False)]
    assert all("\n\n\n" not in text for text in texts)
    assert "B" in texts[0] and "CODE-1" in texts[0]


def test_nothing_is_asked_for_who_stands_before_a_closed_gate(register):
    field = Answering(lambda who: f"w{who.id}")
    register(field, vip=Vip, together=Together, code=Code)
    message = source(group("vip", CODE, heading("{{ extra|x }}"), group("vip", CODE)))
    made = make_all(message, [vip(n, is_vip=n % 2 == 0) for n in range(1, 7)])
    assert sorted(Code.given) == [2, 2, 4, 4, 6, 6] and field.asked == 1
    assert Vip.asked == [6, 3]
    assert part(made[2], "plain").count("CODE-2") == 2 and "w2" in made[2].subject + made[2].text


def test_a_word_that_stands_outside_too_is_asked_of_all(register):
    register(Answering(lambda who: f"w{who.id}"), vip=Vip, together=Together, code=Code)
    message = source(group("vip", heading("{{ extra|x }}")), heading("{{ extra|x }}"))
    made = make_all(message, [vip(1, is_vip=False)])
    assert "w1" in made[1].text


def test_what_holds_or_breaks_inside_holds_those_alone_who_see_it(register):
    register(Answering(lambda who: Hold("not yet")), vip=Vip, together=Together, code=Code)
    message = source(heading("A"), group("vip", heading("{{ extra|x }}")))
    made = make_all(message, [vip(1), vip(2, is_vip=False)])
    assert made[1] == Hold("not yet") and isinstance(made[2], Mail)


def test_a_product_that_is_away_holds_those_alone_who_see_it(shop):  # noqa: F811
    message = source(heading("A"), group("vip", EVENT))
    people = [
        vip(1, data={"book": 99}),
        vip(2, is_vip=False, data={"book": 99}),
        vip(3, data={"book": None}),
    ]
    made = make_all(message, people)
    assert isinstance(made[1], Hold) and isinstance(made[2], Mail) and isinstance(made[3], Hold)
    assert "Book 2" in make_one(message, vip(4, data={"book": 2})).text


def test_a_gate_that_breaks_faults_the_guilty_alone(monkeypatch):
    def shown(self, value, recipients, now):
        return {one.id: 1 // one.attributes["vip"] > 0 for one in recipients}

    monkeypatch.setattr(Vip, "shown", shown)
    made = make_all(
        source(heading("A"), group("vip", heading("B"))), [vip(1), vip(2, is_vip=False)]
    )
    assert isinstance(made[1], Mail) and isinstance(made[2], Fault)


def test_links_inside_are_counted_as_all_others():
    tracking = Tracking(keys=lambda urls: dict.fromkeys(urls, "k" * 16), hosts={"shop.example"})
    button = ("button", {"label": "Go", "url": "https://shop.example/b/"})
    message = source(group("vip", button, CODE), tracking=tracking)
    mail = make_one(message, vip(1), reaction="t" * 64)
    hrefs = [a["href"] for a in soup(mail).select("td.row a")]
    assert len(hrefs) == 2 and all("/c/" in href and "t" * 64 in href for href in hrefs)


def test_a_plain_group_is_the_same_for_everybody():
    message = source(group("together", heading("In"), group("vip", heading("Few"))))
    assert "In" in make_one(message, vip(1, is_vip=False)).text
    assert "Few" in make_one(message, vip(1)).text


def test_groups_stand_only_so_deep_inside_one_another():
    deep = group("vip", group("vip", group("vip", heading("Deep"))))
    [problem] = problems(source(deep))
    assert problem.startswith("Block 1.1.1 (Unknown block): ")
    assert isinstance(make_one(source(deep), vip(1)), Hold)


def test_checks_see_inside():
    [problem] = problems(source(heading("A"), group("vip", heading("{{ frist_name|x }}"))))
    assert problem.startswith("Block 2.1 (Heading): there is no merge field {{ frist_name|x }}")


def test_a_preview_shows_it_and_says_for_whom():
    mail = making.sample(source(heading("A"), group("vip", heading("Few"), CODE)))
    assert "[Only for them]" in mail.text and "Few" in mail.text and Vip.asked == []
    assert soup(mail).select_one(".gate-note").text == "Only for them"
    assert "Only for them" not in make_one(source(group("vip", heading("A"))), vip(1)).html


def test_without_gates_a_message_has_no_sections():
    assert compile_message(source(heading("{{ first_name|x }}"))).sections == {}
