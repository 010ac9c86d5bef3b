"""The blocks that do something at once: send, enter another campaign, note something, leave."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.blocks import CharBlock, ChoiceBlock, StructBlock

from ..chosen import SnippetChooser
from . import program
from .parts import Part, fields

GROUP = gettext_lazy("Do")


class SendBlock(Part, StructBlock):
    step = SnippetChooser("wagtail_drip.Step", label=gettext_lazy("Mail"))
    # Its sentence, and what stands in it where no step is chosen.
    said, nothing = gettext_lazy("Send “%s”"), gettext_lazy("no mail")

    def compile(self, value, id, next, compiler):
        return compiler.add(id, program.Send(compiler.key(fields(value).get("step")), next))

    channel = ""  # the only one its message may go by; "": any

    def problems(self, value, checks):
        return checks.step(fields(value).get("step"), self.channel)

    def sentence(self, value, names):
        step = fields(value).get("step")
        name = names.get(step) if isinstance(step, int) else None
        return str(self.said) % (name or self.nothing)

    def steps(self, value):
        step = fields(value).get("step")
        return [] if step is None else [step]

    class Meta:
        label = gettext_lazy("Send")
        description = gettext_lazy("A mail goes to the person.")
        label_format = gettext_lazy("“{step}”")
        icon = "mail"
        group = gettext_lazy("Send")


class WebhookBlock(SendBlock):
    """A send like any other: it has a delivery, its states and its place in the line."""

    channel = "webhook"
    step = SnippetChooser("wagtail_drip.Step", label=gettext_lazy("Call"))
    said, nothing = gettext_lazy("Call “%s”"), gettext_lazy("no other system")

    class Meta:
        label = gettext_lazy("Webhook")
        description = gettext_lazy("Another system is told of the person.")
        label_format = gettext_lazy("“{step}”")
        icon = "link-external"
        group = gettext_lazy("Send")


class TextMessageBlock(SendBlock):
    """A send like any other. Who has not agreed to text messages goes on without it."""

    channel = "sms"
    step = SnippetChooser("wagtail_drip.Step", label=gettext_lazy("Text message"))
    said, nothing = gettext_lazy("Send the text message “%s”"), gettext_lazy("no text message")

    class Meta:
        label = gettext_lazy("Text message")
        description = gettext_lazy("A text message goes to those who agreed to get some.")
        label_format = gettext_lazy("“{step}”")
        icon = "mobile-alt"
        group = gettext_lazy("Send")


class TaskBlock(SendBlock):
    """A send like any other. People go on once the task is laid down; a wait for the event
    `task_done` behind it lets them stay until it is done."""

    channel = "task"
    step = SnippetChooser("wagtail_drip.Step", label=pgettext_lazy("of the staff", "Task"))
    said, nothing = gettext_lazy("Give the staff the task “%s”"), gettext_lazy("no task")

    class Meta:
        label = gettext_lazy("Staff task")
        description = gettext_lazy("Somebody is to call the person, or to print a letter.")
        label_format = gettext_lazy("“{step}”")
        icon = "tasks"
        group = gettext_lazy("Send")


class EnrollBlock(Part, StructBlock):
    """Consent, suppression and the other campaign's entry rule hold; its audience isn't asked."""

    campaign = SnippetChooser("wagtail_drip.Campaign", label=gettext_lazy("Campaign"))

    def compile(self, value, id, next, compiler):
        action = {"do": "enroll", "campaign": fields(value)["campaign"]}
        return compiler.add(id, program.Do(action, next))

    def problems(self, value, checks):
        return checks.campaign(fields(value).get("campaign"))

    def sentence(self, value, names):
        campaign = fields(value).get("campaign")
        name = names.get(("campaign", campaign)) if isinstance(campaign, int) else None
        return _("Enter “%s” as well") % (name or _("no campaign"))

    def campaigns(self, value):
        campaign = fields(value).get("campaign")
        return [] if campaign is None else [campaign]

    class Meta:
        label = gettext_lazy("Enter another campaign")
        description = gettext_lazy("They enter it, if it lets them, and go on here.")
        label_format = gettext_lazy("“{campaign}”")
        icon = "redirect"
        group = GROUP


class SetAttributeBlock(Part, StructBlock):
    key = CharBlock(
        label=gettext_lazy("Attribute"),
        max_length=100,
        help_text=gettext_lazy("Its key, such as shoe_size."),
    )
    value = CharBlock(
        label=gettext_lazy("Value"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Empty takes it away."),
    )

    def compile(self, value, id, next, compiler):
        inside = fields(value)
        action = {"do": "attribute", "key": inside["key"], "value": inside.get("value") or ""}
        return compiler.add(id, program.Do(action, next))

    def problems(self, value, checks):
        key, text = fields(value).get("key"), fields(value).get("value") or ""
        if not isinstance(key, str) or not key.strip():
            return [_("it names no attribute")]
        return checks.attribute(key, text)

    def sentence(self, value, names):
        key, text = fields(value).get("key") or "…", fields(value).get("value")
        if not text:
            return _("Take their %s away") % key
        return _("Set their %(key)s to “%(value)s”") % {"key": key, "value": text}

    class Meta:
        label = gettext_lazy("Set an attribute")
        description = gettext_lazy("Something to know of them from now on.")
        label_format = "{key}: {value}"
        icon = "edit"
        group = GROUP


class TagBlock(Part, StructBlock):
    """Named in words: a tag that isn't there yet is made when somebody comes by."""

    side = ChoiceBlock(
        label=gettext_lazy("What"),
        choices=[("add", gettext_lazy("give")), ("remove", gettext_lazy("take away"))],
        default="add",
    )
    tag = CharBlock(label=gettext_lazy("Tag"), max_length=100)

    def compile(self, value, id, next, compiler):
        action = {"do": "tag", "tag": fields(value)["tag"], "side": fields(value)["side"]}
        return compiler.add(id, program.Do(action, next))

    def problems(self, value, checks):
        tag, side = fields(value).get("tag"), fields(value).get("side")
        found = [] if side in ("add", "remove") else [_("it neither gives nor takes away")]
        if not isinstance(tag, str) or not tag.strip() or len(tag) > 100:
            found.append(_("it names no tag"))
        return found

    def sentence(self, value, names):
        tag = fields(value).get("tag") or "…"
        if fields(value).get("side") == "remove":
            return _("Take the tag “%s” away") % tag
        return _("Give the tag “%s”") % tag

    class Meta:
        label = gettext_lazy("Set a tag")
        description = gettext_lazy("Give people a tag, or take it away.")
        label_format = gettext_lazy("“{tag}”")
        icon = "tag"
        group = GROUP


class LeaveBlock(Part, StructBlock):
    reason = CharBlock(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Shown where you see who left, e.g. “bought it”."),
    )

    def compile(self, value, id, next, compiler):
        return compiler.add(id, program.Leave(str(fields(value).get("reason") or "")[:200]))

    def sentence(self, value, names):
        reason = fields(value).get("reason")
        return _("Leave the campaign: %s") % reason if reason else _("Leave the campaign")

    class Meta:
        label = gettext_lazy("Leave")
        description = gettext_lazy("The series ends here for the person.")
        label_format = "{reason}"
        icon = "logout"
        group = GROUP
