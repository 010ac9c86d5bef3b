"""Indexes of the tables that each message writes to several times."""

from __future__ import annotations

import pytest
from django.db import connection

from wagtail_drip.models import Decision, Delivery, Enrollment

PARTIAL = {"drip_delivery_wrong"}  # a few rows alone
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [Delivery, Enrollment, Decision])
def test_no_index_is_the_beginning_of_another(model):
    """It would find nothing faster, and be written anew at every change of state."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    columns = [
        tuple(one["columns"])
        for name, one in found.items()
        if one["index"] and name not in PARTIAL  # those of the database's own making as well
    ]
    pairs = [(few, more) for few in columns for more in columns if few != more]
    assert [(few, more) for few, more in pairs if more[: len(few)] == few] == []
    assert columns and len(columns) == len(set(columns))
