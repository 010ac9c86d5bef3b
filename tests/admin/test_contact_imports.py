from __future__ import annotations

import csv
import io

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from wagtail.models import GroupPagePermission, ModelLogEntry, Page, Site

from tests import factories as make
from wagtail_drip.admin.contact_imports import imports_of
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Attribute, Consent, Contact, ContactImport, ImportChunk

from .support import client_of, next_page, texts

pytestmark = pytest.mark.django_db
TEXT = "E-Mail,Vorname,Town\nann@example.com,Ann,Bookham\nnobody,=1+1,<b>x</b>\n"
State = ContactImport.State


def url(name: str, *args) -> str:
    return reverse(f"wagtail_drip_admin:{name}", args=args)


@pytest.fixture
def importer(db):
    return client_of("importer", "view_contact", "see_personal_data", "add_contact")


def upload(client, text: str | bytes = TEXT, name="people.csv") -> ContactImport:
    data = text.encode() if isinstance(text, str) else text
    client.post(url("upload_contacts"), {"file": SimpleUploadedFile(name, data)})
    return ContactImport.objects.latest("pk")


def mapped(client, job, **data):
    filled = {"column_0": "email", "column_1": "first_name", "existing": "fill", **data}
    return client.post(url("map_import", job.pk), filled)


def test_older_imports_are_on_the_next_page(importer):
    for number in range(21):
        upload(importer, name=f"file-{number:02}.csv")
    assert "file-00.csv" not in importer.get(url("imports")).content.decode()
    assert "file-00.csv" in next_page(importer, url("imports"))


def test_a_file_is_imported_in_three_steps(importer, now):
    Attribute.objects.create(label="Town", key="town")
    topic = make.topic()
    job = upload(importer)
    form = importer.get(url("map_import", job.pk)).context["form"]
    assert [form.initial[f"column_{n}"] for n in range(3)] == [
        "email", "first_name", "attribute:town",
    ]  # fmt: skip
    mapped(
        importer, job, column_2="attribute:town", topics=[topic.pk], source="book fair",
        agreed_at="2026-01-05 10:00", tag_names="fair",
    )  # fmt: skip
    assert importer.get(url("import", job.pk)).context["running"]
    tick(now)
    checked = importer.get(url("import", job.pk))
    assert [number for _label, number in checked.context["figures"]] == [1, 0, 0, 1]
    assert not Contact.objects.exists() and "not an e-mail address" in checked.content.decode()
    importer.post(url("go_import", job.pk, "import"))
    tick(now)
    ann = Contact.objects.get()
    assert (ann.first_name, ann.attributes) == ("Ann", {"town": "Bookham"})
    assert [tag.name for tag in ann.tags.all()] == ["fair"]
    assert Consent.objects.get().changed_at.year == 2026
    assert ModelLogEntry.objects.get().action == "wagtail_drip.contact_import"
    assert "is imported" in importer.get(url("import", job.pk)).content.decode()
    assert "people.csv" in importer.get(url("imports")).content.decode()


def test_what_was_refused_is_a_file_without_formulas(importer, now):
    job = upload(importer)
    mapped(importer, job)
    tick(now)
    response = importer.get(url("refused", job.pk))
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    [row] = list(csv.DictReader(io.StringIO(text)))
    assert (row["E-Mail"], row["Vorname"], row["Row"]) == ("nobody", "'=1+1", "3")
    assert "<b>x</b>" not in importer.get(url("import", job.pk)).content.decode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"column_0": ""}, "which column holds"),
        ({"column_1": "email"}, "Another column"),
        ({"column_1": "nonsense"}, "valid choice"),
        ({"agreed_at": "2999-01-01 00:00"}, "ahead"),
        ({"tag_names": "x" * 101}, "1 to 100"),
    ],
)
def test_columns_have_to_make_sense(importer, data, words):
    job = upload(importer)
    assert words in mapped(importer, job, **data).content.decode()
    job.refresh_from_db()
    assert job.state == State.UPLOADED


def test_topics_take_a_source(importer):
    job, topic = upload(importer), make.topic()
    response = mapped(importer, job, topics=[topic.pk])
    assert "how they agreed" in response.content.decode()


def test_a_file_that_can_not_be_read_is_refused(importer):
    file = SimpleUploadedFile("x.csv", b"\x00\x01")
    response = importer.post(url("upload_contacts"), {"file": file})
    assert "no text" in response.content.decode() and not ContactImport.objects.exists()


def test_what_was_checked_can_be_changed_or_thrown_away(importer, now):
    job = upload(importer)
    mapped(importer, job)
    tick(now)
    assert importer.get(url("map_import", job.pk)).status_code == 200
    mapped(importer, job, column_1="last_name")
    tick(now)
    response = importer.post(url("go_import", job.pk, "discard"), follow=True)
    assert "thrown away" in texts(response) and not ImportChunk.objects.exists()


def test_what_is_done_can_not_be_done_or_changed_again(importer, now):
    job = upload(importer)
    mapped(importer, job)
    tick(now)
    importer.post(url("go_import", job.pk, "import"))
    tick(now)
    Contact.objects.all().delete()
    for wish in ("import", "again", "discard", "nonsense"):
        importer.post(url("go_import", job.pk, wish))
    assert importer.get(url("map_import", job.pk)).status_code == 302
    tick(now)
    assert not Contact.objects.exists() and ContactImport.objects.exists()


def test_imports_are_behind_their_permission():
    job = upload(client_of("one", "view_contact", "see_personal_data", "add_contact"))
    for rights in (["view_contact", "see_personal_data"], ["view_contact", "add_contact"]):
        client = client_of("-".join(rights), *rights)
        for name in ("imports", "upload_contacts"):
            assert client.get(url(name)).status_code in (302, 403)
        for name in ("import", "map_import", "refused"):
            assert client.get(url(name, job.pk)).status_code in (302, 403)
        client.post(url("go_import", job.pk, "discard"))
    assert ContactImport.objects.exists()


def test_looking_changes_nothing(importer):
    job = upload(importer)
    assert importer.get(url("go_import", job.pk, "discard")).status_code == 405
    assert ContactImport.objects.exists()


def test_a_file_is_of_who_uploaded_it_and_of_its_topics_sites():
    root = Page.objects.get(depth=1)
    sites = [make.site()]
    sites += Site.objects.bulk_create(
        [Site(hostname="b.example", root_page=root.add_child(instance=Page(title="B", slug="b")))]
    )
    group = Group.objects.create(name="b")
    change = Permission.objects.get(codename="change_page", content_type__app_label="wagtailcore")
    GroupPagePermission.objects.create(group=group, page=sites[1].root_page, permission=change)
    user = make.user()
    user.groups.add(group)
    here, there = (make.topic(f"t{site.pk}", site=site) for site in sites)
    files = {"mine": [], "nobody's": [], "theirs": [there], "ours": [here], "both": [here, there]}
    for name, topics in files.items():
        job = ContactImport.objects.create(
            file_name=name, encoding="UTF-8", delimiter=",",
            created_by=user if name == "mine" else make.user(),
        )  # fmt: skip
        job.topics.set(topics)
    assert {job.file_name for job in imports_of(user)} == {"mine", "theirs"}
    assert imports_of(make.user(is_superuser=True)).count() == 5
