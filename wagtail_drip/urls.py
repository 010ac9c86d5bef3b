"""What a site includes, at any prefix: `path("drip/", include("wagtail_drip.urls"))`."""

from django.urls import path

from .integrations.endpoint import EventsView
from .integrations.twilio import InboundView, StatusView
from .recipients.clicks import ClickView, OpenView
from .recipients.confirming import ConfirmView
from .recipients.leaving import LeaveView
from .recipients.preferences import EraseView, ExportView, PreferencesView
from .recipients.subscribing import SignUpView, ThanksView

app_name = "wagtail_drip"
urlpatterns = [
    # These stand in every mail that was ever sent: never change them.
    path("leave/<str:signed>/", LeaveView.as_view(), name="leave"),
    path("preferences/<str:signed>/", PreferencesView.as_view(), name="preferences"),
    path("preferences/<str:signed>/erase/", EraseView.as_view(), name="erase"),
    path("confirm/<str:signed>/", ConfirmView.as_view(), name="confirm"),
    path("copy/<str:signed>/", ExportView.as_view(), name="export"),
    path("sign-up/", SignUpView.as_view(), name="sign_up"),
    path("sign-up/thanks/", ThanksView.as_view(), name="sign_up_thanks"),
    path("c/<str:key>/<str:signed>/", ClickView.as_view(), name="click"),
    path("c/<str:key>/<str:signed>/<path:shown>", ClickView.as_view(), name="click"),
    path("events/", EventsView.as_view(), name="events"),
    path("sms/twilio/", InboundView.as_view(), name="twilio"),
    path("sms/twilio/<str:token>/", StatusView.as_view(), name="twilio_status"),
    path("o/<str:signed>/", OpenView.as_view(), name="open"),
]
