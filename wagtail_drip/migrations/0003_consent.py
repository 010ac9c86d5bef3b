import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_drip', '0002_people'),
    ]

    operations = [
        migrations.CreateModel(
            name='Throttle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_digest', models.CharField(max_length=64, unique=True)),
                ('count', models.PositiveIntegerField(default=1)),
                ('until', models.DateTimeField(db_index=True)),
            ],
            options={
                'verbose_name': 'throttle',
            },
        ),
        migrations.AlterModelOptions(
            name='suppression',
            options={'default_permissions': ('add', 'delete', 'view'), 'verbose_name': 'suppressed address', 'verbose_name_plural': 'suppressed addresses'},
        ),
        migrations.AddField(
            model_name='consentrecord',
            name='wording_version',
            field=models.PositiveIntegerField(null=True, verbose_name='version of the wording'),
        ),
        migrations.AddField(
            model_name='contact',
            name='most_per_week',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='most mails a week'),
        ),
        migrations.AddField(
            model_name='contact',
            name='paused_until',
            field=models.DateTimeField(blank=True, null=True, verbose_name='paused until'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='note',
            field=models.CharField(blank=True, max_length=200, verbose_name='note'),
        ),
        migrations.AddField(
            model_name='topic',
            name='expires_months',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Counted from when somebody subscribed; leave empty if it never ends.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)], verbose_name='consent ends after this many months'),
        ),
        migrations.AddField(
            model_name='topic',
            name='opt_in',
            # Topics that are there already go on as they did; new ones ask for a confirmation.
            field=models.CharField(choices=[('double', 'they confirm by a mail first'), ('single', 'at once')], default='single', max_length=10, verbose_name='how people subscribe'),
        ),
        migrations.AlterField(
            model_name='topic',
            name='opt_in',
            field=models.CharField(choices=[('double', 'they confirm by a mail first'), ('single', 'at once')], default='double', max_length=10, verbose_name='how people subscribe'),
        ),
        migrations.AddField(
            model_name='topic',
            name='public',
            field=models.BooleanField(default=True, help_text='Shown on the page where people choose what they get.', verbose_name='offered to everybody'),
        ),
        migrations.AddField(
            model_name='topic',
            name='wording',
            field=models.TextField(blank=True, help_text='Stands beside the box in sign-up forms, and is kept word for word as proof. Leave empty for a sentence that names the topic.', max_length=1000, verbose_name='what people agree to'),
        ),
        migrations.AddField(
            model_name='topic',
            name='wording_version',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='transactional_reason',
            field=models.CharField(blank=True, help_text='For mails that people need without having chosen a topic, e.g. a receipt. It stands at their foot: “You get this because: you placed an order with us.”', max_length=200, verbose_name='or transactional, because'),
        ),
        migrations.CreateModel(
            name='Farewell',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('why', models.CharField(blank=True, choices=[('too_many', 'Too many mails'), ('not_for_me', 'They are not about what interests me'), ('never_asked', 'I never asked for them'), ('no_longer', "I don't need them any longer"), ('other', 'Something else')], max_length=20, verbose_name='why')),
                ('words', models.TextField(blank=True, max_length=1000, verbose_name='in their words')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='farewells', to='wagtail_drip.contact')),
                ('topic', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtail_drip.topic')),
            ],
            options={
                'verbose_name': 'reason for leaving',
                'verbose_name_plural': 'reasons for leaving',
                'indexes': [models.Index(fields=['at', 'id'], name='drip_farewell_at')],
            },
        ),
        migrations.CreateModel(
            name='PendingConsent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('source', models.CharField(max_length=200, verbose_name='how')),
                ('wording', models.TextField(blank=True, verbose_name='wording shown')),
                ('wording_version', models.PositiveIntegerField(null=True, verbose_name='version of the wording')),
                ('ip', models.GenericIPAddressField(blank=True, null=True, verbose_name='IP address')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pending_consents', to='wagtail_drip.contact')),
                ('topic', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtail_drip.topic')),
            ],
            options={
                'verbose_name': 'consent to confirm',
                'verbose_name_plural': 'consents to confirm',
                'constraints': [models.UniqueConstraint(fields=('contact', 'topic'), name='drip_pending_once')],
            },
        ),
    ]
