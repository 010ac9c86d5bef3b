from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_drip', '0012_brand'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='farewell',
            options={'default_permissions': ('view',), 'verbose_name': 'reason for leaving', 'verbose_name_plural': 'reasons for leaving'},
        ),
    ]
