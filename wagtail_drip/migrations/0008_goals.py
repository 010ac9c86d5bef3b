import django.db.models.deletion
import modelcluster.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_drip', '0007_flow'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='leave_audience',
            field=models.BooleanField(default=False, help_text='Asked whenever they go on, and before each mail.', verbose_name='they leave once that is no longer true'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='not_while',
            field=modelcluster.fields.ParentalManyToManyField(blank=True, help_text='Who is inside one of these at that moment does not enter.', related_name='+', to='wagtail_drip.campaign', verbose_name='not while they are in'),
        ),
        migrations.CreateModel(
            name='Conversion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_name', models.CharField(blank=True, max_length=100, verbose_name='event')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('value', models.DecimalField(decimal_places=2, max_digits=14, null=True, verbose_name='value')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conversions', to='wagtail_drip.campaign')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtail_drip.contact')),
                ('delivery', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='conversions', to='wagtail_drip.delivery')),
                ('enrollment', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='conversion', to='wagtail_drip.enrollment')),
                ('event', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='wagtail_drip.event')),
            ],
            options={
                'verbose_name': 'conversion',
                'verbose_name_plural': 'conversions',
                'indexes': [models.Index(fields=['campaign', 'at'], name='drip_conversion_campaign')],
            },
        ),
    ]
