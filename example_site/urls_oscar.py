"""A Wagtail site with Oscar at /store/."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.conf.urls.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

from .outbox import views as outbox

shop: Any = apps.get_app_config("oscar")

urlpatterns = [
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("i18n/", include("django.conf.urls.i18n")),  # Oscar's templates name it
    path("drip/", include("wagtail_drip.urls")),
    path("signup/", RedirectView.as_view(pattern_name="customer:register"), name="signup"),
    path("store/catalogue/", RedirectView.as_view(url="/shop/")),
    path(
        "store/catalogue/category/<path:name>_<int:pk>/",
        RedirectView.as_view(url="/shop/?category=%(pk)s"),
    ),
    path("store/", include(shop.urls[0])),
    path("outbox/", include("example_site.outbox.urls")),
    path("outbox.json", outbox.as_json, name="outbox-json"),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    path("", include(wagtail_urls)),
]
