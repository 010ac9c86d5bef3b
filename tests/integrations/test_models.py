"""Declared triggers, on the bookshop's own models and on Django's signals."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.auth.signals import user_logged_in
from django.core import checks as django_checks
from django.core import serializers
from django.db import connection, models, transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils import timezone

from example_site.shop.models import DiscountCode, Order, OrderLine
from tests import factories
from tests.queries import queries
from wagtail_drip import checks, registry
from wagtail_drip.engine import enrolling
from wagtail_drip.integrations.models import ModelTrigger, SignalTrigger
from wagtail_drip.models import Enrollment, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def connected():
    made = []

    def connect(source):
        source.connect()
        made.append(source)
        return source

    yield connect
    for source in made:
        source.disconnect()


def order(email: str = "ann@example.com", **fields) -> Order:
    return Order.objects.create(email=email, first_name="Ann", total=Decimal("18.50"), **fields)


def events() -> list[tuple[str, str, dict]]:
    rows = Event.objects.exclude(name="user_signed_up").order_by("pk").select_related("contact")
    return [(row.name, row.contact.email, row.data) for row in rows]


def test_a_new_row_is_an_event_and_starts_a_campaign(connected, now):
    connected(
        ModelTrigger(
            Order, label="ordered something", email="email", data={"order": "pk", "total": "total"}
        )
    )
    campaign = factories.campaign(trigger="order_created", started_at=now)
    row = order()
    assert events() == [("order_created", "ann@example.com", {"order": row.pk, "total": "18.50"})]
    enrolling.enroll_new(timezone.now())
    assert Enrollment.objects.get().campaign == campaign
    trigger = registry.triggers()["order_created"]
    assert trigger.label == "ordered something"
    assert trigger.sample == {"order": 1, "total": "18.50"}


def test_saved_again_it_is_the_same_event(connected):
    connected(ModelTrigger(Order, email="email"))
    row = order()
    row.save()
    row._state.adding = True
    ModelTrigger(Order, email="email")._sent(instance=row, created=True, raw=False)
    assert len(events()) == 1


def test_it_is_written_in_the_caller_s_transaction(connected):
    connected(ModelTrigger(Order, email="email"))
    with pytest.raises(RuntimeError), transaction.atomic():
        order()
        assert len(events()) == 1
        raise RuntimeError
    assert events() == []


def test_paths_and_functions_find_people_and_data(connected):
    connected(
        ModelTrigger(
            OrderLine,
            event="line_bought",
            label="bought a book",
            email="order.email",
            key=lambda line: f"{line.order_id}/{line.title}",
            at="order.created_at",
            data={
                "order": "order",
                "book": "book.title",
                "price": lambda line: line.price * 2,
                "others": lambda line: [other.pk for other in line.order.lines.all()],
                "when": "order.created_at",
            },
        )
    )
    row = order()
    line = OrderLine.objects.create(order=row, title="Salt", price=Decimal("9.25"))
    event = Event.objects.get(name="line_bought")
    assert event.key == f"{row.pk}/Salt" and event.at == row.created_at
    expected = {"order": row.pk, "book": None, "price": "18.50", "others": [line.pk]}
    assert {name: event.data[name] for name in expected} == expected
    assert event.data["when"].startswith(str(row.created_at.year))


def test_a_changed_row(connected):
    connected(ModelTrigger(Order, on="updated", email="email"))
    row = order()
    assert events() == []
    row.save()
    row.save(update_fields=["address"])
    assert [name for name, *_rest in events()] == ["order_updated"] * 2


def test_a_field_that_changed_to_a_value(connected):
    connected(ModelTrigger(Order, on="changed", field="address", to="Bookham", email="email"))
    row = order(address="Elsewhere")
    for address in ("Elsewhere", "Bookham", "Bookham", "Elsewhere", "Bookham"):
        row.address = address
        row.save()
    assert events() == [("order_address", "ann@example.com", {})]  # once for each row and value
    order("bob@example.com", address="Bookham")  # begins with it
    assert [email for _name, email, _data in events()] == ["ann@example.com", "bob@example.com"]


def test_the_database_says_what_the_field_was(connected):
    """The row in hand may be old, hold an expression, or not save the field at all."""
    connected(
        ModelTrigger(
            DiscountCode, on="changed", field="percent", to={15, 20}, email="email", key="percent"
        )
    )
    row = DiscountCode.objects.create(code="A", email="ann@example.com", percent=10)
    old = DiscountCode.objects.only("code").get()
    DiscountCode.objects.update(percent=15)  # sends no signal
    old.percent = 15
    old.save()
    row.percent = 20
    row.save(update_fields=["code"])
    assert events() == []
    row.percent = F("percent") + 5
    row.save()
    assert len(events()) == 1


def test_any_other_value(connected):
    connected(ModelTrigger(Order, on="changed", field="user", user="user", data={"user": "user"}))
    ann = factories.user("ann@example.com")
    row = order(user=ann)
    assert events() == []
    row.user = bob = factories.user("bob@example.com")
    row.save()
    assert events() == [("order_user", "bob@example.com", {"user": bob.pk})]


def test_only_a_watched_change_asks_what_was(connected):
    row = order()

    def asked(*fields) -> int:
        found = queries(row.save, update_fields=fields)
        return sum(sql.startswith('SELECT "shop_order"."address"') for sql in found) + sum(
            sql.startswith("SELECT `shop_order`.`address`") for sql in found
        )

    connected(ModelTrigger(Order, on="changed", field="address", to="x", email="email"))
    assert (asked("total"), asked("address")) == (0, 1)


def test_a_deleted_row_has_all_at_hand_that_goes_with_it(connected):
    lines = {"lines": lambda row: row.lines.count()}
    connected(ModelTrigger(Order, on="deleted", email="email", data=lines))
    row = order()
    OrderLine.objects.create(order=row, title="Salt", price=1)
    Order.objects.all().delete()
    assert events() == [("order_deleted", "ann@example.com", {"lines": 1})]


def test_fixtures_are_nothing_that_happened(connected):
    row = order()
    text = serializers.serialize("json", [row])
    row.delete()
    connected(ModelTrigger(Order, email="email"))
    connected(ModelTrigger(Order, on="changed", field="address", to="", email="email"))
    for loaded in serializers.deserialize("json", text):
        loaded.save()
    assert Order.objects.exists() and events() == []


def test_a_proxy_counts_as_its_model(connected):
    class Account(get_user_model()):  # type: ignore[misc,valid-type]
        class Meta:
            proxy = True
            app_label = "shop"

    try:
        connected(
            ModelTrigger(get_user_model(), user=lambda user: user, event="new", label="is new")
        )
        Account.objects.create(username="ann", email="ann@example.com")
        assert [name for name, *_rest in events()] == ["new"]
    finally:
        from django.apps import apps

        del apps.all_models["shop"]["account"]
        apps.clear_cache()


def test_bulk_writes_send_no_signal(connected):
    """As docs/how-to.md says."""
    connected(ModelTrigger(Order, email="email"))
    Order.objects.bulk_create([Order(email="ann@example.com", total=1)])
    Order.objects.update(address="x")
    assert events() == []


@pytest.mark.parametrize("email", ["", "nobody", " ", "a@b@c"])
def test_nobody_to_write_to_is_no_event(connected, email):
    connected(ModelTrigger(Order, email="email"))
    order(email)
    assert events() == []


# What must not break the save


def boom(*args):
    raise RuntimeError("boom")


def broken_query(*args):
    with connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")


TROUBLE = {
    "a function raises": {"email": "email", "data": {"x": boom}},
    "a query of it fails": {"email": "email", "data": {"x": broken_query}},
    "whether it counts": {"email": "email", "when": boom},
    "whose": {"email": boom},
    "a field is gone": {"email": "email", "data": {"x": "gone.with"}},
    "a way is gone": {"email": "customer.email"},
    "no JSON": {"email": "email", "data": {"x": lambda row: object()}},
    "too much": {"email": "email", "data": {"x": lambda row: "x" * 1_000_000}},
    "not a number": {"email": "email", "data": {"x": lambda row: float("nan")}},
    "nobody named": {},
    "in the year 1": {"email": "email", "at": lambda row: timezone.now().replace(year=1)},
    "in the year 9999": {"email": "email", "at": lambda row: timezone.now().replace(year=9999)},
    "unregistered": {"email": "email", "event": "nobody_knows", "label": ""},
    "a NUL in the key": {"email": "email", "key": lambda row: "a\0b"},
}


@pytest.mark.parametrize("on", [{"on": "created"}, {"on": "changed", "field": "total", "to": 2}])
@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_trouble_of_a_declaration_is_the_caller_s(connected, trouble, on, caplog):
    connected(ModelTrigger(Order, **on, **TROUBLE[trouble]))
    with transaction.atomic():
        row = order()
        row.total = 2
        row.save()
        assert Order.objects.count() == 1  # the transaction is usable
    assert Order.objects.get().total == 2
    assert events() == []
    assert caplog.records or trouble == "nobody named"


def test_a_watched_field_that_is_gone_breaks_no_save(connected, caplog):
    connected(ModelTrigger(Order, on="changed", field="gone", email="email"))
    row = order()
    row.save()
    assert events() == [] and "gone" in caplog.text


# Signals


def test_any_signal(connected):
    placed = Signal()
    connected(
        SignalTrigger(
            placed,
            event="placed",
            label="placed an order",
            user="user",
            key="order.pk",
            data={"total": "order.total", "from": lambda told: told["sender"].__name__},
        )
    )
    user, row = factories.user("ann@example.com"), order()
    for _time in range(2):
        placed.send(sender=Order, order=row, user=user)
    placed.send(sender=Order, order=row, user=None)
    placed.send(sender=Order, order=row, user=AnonymousUser())
    assert events() == [("placed", "ann@example.com", {"total": "18.50", "from": "Order"})]
    placed.send(sender=Order)  # without what it needs
    assert len(events()) == 1


def test_a_signal_of_django_and_its_sender(connected, client):
    connected(
        SignalTrigger(
            user_logged_in, event="came_back", label="logged in", user="user",
            sender=get_user_model(),
        )
    )  # fmt: skip
    user = factories.user("ann@example.com")
    client.force_login(user)
    user_logged_in.send(sender=Group, user=user)
    assert [name for name, *_rest in events()] == ["came_back"]


# The system check


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"email": "mail"}, "no “mail”"),
        ({"email": "user.mail"}, "no “mail”"),
        ({"email": "email", "data": {"x": "lines.colour"}}, "no “colour”"),
        ({"email": "email", "on": "changed", "field": "state"}, "no field “state”"),
        ({"email": "email", "on": "changed", "field": "lines"}, "no field “lines”"),
        ({}, "exactly one"),
        ({"email": "email", "user": "user"}, "exactly one"),
        ({"email": "email", "value": "worth"}, "no “worth”"),
        ({"email": "email", "event": "unheard_of"}, "no event is called"),
    ],
)
def test_a_check_says_what_can_t_work(connected, declared, said):
    connected(ModelTrigger(Order, **declared))
    (message,) = [m for m in django_checks.run_checks(tags=[checks.TAG]) if m.id.endswith("E021")]
    assert said in message.msg and message.hint


def test_what_works_is_not_complained_of(connected):
    data = {"total": "total", "off": "discount", "owner": "user.username", "lines": "lines"}
    connected(ModelTrigger(Order, email="email", data=data, value="total", at="created_at"))
    connected(ModelTrigger(Order, on="changed", field="user_id", user="user", event="u", label="u"))
    assert checks.sources() == []


def test_what_it_can_listen_to_is_said_at_once():
    for wrong in ({"on": "sold"}, {"on": "changed"}, {"field": "total"}):
        with pytest.raises(ValueError):
            ModelTrigger(Order, email="email", **wrong)


def test_labels_are_found_by_themselves():
    class Parcel(models.Model):
        class Meta:
            app_label = "nowhere"
            managed = False

    found = {on: ModelTrigger(Parcel, on=on, email="x").label for on in ("created", "deleted")}
    assert found == {"created": "has a new parcel", "deleted": "has no longer their parcel"}
    from django.apps import apps

    del apps.all_models["nowhere"]
