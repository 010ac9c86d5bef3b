"""Settings of the same bookshop with django-oscar as its shop: `make demo-oscar`."""

from __future__ import annotations

from oscar.defaults import *  # noqa: F403

from .base import *  # noqa: F403
from .base import BASE_DIR, DEFAULT_FROM_EMAIL, INSTALLED_APPS, MIDDLEWARE, TEMPLATES

INSTALLED_APPS = [
    "example_site.store",
    *(app for app in INSTALLED_APPS if app != "example_site.shop"),
    "wagtail_drip.integrations.oscar",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "haystack",
    "treebeard",
    "sorl.thumbnail",
    "django_tables2",
]
MIDDLEWARE = [*MIDDLEWARE, "oscar.apps.basket.middleware.BasketMiddleware"]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
_base: dict = TEMPLATES[0]
_processors = _base["OPTIONS"]["context_processors"]
TEMPLATES = [
    {
        **_base,
        "DIRS": [BASE_DIR / "store" / "templates"],  # before Oscar's own
        "OPTIONS": {
            "context_processors": [
                *(one for one in _processors if not one.startswith("example_site.")),
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]
ROOT_URLCONF = "example_site.urls_oscar"
STATICFILES_DIRS = [BASE_DIR / "shop" / "static"]
SITE_ID = 1
LOGIN_URL = "customer:login"
LOGIN_REDIRECT_URL = "/"
# It looks into the tables and keeps no index; it can do neither the page of all products nor that
# of a category, in whose places urls_oscar.py puts a page of Wagtail's.
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}

OSCAR_SHOP_NAME = "The Paper Lantern"
OSCAR_DEFAULT_CURRENCY = "EUR"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_FROM_EMAIL = DEFAULT_FROM_EMAIL
OSCAR_SEND_REGISTRATION_EMAIL = False  # the campaign “Welcome” does
OSCAR_INITIAL_ORDER_STATUS = OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {
    "Pending": ("Being wrapped", "Canceled"),
    "Being wrapped": ("Shipped", "Canceled"),
    "Shipped": (),
    "Canceled": (),
}

WAGTAIL_DRIP_PRODUCTS = "wagtail_drip.integrations.oscar.products.OscarProducts"
WAGTAIL_DRIP_LINES = "wagtail_drip.integrations.oscar.lines.OscarLines"
WAGTAIL_DRIP_RECOMMENDATIONS = "wagtail_drip.integrations.oscar.recommending.OscarRecommender"
WAGTAIL_DRIP_COUPONS = "wagtail_drip.integrations.oscar.coupons.OscarCoupons"
