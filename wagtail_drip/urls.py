"""What a site includes, at any prefix: `path("drip/", include("wagtail_drip.urls"))`."""

from django.urls import path

from .recipients.leaving import LeaveView

app_name = "wagtail_drip"
urlpatterns = [
    # Stands in every mail that was ever sent: never change it.
    path("leave/<str:signed>/", LeaveView.as_view(), name="leave"),
]
