"""Indexes for how names and addresses begin: editors search among a million people by words."""

from django.db import migrations

TABLE = "wagtail_drip_contact"
COLUMNS = ("email", "first_name", "last_name")
# What Django's `istartswith` compares. SQLite's LIKE with ESCAPE uses no index.
INDEXED = {"postgresql": "upper({}) text_pattern_ops", "mysql": "{}"}


def add(apps, schema_editor):
    how = INDEXED.get(schema_editor.connection.vendor)
    for column in COLUMNS if how else ():
        schema_editor.execute(f"CREATE INDEX {name(column)} ON {TABLE} ({how.format(column)})")


def remove(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for column in COLUMNS if vendor in INDEXED else ():
        of_table = f" ON {TABLE}" if vendor == "mysql" else ""
        schema_editor.execute(f"DROP INDEX {name(column)}{of_table}")


def name(column):
    return f"drip_contact_{column}_begins"


class Migration(migrations.Migration):
    dependencies = [("wagtail_drip", "0003_consent")]
    operations = [migrations.RunPython(add, remove, atomic=False)]
