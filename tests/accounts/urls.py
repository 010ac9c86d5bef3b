from django.urls import include, path
from django.views.generic import TemplateView
from wagtail.admin import urls as admin_urls

home = TemplateView.as_view(template_name="wagtail_drip/recipients/thanks.html")
urlpatterns = [
    path("admin/", include(admin_urls)),
    path("accounts/profile/", home),
    path("accounts/", include("allauth.urls")),
    path("drip/", include("wagtail_drip.urls")),
]
