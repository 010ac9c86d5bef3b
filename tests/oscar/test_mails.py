"""What mails show of the shop: products, orders, carts, recommendations."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.utils.translation import override
from PIL import Image

from tests import factories
from tests.content.support import make_one, part, source
from tests.queries import queries
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.integrations.oscar.lines import OscarLines
from wagtail_drip.integrations.oscar.products import OscarProducts
from wagtail_drip.integrations.oscar.recommending import OscarRecommender
from wagtail_drip.models import Contact

from .shop import book, model

pytestmark = pytest.mark.django_db
ZOE, GUEST = "zoe@example.com", "guest@example.com"


def reader(**fields) -> Recipient:
    contact = Contact.objects.filter(email=fields.get("email", ZOE)).first()
    fields = {"id": 1, "contact_id": contact.pk if contact else 0, "email": ZOE, **fields}
    return Recipient(user_id=contact.user_id if contact else None, **fields)


def shown(product) -> str:
    block = ("product", {"which": "event", "button": "Look"})
    return part(make_one(source(block), reader(data={"product": product.pk})), "html")


def test_a_product_as_it_is_now():
    swifts = book(description="<p>About &amp; over.</p>")
    picture = BytesIO()
    Image.new("RGB", (600, 900), (20, 80, 60)).save(picture, "JPEG")
    swifts.images.create(original=ContentFile(picture.getvalue(), "swifts.jpg"))
    html = shown(swifts)
    assert "Swifts" in html and "€18.50" in html and "About &amp; over." in html
    assert f"https://shop.example{swifts.get_absolute_url()}" in html
    assert 'width="168" height="252"' in html
    swifts.stockrecords.update(price="17.00")
    assert "€17.00" in shown(swifts)


def test_a_picture_that_is_gone_breaks_no_mail():
    swifts = book()
    swifts.images.create(original="images/gone.jpg")
    assert "Swifts" in shown(swifts) and "gone" not in shown(swifts)


def test_the_price_in_the_mail_s_language():
    with override("de"):
        assert OscarProducts().load([book().pk]).popitem()[1].price == "18,50\xa0€"


def test_one_that_is_not_public_or_gone_holds_its_mails():
    swifts = book(is_public=False)
    held = OscarProducts().load([swifts.pk, 999_999])
    assert all(isinstance(one, Hold) for one in held.values())
    assert "Swifts" in held[swifts.pk].reason


@pytest.mark.parametrize("value", [None, "x", -1, 2**70, [1], "1e9999", float("inf")])
def test_data_that_names_no_product(value):
    assert OscarProducts().ref({"product": value}) is None


def test_a_variant_is_shown_by_what_it_is_one_of():
    kind = model("catalogue.ProductClass").objects.create(name="Sets", track_stock=False)
    parent = model("catalogue.Product").objects.create(
        title="Birds", structure="parent", product_class=kind, description="All of them"
    )
    child = book("")
    model("catalogue.Product").objects.filter(pk=child.pk).update(
        structure="child", parent=parent, product_class=None
    )
    loaded = OscarProducts().load([parent.pk, child.pk])
    assert {one.title for one in loaded.values()} == {"Birds"}
    assert {one.price for one in loaded.values()} == {"€18.50"}
    assert {one.description for one in loaded.values()} == {"All of them"}


def family(amount: int) -> list[int]:
    shelf = model("catalogue.Category").add_root(name="Shelf")
    found = [book(f"Book {number}") for number in range(amount)]
    for one in found:
        one.categories.add(shelf)
    return [one.pk for one in found]


def test_the_number_of_queries_does_not_depend_on_products():
    refs = family(30)
    few, many = queries(OscarProducts().load, refs[:2]), queries(OscarProducts().load, refs)
    assert len(few) == len(many) <= 12, many


def test_an_order_s_lines_with_what_was_added_and_taken_off(visit):
    visit.add(book(), 2)
    order = visit.order(GUEST)
    model("order.Order").objects.update(
        total_incl_tax=order.total_incl_tax - 3, shipping_incl_tax=2, shipping_method="Bicycle"
    )
    who = reader(email=GUEST, data={"order": order.number})
    html = part(make_one(source(("order_lines", {"which": "event"})), who), "plain")
    assert "2 × Swifts: €37.00" in html
    assert "Discount: -€5.00" in html and "Bicycle: €2.00" in html and "Total: €34.00" in html
    link = html.split("https://shop.example")[1].split()[0]
    assert visit.client.get(link, follow=True).status_code == 200


def test_the_latest_order_of_an_account_and_of_a_guest(visit, another):
    visit.register(ZOE)
    for title in ("Swifts", "The Moon"):
        visit.add(book(title))
        visit.order()
        another.add(book(f"{title} too"))
        another.order(GUEST)
    guest = reader(id=2, email=GUEST, data={"order": "no such"})
    found = OscarLines().orders([reader(), guest, reader(id=3, email="new@example.com")], "latest")
    assert [line.title for line in found[1].lines] == ["The Moon"]
    assert [line.title for line in found[2].lines] == ["The Moon too"]
    assert found[3] is None and found[1].url != found[2].url
    assert OscarLines().orders([guest], "event") == {2: None}


def test_a_cart_as_it_is_and_as_it_was(visit):
    visit.register(ZOE)
    visit.add(book(), 2)
    then = Contact.objects.get().events.get(name="cart_changed").data
    visit.add(book("The Moon"))
    now = OscarLines().carts([reader(data=then)], "latest")[1]
    assert [line.title for line in now.lines] == ["Swifts", "The Moon"] and now.currency == "EUR"
    assert [line.title for line in OscarLines().carts([reader(data=then)], "event")[1].lines] == [
        "Swifts"
    ]
    visit.order()
    assert OscarLines().carts([reader()], "latest") == {1: None}


def titles(who: Recipient, most: int = 3) -> list[str]:
    return [one.title for one in OscarRecommender().recommend([who], most).get(who.id) or []]


def test_recommended_by_staff_by_orders_then_by_category(visit, another):
    refs = family(5)
    swifts, moon, stars, sold, far = (
        model("catalogue.Product").objects.get(pk=pk) for pk in refs
    )  # fmt: skip
    another.add(swifts)
    another.add(moon)
    another.order(GUEST)
    swifts.primary_recommendations.create(recommendation=stars, ranking=1)
    sold.stockrecords.update(num_in_stock=0)
    visit.register(ZOE)
    visit.look(swifts)
    assert titles(reader()) == [stars.title, moon.title, far.title]
    visit.add(moon)
    visit.order()
    assert titles(reader()) == [stars.title, far.title]


def test_what_an_account_bought_before_we_came_is_known(visit):
    refs = family(3)
    visit.register(ZOE)
    visit.add(model("catalogue.Product").objects.get(pk=refs[0]))
    visit.order()
    Contact.objects.get().events.all().delete()
    assert titles(reader()) == ["Book 2", "Book 1"]


def test_queries_do_not_depend_on_readers(visit):
    refs = family(3)
    rows = factories.contacts(50)
    for row in rows:
        factories.event(row, "product_viewed", data={"product": refs[0]}, inbox=False)
    people = [Recipient(id=n, contact_id=row.pk, email=row.email) for n, row in enumerate(rows)]
    for ask in (
        lambda some: OscarRecommender().recommend(some, 3),
        lambda some: OscarLines().orders(some, "latest"),
        lambda some: OscarLines().carts(some, "latest"),
    ):
        few, many = queries(ask, people[:2]), queries(ask, people)
        assert len(few) == len(many) <= 30, many


def test_a_fixed_product_is_chosen_in_the_admin(admin_client):
    swifts, hidden = book(), book("Hidden", is_public=False)
    page = admin_client.get("/admin/drip/choose-product/results/?q=swi")
    assert "Swifts" in page.content.decode() and "Hidden" not in page.content.decode()
    chosen = admin_client.get(f"/admin/drip/choose-product/chosen/{swifts.pk}/")
    assert chosen.json()["result"]["title"] == "Swifts"
    assert admin_client.get(f"/admin/drip/choose-product/chosen/{hidden.pk}/").status_code == 404
    block = ("product", {"which": "fixed", "chosen": swifts.pk, "button": "Look"})
    assert "Swifts" in part(make_one(source(block), reader()), "html")


def test_strangers_choose_nothing(client):
    assert client.get("/admin/drip/choose-product/").status_code == 302
