"""What is kept. Nothing here decides, sends or knows a request."""

from .campaigns import Campaign, Step, Version, VersionStep
from .consent import Consent, ConsentRecord, Suppression, Topic
from .contacts import Contact
from .deliveries import Delivery
from .heartbeat import Heartbeat
from .journeys import Enrollment, Event, Inbox

__all__ = [
    "Campaign",
    "Consent",
    "ConsentRecord",
    "Contact",
    "Delivery",
    "Enrollment",
    "Event",
    "Heartbeat",
    "Inbox",
    "Step",
    "Suppression",
    "Topic",
    "Version",
    "VersionStep",
]
