from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_drip', '0019_shared_content'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='step',
            options={'ordering': ['name'], 'permissions': [('send_tests', 'Can send a mail to named addresses as a test'), ('write_html', 'Can write HTML in mails')], 'verbose_name': 'mail', 'verbose_name_plural': 'mails'},
        ),
    ]
