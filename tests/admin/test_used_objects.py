"""The warning before something goes that live mails show or lead to, and what becomes of them."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core import mail as outbox
from django.core.files.base import ContentFile
from django.urls import reverse
from wagtail.documents import get_document_model
from wagtail.models import Page

from tests import factories as make
from tests.content.support import image as new_image
from tests.queries import queries
from wagtail_drip.admin.used_objects import warning
from wagtail_drip.engine import sending
from wagtail_drip.models import SharedContent, Step

from .support import texts

pytestmark = pytest.mark.django_db
CHIEF = SimpleNamespace(is_superuser=True)


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def page() -> Page:
    return Page.objects.get(depth=2).add_child(instance=Page(title="Sale", slug="sale"))


def link(page: Page) -> dict:
    return block("text", f'<p><a linktype="page" id="{page.pk}">Go</a></p>')


def block(kind: str, value) -> dict:
    return {"type": kind, "value": value, "id": f"id-{kind}"}


def picture(image) -> dict:
    return block("image", {"image": image.pk, "alt": "A boat"})


def document():
    return get_document_model().objects.create(
        title="Terms", file=ContentFile(b"Read me", name="terms.txt")
    )


def to_document(one) -> dict:
    return block("text", f'<p><a linktype="document" id="{one.pk}">Terms</a></p>')


def mailed(*blocks: dict, name: str = "Spring"):
    """A live campaign whose one mail has these blocks."""
    step = make.step(f"Mail of {name}", body=list(blocks))
    return make.campaign(name=name, slug=name.lower(), nodes={"n1": make.send(step)})


def warned(response) -> bool:
    said = texts(response)
    return "is used in 1 live campaign: “Spring”." in said


def delete_page(page):
    return reverse("wagtailadmin_pages:delete", args=[page.pk])


def delete_image(image):
    return reverse("wagtailimages:delete", args=[image.pk])


def delete_document(one):
    return reverse("wagtaildocs:delete", args=[one.pk])


def in_bulk(kind: str, model: str, *rows) -> str:
    app, name = model.split(".")
    asked = "&".join(f"id={row.pk}" for row in rows)
    return f"{reverse('wagtail_bulk_action', args=[app, name, kind])}?{asked}"


def test_a_page_warns_before_it_is_deleted_with_the_next_send(editor, page, time_machine):
    time_machine.move_to(make.NOW, tick=False)
    campaign = mailed(link(page))
    make.delivery(make.enrollment(campaign), due_at=make.NOW + timedelta(days=1))
    response = editor.get(delete_page(page))
    assert warned(response) and "Next send: tomorrow 9" in texts(response)


def test_an_image_and_a_document_warn_before_they_are_deleted(editor):
    image, terms = new_image(), document()
    mailed(picture(image), to_document(terms))
    for address in (delete_image(image), delete_document(terms)):
        response = editor.get(address)
        assert warned(response) and "None of them is planned now." in texts(response)
        assert editor.post(address).status_code == 302
    assert not type(image).objects.exists() and not type(terms).objects.exists()


def test_who_may_not_delete_an_image_is_told_nothing(outsider):
    image = new_image()
    mailed(picture(image))
    response = outsider.get(delete_image(image), follow=True)
    assert "Spring" not in response.content.decode()


def test_what_no_live_mail_shows_warns_of_nothing(editor, page):
    image = new_image()
    mailed(link(page), picture(image))
    Step.objects.update(live=False)
    assert warning([page], CHIEF) == warning([image], CHIEF) == ""
    assert not texts(editor.get(delete_image(image)))


def test_unpublishing_a_page_warns_beside_the_question(editor, page):
    mailed(link(page))
    address = reverse("wagtailadmin_pages:unpublish", args=[page.pk])
    assert warned(editor.get(address))
    editor.post(address)
    page.refresh_from_db()
    assert not page.live


def test_who_did_not_see_the_warning_is_asked_once_more(editor, page):
    mailed(link(page))
    address = reverse("wagtailadmin_pages:unpublish", args=[page.pk])
    assert warned(editor.post(address, follow=True))
    page.refresh_from_db()
    assert page.live
    editor.post(address)
    page.refresh_from_db()
    assert not page.live


@pytest.mark.parametrize("kind", ["delete", "unpublish"])
def test_pages_in_bulk_warn_beside_the_question(editor, page, kind):
    mailed(link(page))
    other = Page.objects.get(depth=2).add_child(instance=Page(title="Other", slug="other"))
    address = in_bulk(kind, "wagtailcore.page", page, other)
    said = "Some of it is used in 1 live campaign: “Spring”."
    assert said in texts(editor.get(address))
    assert editor.post(address).status_code == 302
    assert not Page.objects.filter(pk=page.pk, live=True).exists()


def test_all_pages_of_a_list_are_asked_about_once_more(editor, page):
    mailed(link(page))
    address = f"{reverse('wagtail_bulk_action', args=['wagtailcore', 'page', 'unpublish'])}?id=all"
    assert not texts(editor.get(address))
    assert "is used in 1 live campaign: “Spring”." in texts(editor.post(address, follow=True))
    assert Page.objects.filter(pk=page.pk, live=True).exists()


@pytest.mark.parametrize("beside", ["abc", "1e9", "9" * 25, "1.5"])
def test_beside_all_anything_may_be_asked_for(editor, page, beside):
    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "unpublish"])
    response = editor.get(f"{address}?id=all&id={beside}")
    assert response.status_code == 200 and not texts(response)


def test_images_in_bulk_warn_beside_the_question(editor):
    image = new_image()
    mailed(picture(image))
    address = in_bulk("delete", "wagtailimages.image", image)
    assert warned(editor.get(address))
    editor.post(address)
    assert not type(image).objects.exists()


def test_bulk_actions_that_take_nothing_away_ask_nothing(editor, page):
    mailed(link(page))
    page.unpublish()
    editor.post(in_bulk("publish", "wagtailcore.page", page))
    page.refresh_from_db()
    assert page.live


def shared(*blocks: dict, **fields) -> SharedContent:
    return SharedContent.objects.create(
        name="Foot", site=make.site(), locale=make.locale(), body=json.dumps(blocks), **fields
    )


def test_mails_that_show_it_within_shared_content_count(editor, page):
    content = shared(link(page))
    mailed(block("shared", content.pk))
    assert warned(editor.get(delete_page(page)))
    address = reverse("wagtailsnippets_wagtail_drip_sharedcontent:unpublish", args=[content.pk])
    assert warned(editor.get(address))
    editor.post(address)
    content.refresh_from_db()
    assert not content.live


def test_of_another_site_s_campaigns_there_is_the_number_alone(page):
    mailed(link(page))
    bound = SimpleNamespace(is_superuser=False, _drip_sites=frozenset({0}))
    said = warning([page], bound)
    assert "Spring" not in said and "is used in 1 live campaign: 1 more." in said


def test_however_many_mails_show_it_the_database_is_asked_as_often(page):
    def asked() -> int:
        return len(queries(warning, [page], CHIEF))

    mailed(link(page), name="A1")
    asked()  # content types are kept from now on
    one = asked()
    for number in range(12):
        mailed(link(page), name=f"B{number}")
    assert asked() == one


@pytest.mark.parametrize("what", ["image", "page", "in columns", "in a group", "shared"])
def test_a_mail_waits_for_what_was_deleted_and_says_so(now, page, what):
    image = new_image()
    button = block("button", {"label": "Look", "page": page.pk})
    everybody = {"type": "random_share", "value": {"percent": 100}, "id": "c1"}
    inside = {"image": picture(image), "page": button, "shared": picture(image)}.get(what)
    if what == "in a group":
        inside = block("show_if", {"conditions": [everybody], "content": [picture(image)]})
    if what == "in columns":
        inside = block("columns", {"first": [button], "second": [picture(image)]})
    content = block("shared", shared(inside).pk) if what == "shared" else inside
    campaign = mailed(block("text", "<p>Hello</p>"), content)
    [delivery] = make.deliveries(campaign, 1)
    image.delete()
    page.delete()
    sending.send_due(now)
    delivery.refresh_from_db()
    assert delivery.state == "waiting" and not outbox.outbox
    assert "no longer exists" in str(delivery.reason) and delivery.due_at > now


def test_it_goes_once_the_mail_was_changed(now):
    image = new_image()
    campaign = mailed(picture(image), block("text", "<p>Hello</p>"))
    make.deliveries(campaign, 1)
    image.delete()
    step = Step.objects.get()
    step.body = json.dumps([block("text", "<p>Hello</p>")])
    step.save()
    sending.send_due(now)
    assert len(outbox.outbox) == 1
