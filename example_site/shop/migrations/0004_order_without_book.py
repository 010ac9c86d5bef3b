from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('shop', '0003_lines_of_earlier_orders'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='order',
            name='book',
        ),
        migrations.RemoveField(
            model_name='order',
            name='title',
        ),
    ]
