
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('basket', '__first__'),
        ('voucher', '__first__'),
        ('wagtail_drip', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='GuestBasket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('basket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='drip_guest', to='basket.basket')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='oscar_baskets', to='wagtail_drip.contact')),
            ],
            options={
                'verbose_name': 'cart of a guest',
                'verbose_name_plural': 'carts of guests',
            },
        ),
        migrations.CreateModel(
            name='IssuedVoucher',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delivery', models.PositiveBigIntegerField()),
                ('offer', models.CharField(max_length=128)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='oscar_vouchers', to='wagtail_drip.contact')),
                ('voucher', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='drip_issued', to='voucher.voucher')),
            ],
            options={
                'verbose_name': 'voucher given out by a mail',
                'verbose_name_plural': 'vouchers given out by mails',
                'constraints': [models.UniqueConstraint(fields=('delivery', 'offer'), name='drip_oscar_voucher_once')],
            },
        ),
    ]
