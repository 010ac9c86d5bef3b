import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_drip', '0006_resumption'),
    ]

    operations = [
        migrations.AddField(
            model_name='enrollment',
            name='hops',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='SendingTimes',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quiet_from', models.TimeField(blank=True, help_text="By each person's own clock. What is due then goes when it is over.", null=True, verbose_name='quiet from')),
                ('quiet_to', models.TimeField(blank=True, null=True, verbose_name='quiet until')),
                ('holidays', models.TextField(blank=True, help_text='One a line: 2026-12-25, or 12-25 for every year. A name may follow.', verbose_name='holidays')),
                ('site', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.CASCADE, to='wagtailcore.site')),
            ],
            options={
                'verbose_name': 'quiet hours and holidays',
                'verbose_name_plural': 'quiet hours and holidays',
            },
        ),
        migrations.CreateModel(
            name='Watch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('node', models.CharField(max_length=64)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtail_drip.contact')),
                ('enrollment', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='watch', to='wagtail_drip.enrollment')),
            ],
            options={
                'verbose_name': 'awaited event',
                'verbose_name_plural': 'awaited events',
                'indexes': [models.Index(fields=['contact', 'name'], name='drip_watch_contact')],
            },
        ),
    ]
