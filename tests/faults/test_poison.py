"""Mails that can't be made, or kill whoever makes them, are given up; all others go."""

from __future__ import annotations

from tests import factories as make
from tests.faults.rig import Rig, assert_exact, pick
from wagtail_drip.conf import conf
from wagtail_drip.models import Contact, Delivery


def poison(amount_of_each: int, killers: int) -> dict[str, list[int]]:
    """Contacts by what is wrong with them. Saved as rows: no form would have let them in."""
    people = iter(Contact.objects.order_by("pk"))
    wrong: dict[str, list[int]] = {}

    def spoil(kind: str, amount: int, **fields: object) -> None:
        for _ in range(amount):
            person = next(people)
            wrong.setdefault(kind, []).append(person.pk)
            Contact.objects.filter(pk=person.pk).update(**fields)

    spoil("newline", amount_of_each, first_name="Eve\r\nBcc: all@example.com\r\n\r\n")
    spoil("large", amount_of_each, attributes={"poison": "large"})
    spoil("raise", amount_of_each, attributes={"poison": "raise"})
    for number in range(amount_of_each):
        spoil("address", 1, email=f"jürgen\ud7ff{number}@example.com")
    spoil("kill", killers - killers // 2, attributes={"poison": "kill"})
    spoil("kill", killers // 2, attributes={"poison": "exit"})
    return wrong


def test_poison_among_many(start, tell):
    step = make.step(subject="{{ first_name|You }}, all is {{ poison|well }}")
    make.deliveries(make.campaign(nodes={"n1": make.send(step)}), pick(300, 5000))
    wrong = poison(*pick((3, 2), (11, 6)))
    changed = {"POISON": True, "WAGTAIL_DRIP_HOLD_MINUTES": 0, "WAGTAIL_DRIP_SLICE": pick(40, 250)}
    rig = start(**changed)
    rig.start_clusters(2)
    rig.until(lambda: go_on(rig), "all are through")
    rig.until_settled()
    # A killer takes its worker along while another's message may be on its way. From then on it
    # is made when nothing is.
    killers = len(wrong["kill"])
    assert_exact(tell(rig.account("poison")), doubt=killers)
    assert_parked(wrong)


def go_on(rig: Rig) -> bool:
    """Whether nothing is open. Each killer takes its worker's task along."""
    still_open = Delivery.objects.filter(state__in=Delivery.OPEN).exists()
    if still_open:
        rig.call_workers(1)
    return not still_open


def assert_parked(wrong: dict[str, list[int]]) -> None:
    guilty = {pk: kind for kind, people in wrong.items() for pk in people}
    for row in Delivery.objects.all():
        kind = guilty.get(row.contact_id, "")
        assert row.attempts <= conf.MAX_ATTEMPTS
        if kind in ("", "newline"):  # a line's end in a name is a space in a header
            assert row.state in ("sent", "uncertain"), (kind, row.reason)
        else:
            assert row.state == "failed" and row.reason, (kind, row.state)
