from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OscarIntegrationConfig(AppConfig):
    name = "wagtail_drip.integrations.oscar"
    label = "wagtail_drip_oscar"
    verbose_name = _("Drip campaigns for Oscar")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import guarding, moments, telling

        telling.connect()
        guarding.connect()
        moments.connect()
