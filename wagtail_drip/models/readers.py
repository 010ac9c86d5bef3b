"""The condition on what readers do with a mail. Programs that open and follow links don't count."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.blocks import ChoiceBlock, StructBlock
from wagtail.snippets.blocks import SnippetChooserBlock

from ..flow.conditions import ENROLLMENT, Condition
from .deliveries import Delivery
from .journeys import Enrollment
from .steps import Step


class Reacted(Condition):
    """args: step (its primary key, in any of its languages), how (HOW).

    Asked of an enrollment, it is about the mail as this campaign has sent it to them.
    """

    slug = "mail_reaction"
    label = gettext_lazy("they opened or clicked a mail")

    def block(self):
        return ReactionBlock()

    def q(self, args, subject, now):
        return Q(Exists(self._mails(args, subject)))

    def saw(self, args, subject, now):
        moment = {"opened": Coalesce("opened_at", "clicked_at"), "clicked": F("clicked_at")}
        mails = self._mails(args, subject).annotate(
            moment=moment.get(args.get("how"), F("settled_at"))
        )
        return Subquery(mails.order_by("-moment").values("moment")[:1])

    def _mails(self, args, subject):
        """Those that show that they did it."""
        key = Step.objects.filter(pk=args.get("step") or 0).values("translation_key")[:1]
        mails = Delivery.objects.filter(step_key=Subquery(key))
        if issubclass(subject, Enrollment):
            mails = mails.filter(enrollment=OuterRef("pk"))
        else:
            mails = mails.filter(contact=OuterRef("pk"))
        match args.get("how"):
            case "opened":
                # Whoever clicked has opened it, though the picture was never loaded.
                mails = mails.filter(Q(opened_at__isnull=False) | Q(clicked_at__isnull=False))
            case "clicked":
                mails = mails.filter(clicked_at__isnull=False)
            case "sent":
                mails = mails.filter(state=Delivery.State.SENT)
            case how:
                raise ValueError(f"nobody can have {how!r} a mail")
        return mails

    @cached_property
    def names(self) -> dict[int, str]:
        """All mails' names by id; read once for a pass of checks."""
        return dict(Step.objects.values_list("pk", "name"))

    def check(self, args, subject=ENROLLMENT):
        step, found = args.get("step"), []
        if step is None:
            found.append(_("no mail is chosen"))
        elif step not in self.names:
            found.append(_("its mail was deleted"))
        if args.get("how") not in dict(HOW):
            found.append(_("it doesn't say what they did with the mail"))
        return found

    def sentence(self, args):
        words = {
            "how": dict(HOW).get(args.get("how"), "…"),
            "mail": self.names.get(args.get("step"), "…"),
        }
        return _("they %(how)s “%(mail)s”") % words


HOW = [
    ("clicked", gettext_lazy("clicked a link in")),
    ("opened", pgettext_lazy("they … a mail", "opened")),
    ("sent", gettext_lazy("were sent")),
]


class ReactionBlock(StructBlock):
    how = ChoiceBlock(label=gettext_lazy("They"), choices=HOW, default="clicked")
    step = SnippetChooserBlock("wagtail_drip.Step", label=gettext_lazy("Mail"))

    class Meta:
        label = gettext_lazy("They opened or clicked a mail")
        label_format = gettext_lazy("they {how} “{step}”")
        icon = "mail"
