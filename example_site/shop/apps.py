from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShopConfig(AppConfig):
    name = "example_site.shop"
    label = "shop"
    verbose_name = _("Bookshop")
    default_auto_field = "django.db.models.BigAutoField"
