from django.conf import settings
from django.conf.urls.static import static
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

from .outbox import views as outbox
from .shop import accounts
from .shop import views as shop

urlpatterns = [
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("drip/", include("wagtail_drip.urls")),
    path("signup/", shop.signup, name="signup"),
    path("signup/thanks/", shop.signup_thanks, name="signup-thanks"),
    path("login/", accounts.LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="/"), name="logout"),
    path("account/", accounts.account, name="account"),
    path("account/mail/", accounts.mail_settings, name="mail-settings"),
    path("cart/", shop.cart, name="cart"),
    path("checkout/", shop.checkout, name="checkout"),
    path("orders/<str:signed>/", shop.order_thanks, name="order-thanks"),
    path("outbox/", include("example_site.outbox.urls")),
    path("outbox.json", outbox.as_json, name="outbox-json"),
    # Without a password they would be open to everybody.
    *(
        [path("anymail/", include("anymail.urls"))]
        if settings.ANYMAIL.get("WEBHOOK_SECRET")
        else []
    ),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    path("", include(wagtail_urls)),
]
