from __future__ import annotations

import pytest

from tests import factories
from wagtail_drip.models import Contact
from wagtail_drip.models.addresses import digest


@pytest.mark.django_db
def test_an_address_is_never_saved_without_its_digest():
    person = factories.contact("ann@example.com")
    person.email = "Bob@Example.com"
    person.save(update_fields=["email"])
    assert Contact.objects.get(email_digest=digest("bob@example.com")).email == "bob@example.com"
