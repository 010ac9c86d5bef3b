"""What is kept. Nothing here decides, sends or knows a request."""

from .attributes import Attribute
from .campaigns import Campaign, Choice, Step, Version, VersionStep
from .consent import Consent, ConsentRecord, Suppression, Topic
from .contacts import Alias, Contact
from .conversions import Conversion
from .deliveries import Delivery
from .facts import EarlyFact
from .farewells import Farewell
from .heartbeat import Heartbeat
from .journeys import Enrollment, Event, Inbox, Watch
from .imports import ContactImport, ImportChunk, ImportedContact
from .pauses import Resumption
from .reactions import Link, Reaction, SiteSettings
from .pruned import PrunedCount, PrunedDelivery
from .segments import Segment
from .sending_times import SendingTimes
from .signups import PendingConsent, Throttle
from .tags import Tag, Tagging

__all__ = [
    "Alias",
    "Attribute",
    "Campaign",
    "Choice",
    "Consent",
    "ConsentRecord",
    "Contact",
    "Conversion",
    "ContactImport",
    "Delivery",
    "EarlyFact",
    "Enrollment",
    "Event",
    "Farewell",
    "Heartbeat",
    "ImportChunk",
    "ImportedContact",
    "Inbox",
    "Link",
    "PendingConsent",
    "Reaction",
    "Resumption",
    "PrunedCount",
    "PrunedDelivery",
    "Segment",
    "SendingTimes",
    "SiteSettings",
    "Step",
    "Suppression",
    "Tag",
    "Tagging",
    "Throttle",
    "Topic",
    "Version",
    "VersionStep",
    "Watch",
]
