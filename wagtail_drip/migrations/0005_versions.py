"""The choice for people inside, kept with revision and Version; each Version's flow in words."""

import json

from django.db import migrations, models

CHOICES = [
    ("keep", "they stay on the flow they entered"),
    ("move", "they move to the new flow"),
    ("leave", "they leave the campaign"),
]


def take_flows_from_revisions(apps, schema_editor):
    """Versions of before: as far as their revisions are still there."""
    Version = apps.get_model("wagtail_drip", "Version")
    for version in Version.objects.exclude(revision=None).select_related("revision").iterator():
        flow = version.revision.content.get("flow") or "[]"
        version.flow = json.loads(flow) if isinstance(flow, str) else flow
        version.save(update_fields=["flow"])


class Migration(migrations.Migration):
    dependencies = [("wagtail_drip", "0004_search")]

    operations = [
        migrations.AddField(
            "campaign",
            "choice",
            models.CharField(choices=CHOICES, default="keep", editable=False, max_length=10),
        ),
        migrations.AddField(
            "campaign", "choice_over", models.BigIntegerField(editable=False, null=True)
        ),
        migrations.AddField("version", "flow", models.JSONField(default=list)),
        migrations.AlterField(
            "version",
            "choice",
            models.CharField(choices=CHOICES, default="keep", max_length=10),
        ),
        migrations.AddIndex(
            "enrollment",
            models.Index(fields=["version", "state", "id"], name="drip_enrollment_version"),
        ),
        migrations.RunPython(take_flows_from_revisions, migrations.RunPython.noop),
    ]
