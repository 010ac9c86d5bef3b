from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WagtailDripConfig(AppConfig):
    name = "wagtail_drip"
    label = "wagtail_drip"
    verbose_name = _("Drip campaigns")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, tasks
        from .engine import capping, noting, reconsidering
        from .integrations import allauth, anymail, auth
        from .models import publishing, shared_content

        checks.register()
        tasks.connect()
        auth.connect()
        allauth.connect()
        anymail.connect()
        publishing.connect()
        shared_content.connect()
        capping.connect()
        noting.connect()
        reconsidering.connect()
