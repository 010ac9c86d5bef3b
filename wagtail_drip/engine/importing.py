"""Importing: what was uploaded becomes people, a chunk at a time, after a dry run that says what
would become of each row.

The dry run and the import judge by the same function. The crank turns both, so that they go on
where a worker was killed: a chunk and the note that it is done are one transaction.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from ..models import Alias, Contact, ContactImport, ImportChunk, ImportedContact, Tag
from ..models.consent import suppressed
from ..models.granting import grant_all
from ..models.inserting import insert_all
from ..models.tags import put_tags, tags_named
from .locking import skipping_locked
from .reading import Person, Reader
from .reconsidering import reconsider
from .recording import announce
from .retrying import is_outage, on_deadlock
from .stopping import never

logger = logging.getLogger("wagtail_drip")

SECONDS = 4.0  # of one pass; the mails are waiting
State = ContactImport.State


def import_due(now: datetime, *, enough: Callable[[], bool] = never) -> int:
    """Go on with what is being checked or imported. Returns how many rows were worked on."""
    end, done = time.monotonic() + SECONDS, 0
    while not enough() and time.monotonic() < end:
        rows = _next_chunk(now)
        if rows is None:
            break
        done += rows
    return done


def begin(job: ContactImport, state: str) -> bool:
    """Start the dry run (CHECKING) or the import (IMPORTING). False where it isn't its turn."""
    before: dict[str, tuple[str, ...]] = {
        State.CHECKING: (State.UPLOADED, State.CHECKED, State.CHECKING),
        State.IMPORTING: (State.CHECKED,),
    }
    with transaction.atomic():
        rows = ContactImport.objects.filter(pk=job.pk, state__in=before[state])
        changed = bool(rows.update(state=state, position=0, counts={}))
        if changed:
            announce()
    return changed


def go_on(job: ContactImport) -> bool:
    """Try again after an error. False where none has stopped it."""
    with transaction.atomic():
        rows = ContactImport.objects.filter(pk=job.pk, state=State.STOPPED)
        changed = bool(rows.update(state=State.IMPORTING))
        if changed:
            announce()
    return changed


@on_deadlock
def _next_chunk(now: datetime) -> int | None:
    """One chunk of the oldest import that runs and that nobody else has in hand; None: none."""
    with transaction.atomic():
        running = ContactImport.objects.filter(state__in=ContactImport.RUNNING).order_by("pk")
        job = skipping_locked(running).first()
        if job is None:
            return None
        chunk = job.chunks.filter(number=job.position).first()
        if chunk is None:
            _finish(job, now)
            return 0
        try:
            with transaction.atomic():
                return _work(job, chunk, now)
        except Exception as error:
            if is_outage(error):
                raise
            logger.exception("Import %s stopped at chunk %s", job.pk, chunk.number)
            ContactImport.objects.filter(pk=job.pk).update(state=State.STOPPED)
            return 0


def _finish(job: ContactImport, now: datetime) -> None:
    checked = job.state == State.CHECKING
    job.state = State.CHECKED if checked else State.DONE
    job.finished_at = None if checked else now
    job.save(update_fields=["state", "finished_at"])


def _work(job: ContactImport, chunk: ImportChunk, now: datetime) -> int:
    dry = job.state == State.CHECKING
    found = _judge(job, chunk, lock=not dry)
    if not dry:
        _write(job, found, now)
        chunk.rows = json.dumps(
            [row for row in json.loads(chunk.rows) if row[0] in found.refused], ensure_ascii=False
        )
    chunk.refused = json.dumps(found.refused, ensure_ascii=False)
    chunk.addresses = json.dumps({p.digest[:16]: p.row for p in found.people})
    chunk.save(update_fields=["rows", "refused", "addresses"])
    job.counts = dict(Counter(job.counts) + found.counts())
    job.position += 1
    job.save(update_fields=["counts", "position"])
    return len(found.people) + len(found.refused)


# What would become of each row?


@dataclass(slots=True)
class Judged:
    people: list[Person]  # who may be written, known or new
    known: dict[str, Contact]  # by digest
    shut_out: set[str]  # addresses of known people that get no marketing
    refused: dict[int, str]  # row: why

    def counts(self) -> Counter[str]:
        known = sum(person.digest in self.known for person in self.people)
        return Counter(
            new=len(self.people) - known,
            known=known,
            suppressed=sum(person.email in self.shut_out for person in self.people),
            refused=len(self.refused),
        )


def _judge(job: ContactImport, chunk: ImportChunk, *, lock: bool) -> Judged:
    people, refused = Reader(job).read(json.loads(chunk.rows))
    people = _once(people, _earlier(job, chunk), refused)
    known = _known(people, lock)
    # After the contacts are locked: whoever is being erased just now is suppressed by then.
    shut_out = suppressed((person.email for person in people), transactional=False)
    kept = []
    for person in people:
        if person.email in shut_out and person.digest not in known:
            refused[person.row] = _(
                "This address may not be written to: it left, bounced, complained or was erased."
            )
        else:
            kept.append(person)
    return Judged(kept, known, shut_out, refused)


def _earlier(job: ContactImport, chunk: ImportChunk) -> dict[str, int]:
    """Which addresses stand in the chunks before, and where."""
    found: dict[str, int] = {}
    before = job.chunks.filter(number__lt=chunk.number).order_by("number")
    for text in before.values_list("addresses", flat=True).iterator(chunk_size=50):
        found.update(json.loads(text))
    return found


def _once(people: list[Person], earlier: dict[str, int], refused: dict[int, str]) -> list[Person]:
    kept = []
    for person in people:
        row = earlier.setdefault(person.digest[:16], person.row)
        if row == person.row:
            kept.append(person)
        else:
            refused[person.row] = _("The same address stands in row %d.") % row
    return kept


def _known(people: list[Person], lock: bool) -> dict[str, Contact]:
    """The contacts of these addresses, or of addresses that were merged into theirs."""
    digests = [person.digest for person in people]
    # By id, as everywhere; a former address leads to its contact.
    contacts = Contact.objects.order_by("pk")
    if lock:
        contacts = contacts.select_for_update()
    by_alias = dict(
        Alias.objects.filter(email_digest__in=digests).values_list("email_digest", "contact_id")
    )
    rows = contacts.filter(email_digest__in=digests) | contacts.filter(pk__in=by_alias.values())
    found = {contact.email_digest: contact for contact in rows if not contact.erased_at}
    by_id = {contact.pk: contact for contact in found.values()}
    own = {digest: found[digest] for digest in digests if digest in found}
    return own | {digest: by_id[pk] for digest, pk in by_alias.items() if pk in by_id}


# Writing


def _write(job: ContactImport, found: Judged, now: datetime) -> None:
    new = [_made(person, now) for person in found.people if person.digest not in found.known]
    new.sort(key=lambda contact: contact.email_digest)  # two imports at once don't deadlock
    collided = [contact.email_digest for contact in insert_all(new)]
    made = {contact.email_digest: contact for contact in new if contact.pk}
    if collided:  # they signed up in this very moment
        again = Contact.objects.filter(email_digest__in=collided)
        found.known |= {contact.email_digest: contact for contact in again}
    changed = [
        contact
        for person in found.people
        if (contact := found.known.get(person.digest)) and _change(contact, person, job.existing)
    ]
    Contact.objects.bulk_update(changed, FIELDS, batch_size=100)
    everybody = found.known | made
    ids = {person.digest: everybody[person.digest].pk for person in found.people}
    _tag(job, found.people, ids, now)
    _grant(job, found, ids)
    reconsider([contact.pk for contact in found.known.values()], now)
    ImportedContact.objects.bulk_create(
        [ImportedContact(contact_id=pk, job=job, at=now) for pk in sorted(set(ids.values()))],
        ignore_conflicts=True,  # numbers and a moment: MariaDB mangles none of them
    )


FIELDS = ["first_name", "last_name", "language", "time_zone", "attributes"]


def _made(person: Person, now: datetime) -> Contact:
    return Contact(
        email=person.email,
        email_digest=person.digest,
        created_at=now,
        attributes=person.attributes,
        **person.fields,
    )


def _change(contact: Contact, person: Person, existing: str) -> bool:
    """Take over what the file says of somebody who is known. Whether that changed anything."""
    if existing == ContactImport.Existing.SKIP:
        return False
    over = existing == ContactImport.Existing.OVERWRITE
    before = [getattr(contact, name) for name in FIELDS]
    for name, value in person.fields.items():
        if over or not getattr(contact, name):
            setattr(contact, name, value)
    old, new = contact.attributes, person.attributes
    contact.attributes = {**old, **new} if over else {**new, **old}
    return before != [getattr(contact, name) for name in FIELDS]


def _tag(job: ContactImport, people: list[Person], ids: dict[str, int], now: datetime) -> None:
    own = tags_named({name for person in people for name in person.tags.values()})
    for_all: list[Tag] = list(job.tags.all())
    pairs = {(ids[person.digest], tag.pk) for person in people for tag in for_all}
    pairs |= {(ids[p.digest], own[slug].pk) for p in people for slug in p.tags}
    put_tags(pairs, at=now)


def _grant(job: ContactImport, found: Judged, ids: dict[str, int]) -> None:
    """Consent, as the person who imports says it was given. It lifts no suppression."""
    free = {ids[person.digest] for person in found.people if person.email not in found.shut_out}
    for topic in job.topics.order_by("pk"):
        grant_all(
            free, topic, at=job.agreed_at or job.created_at, source=job.source, wording=job.wording
        )
