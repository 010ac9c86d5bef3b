from decimal import Decimal

from django.db import migrations


def write_lines(apps, schema_editor):
    """An order was of one copy of one book; its price before the code is told by the total."""
    Order = apps.get_model('shop', 'Order')
    OrderLine = apps.get_model('shop', 'OrderLine')
    for order in Order.objects.filter(lines=None).select_related('code'):
        percent = order.code.percent if order.code else 0
        price = (order.total * 100 / (100 - percent)).quantize(Decimal('0.01'))
        OrderLine.objects.create(
            order=order, book_id=order.book_id, title=order.title, price=price
        )


class Migration(migrations.Migration):

    dependencies = [
        ('shop', '0002_order_lines'),
    ]

    operations = [
        migrations.RunPython(write_lines, migrations.RunPython.noop),
    ]
