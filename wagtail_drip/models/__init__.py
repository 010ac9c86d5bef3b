"""What is kept. Nothing here decides, sends or knows a request."""

from .api_keys import ApiKey
from .attributes import Attribute
from .branding import SiteBrand
from .campaigns import Campaign, Choice, Step, Version, VersionStep
from .caps import Cap
from .consent import Consent, ConsentRecord, Suppression, Topic
from .contacts import Alias, Contact
from .conversions import Conversion
from .decisions import Decision, Refusal
from .deliveries import Delivery
from .facts import EarlyFact
from .farewells import Farewell
from .heartbeat import Heartbeat
from .imports import ContactImport, ImportChunk, ImportedContact
from .journeys import Enrollment, Event, Inbox, Watch
from .occasions import Occasion, OccasionRound
from .pace import Pace
from .pauses import Resumption
from .pruned import PrunedCount, PrunedDelivery
from .reactions import Link, Reaction, SiteSettings
from .reviews import Review
from .segments import Segment
from .sending_times import SendingTimes
from .shared_content import SharedContent
from .signups import PendingConsent, Throttle
from .stages import Stage, StageCount
from .tags import Tag, Tagging
from .tasks import Task

__all__ = [
    "Alias",
    "ApiKey",
    "Attribute",
    "Campaign",
    "Cap",
    "Choice",
    "Consent",
    "ConsentRecord",
    "Contact",
    "ContactImport",
    "Conversion",
    "Decision",
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
    "Occasion",
    "OccasionRound",
    "Pace",
    "PendingConsent",
    "PrunedCount",
    "PrunedDelivery",
    "Reaction",
    "Refusal",
    "Resumption",
    "Review",
    "Segment",
    "SendingTimes",
    "SharedContent",
    "SiteBrand",
    "SiteSettings",
    "Stage",
    "StageCount",
    "Step",
    "Suppression",
    "Tag",
    "Tagging",
    "Task",
    "Throttle",
    "Topic",
    "Version",
    "VersionStep",
    "Watch",
]
