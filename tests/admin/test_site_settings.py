from __future__ import annotations

import pytest
from django.urls import reverse

from tests import factories
from wagtail_drip.models import SiteSettings
from wagtail_drip.models.sources import tracking

pytestmark = pytest.mark.django_db
LIST = "wagtailsnippets_wagtail_drip_sitesettings:list"
ADD = "wagtailsnippets_wagtail_drip_sitesettings:add"


def test_a_site_s_settings_are_made_in_the_settings_menu(admin_client):
    site = factories.site()
    assert admin_client.get(reverse(LIST)).status_code == 200
    data = {"site": site.pk, "track_opens": "on"}
    assert admin_client.post(reverse(ADD), data).status_code == 302
    row = SiteSettings.objects.get()
    assert (row.site, row.track_clicks, row.track_opens) == (site, False, True)
    assert reverse(LIST) in admin_client.get(reverse("wagtailadmin_home")).content.decode()


def test_an_editor_without_the_right_has_no_settings(client, django_user_model):
    user = django_user_model.objects.create_user("ed", password="x", is_staff=True)
    client.force_login(user)
    assert client.get(reverse(LIST)).status_code == 302


@pytest.mark.parametrize(
    ("site", "campaign", "counted"),
    [
        ({}, {}, (True, False)),
        ({"track_opens": True}, {}, (True, True)),
        ({"track_opens": True}, {"track_opens": False, "track_clicks": False}, (False, False)),
        ({"track_clicks": False}, {}, (False, False)),
    ],
)
def test_site_and_campaign_must_both_want_it(site, campaign, counted):
    campaign = factories.campaign(**campaign)
    if site:
        SiteSettings.objects.create(site=campaign.site, **site)
    found = tracking(campaign)
    assert (found.keys is not None, found.opens) == counted
