"""What the line tells others. Receivers are told, they alter nothing."""

from django.dispatch import Signal

# After the commit that left something to do for the line. Arguments: none.
work_waiting = Signal()

# Around the moment a message goes out. Arguments: delivery_id, attempt. Tests kill here.
pre_transmit = Signal()
post_transmit = Signal()
