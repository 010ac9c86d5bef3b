import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def take_versions_from_enrollments(apps, schema_editor):
    """Nobody was moved before, so a delivery's version is its person's."""
    Delivery = apps.get_model("wagtail_drip", "Delivery")
    Enrollment = apps.get_model("wagtail_drip", "Enrollment")
    own = Enrollment.objects.filter(pk=OuterRef("enrollment_id")).values("version_id")[:1]
    Delivery.objects.filter(version=None).update(version_id=Subquery(own))


class Migration(migrations.Migration):
    dependencies = [("wagtail_drip", "0009_facts")]

    operations = [
        migrations.AddField(
            "delivery",
            "version",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="wagtail_drip.version",
            ),
        ),
        migrations.RunPython(take_versions_from_enrollments, migrations.RunPython.noop),
    ]
