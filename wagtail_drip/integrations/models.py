"""Any model and any Django signal as a trigger, by one declaration.

A site declares them in the `ready()` of one of its apps and calls `connect()`. What goes wrong
here is logged; the save or the signal that it hangs on never notices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models, router, transaction
from django.db.models.signals import post_save, pre_delete, pre_save
from django.dispatch import Signal
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import hooks

from .. import api, registry
from ..flow.triggers import Trigger
from ..models import Event
from ..models.addresses import normalize
from .picking import Pick, example, lost_way, pick, picked, sheltered

logger = logging.getLogger("wagtail_drip")

ANY = object()  # `to`: whatever the field changes to
WORDS = {
    "created": gettext_lazy("has a new %s"),
    "updated": gettext_lazy("has a changed %s"),
    "changed": gettext_lazy("has a changed %s"),
    "deleted": gettext_lazy("has no longer their %s"),
}


class SignalTrigger:
    """Records `event` whenever `signal` is sent (by `sender`).

    Exactly one of `email`, `user` and `contact` says whose event it is. They, `key`, `at` and the
    values of `data` are dotted paths into the signal's arguments ("order.user"), or functions of
    these (a dict). `when`: a function of them that says whether it counts. Where nobody is found,
    nothing is recorded. With a `label` ("placed an order") the event is a trigger of that name;
    without one it must be registered elsewhere.
    """

    model: type[models.Model] | None = None

    def __init__(
        self,
        signal: Signal,
        *,
        event: str,
        label: str | Promise = "",
        sender: Any = None,
        email: Pick | None = None,
        user: Pick | None = None,
        contact: Pick | None = None,
        data: Mapping[str, Pick] | None = None,
        key: Pick = "",
        at: Pick = "",
        when: Callable[[Any], Any] | None = None,
        sample: Mapping[str, Any] | None = None,
        value: str = "",
    ) -> None:
        whose = {"email": email, "user": user, "contact": contact}
        self.whose = {name: how for name, how in whose.items() if how is not None}
        self.signal, self.sender = signal, sender
        self.event, self.label, self.value = event, label, value
        self.data, self.key, self.at, self.when = dict(data or {}), key, at, when
        self.sample = dict(sample or {})
        self._hook = self._triggers

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.event})"

    # Plugging in

    def connect(self) -> None:
        """Listen from now on; to be called once, when apps are ready."""
        registry.SOURCES.append(self)
        if self.label:
            hooks.register("register_drip_triggers", self._hook)
        self._listen()

    def _listen(self) -> None:
        self.signal.connect(self._sent, sender=self.sender, weak=False, dispatch_uid=self._uid)

    def disconnect(self) -> None:
        registry.SOURCES.remove(self)
        registered = hooks._hooks.get("register_drip_triggers", [])
        registered[:] = [row for row in registered if row[0] != self._hook]
        self._hush()

    def _hush(self) -> None:
        self.signal.disconnect(sender=self.sender, dispatch_uid=self._uid)

    @property
    def _uid(self) -> str:
        return f"wagtail_drip.integrations.models.{id(self)}"

    def _triggers(self) -> dict[str, Trigger]:
        sample = {name: example(self.model, how) for name, how in self.data.items()}
        trigger = Trigger(self.event, self.label, {**sample, **self.sample}, value=self.value)
        return {self.event: trigger}

    def faults(self) -> list[str]:
        """What can't work, for the system check."""
        found = []
        if len(self.whose) != 1:
            found.append(_("it must name exactly one of email, user and contact."))
        if self.event not in registry.triggers():
            found.append(_("no event is called “%s”: give it a label here.") % self.event)
        if self.value and self.value not in {*self.data, *self.sample}:
            found.append(_("its data has no “%s”, which is to be its value.") % self.value)
        return [f"{self}: {text}" for text in found]

    # What happens

    def _sent(self, signal: Any = None, **arguments: Any) -> None:
        self.happened(arguments)

    def happened(self, subject: Any, *, key: str = "", using: str | None = None) -> None:
        """Record it for this object, whatever comes of it. `key` is used where none is declared.

        What happens in another database is recorded once that has committed it.
        """
        ours = router.db_for_write(Event)
        try:
            if using and using != ours:
                do = partial(self._record, subject, key)
                transaction.on_commit(do, using=using, robust=True)
            else:
                self._record(subject, key)
        except Exception:
            logger.exception("%s could not be recorded", self)

    def _record(self, subject: Any, key: str) -> None:
        with sheltered():
            if self.when and not self.when(subject):
                return
            who = {name: pick(subject, how) for name, how in self.whose.items()}
            if not any(_is_somebody(one) for one in who.values()):
                return
            at = pick(subject, self.at) if self.at else None
            data = self.picked(subject)
            key = str(pick(subject, self.key) or "") if self.key else key
        self.before(subject, who)
        api.record(self.event, **who, data=data, key=key, at=_moment(at))

    def picked(self, subject: Any) -> dict[str, Any]:
        return picked(subject, self.data)

    def before(self, subject: Any, who: Mapping[str, Any]) -> None:
        """What belongs before the event, such as a consent that it needs."""


def _is_somebody(one: Any) -> bool:
    """No address, one that is none, and somebody who is not logged in: nobody to write to."""
    if isinstance(one, str):
        try:
            return bool(normalize(one))
        except ValueError:
            return False
    return getattr(one, "pk", None) is not None


def _moment(at: Any) -> datetime | None:
    return at if isinstance(at, datetime) else None


class ModelTrigger(SignalTrigger):
    """Records `event` when a row of `model`, or of a model derived from it, is …

    - "created"; the key is the row's, so that it is recorded once
    - "updated": saved again; each time counts, unless there is a `key`
    - "changed": its `field` got the value `to` (one of these, where it is a set; any other one,
      where it isn't given); the key is the row's with the value: once for each
    - "deleted"; the key is the row's

    Paths start at the row. `event` defaults to the model's name and `on` ("order_created").
    """

    model: type[models.Model]

    def __init__(
        self,
        model: type[models.Model],
        *,
        on: str = "created",
        field: str = "",
        to: Any = ANY,
        event: str = "",
        label: str | Promise = "",
        **options: Any,
    ) -> None:
        if on not in WORDS:
            raise ValueError(_("`on` must be one of %s.") % ", ".join(WORDS))
        if (on == "changed") != bool(field):
            raise ValueError(_("`field` belongs to on=“changed”, and that needs it."))
        if not (event or label):
            label = WORDS[on] % model._meta.verbose_name
        name = model._meta.model_name
        super().__init__(
            pre_delete if on == "deleted" else post_save,
            event=event or f"{name}_{field or on}",
            label=label,
            **options,
        )
        self.model, self.on, self.field, self.to = model, on, field, to

    def _senders(self) -> list[type[models.Model]]:
        """A proxy or a child that is saved is its own sender."""
        return [one for one in apps.get_models() if issubclass(one, self.model)]

    def _listen(self) -> None:
        for sender in self._senders():
            self.signal.connect(self._sent, sender=sender, weak=False, dispatch_uid=self._uid)
            if self.field:
                pre_save.connect(self._before, sender=sender, weak=False, dispatch_uid=self._uid)

    def _hush(self) -> None:
        for sender in self._senders():
            self.signal.disconnect(sender=sender, dispatch_uid=self._uid)
            pre_save.disconnect(sender=sender, dispatch_uid=self._uid)

    def faults(self) -> list[str]:
        ways: list[Pick] = [*self.whose.values(), *self.data.values(), self.key, self.at]
        lost = [text for how in ways if how and (text := lost_way(self.model, how))]
        if self.field and not self._column():
            lost.append(
                _("%(model)s has no field “%(name)s” that could change.")
                % {"model": self.model._meta.label, "name": self.field}
            )
        return [*super().faults(), *(f"{self}: {text}" for text in lost)]

    def _column(self) -> Any:
        try:
            field = self.model._meta.get_field(self.field)
        except FieldDoesNotExist:
            return None
        return field if field.concrete and not field.many_to_many else None

    # What happens

    def _before(
        self, *, instance: Any, raw: bool, using: str, update_fields: Any = None, **kwargs: Any
    ) -> None:
        """Keep what the field holds now, as the database says: rows in hand may be old."""
        instance.__dict__.pop(self._mark, None)
        if raw or instance.pk is None or not self._touches(update_fields):
            return
        if instance._state.adding and instance._meta.pk.has_default():
            return
        try:
            with sheltered():
                row = self.model._base_manager.using(using).filter(pk=instance.pk)
                held = list(row.values_list(self.field, flat=True)[:1])
            instance.__dict__[self._mark] = held
        except Exception:
            logger.exception("%s can't tell what %s was", self, self.field)

    def _touches(self, update_fields: Any) -> bool:
        if update_fields is None:
            return True
        column = self._column()
        return bool({self.field, getattr(column, "attname", "")} & set(update_fields))

    @property
    def _mark(self) -> str:
        return f"_drip_before_{id(self)}"

    def _sent(self, signal: Any = None, **arguments: Any) -> None:
        instance, using = arguments["instance"], arguments.get("using")
        before = instance.__dict__.pop(self._mark, None)
        if arguments.get("raw"):  # fixtures are nothing that happened
            return
        key = f"{self.model._meta.label_lower}:{instance.pk}"
        try:
            if self.on == "changed":
                new = self._changed(instance, before, arguments["created"], using)
                if new is None:
                    return
                key = f"{key}:{self.field}:{new[0]}"
            elif self.on != "deleted" and arguments["created"] != (self.on == "created"):
                return
        except Exception:
            logger.exception("%s could not look at %s", self, self.field)
            return
        self.happened(instance, key="" if self.on == "updated" else key, using=using)

    def _changed(
        self, instance: Any, before: list[Any] | None, created: bool, using: str | None
    ) -> tuple[Any] | None:
        """The new value, in a tuple, if this is the change; a row that begins with it counts."""
        if before is None and not created:
            return None
        if not before and self.to is ANY:  # a new row has changed nothing
            return None
        column = self._column()
        new = getattr(instance, column.attname)
        if hasattr(new, "resolve_expression"):  # F("stock") - 1: only the database knows
            with sheltered():
                row = self.model._base_manager.using(using).filter(pk=instance.pk)
                new = row.values_list(self.field, flat=True)[0]
        new = column.to_python(new)
        if before and before[0] == new:
            return None
        if self.to is ANY:
            return (new,)
        wanted = self.to if isinstance(self.to, set | frozenset | list | tuple) else [self.to]
        return (new,) if new in wanted else None
