"""Keys for other systems, as those who may hand them out see them."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.ui.tables import BooleanColumn, Column, DateColumn
from wagtail.snippets.views import snippets

from ..models import ApiKey
from .forms import SiteForm
from .lists import EMPTY_STATE, WIDE, ListMixin
from .sites import SiteBound

ONCE = gettext_lazy("The key is shown once, after you have saved.")


class ApiKeyIndexView(ListMixin, snippets.IndexView):
    empty = gettext_lazy(
        "By a key another system, such as a till or a booking service, records events here: they "
        "start campaigns as the site's own do."
    )


class ApiKeyCreateView(snippets.CreateView):
    def get_success_message(self, instance: Any) -> Any:
        text = _("Copy the key of “{name}” now, it is shown this once: {token}")
        return format_html(text, name=instance.name, token=instance.token())


class ApiKeyViewSet(SiteBound):
    model = ApiKey
    icon = "key"
    menu_label = gettext_lazy("Keys for other systems")
    menu_order = 40  # behind the records: seldom looked at
    copy_view_enabled = False
    index_view_class = ApiKeyIndexView
    index_results_template_name = EMPTY_STATE
    add_view_class = ApiKeyCreateView
    edit_handler = ObjectList(
        [
            FieldPanel("name", help_text=ONCE),
            FieldPanel("must_sign"),
            FieldPanel("active"),
            FieldPanel("site"),
        ],
        base_form_class=SiteForm,
    )
    list_display = [
        "name",
        BooleanColumn("active", label=gettext_lazy("Works")),
        BooleanColumn("must_sign", label=gettext_lazy("Signed only"), classname=WIDE),
        Column("public_id", label=gettext_lazy("Begins with"), classname=WIDE),
        DateColumn("used_at", label=gettext_lazy("Last used")),
    ]
