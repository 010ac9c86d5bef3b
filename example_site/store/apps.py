from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StoreConfig(AppConfig):
    name = "example_site.store"
    label = "store"
    verbose_name = _("Bookshop with Oscar")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import consenting

        consenting.connect()
