"""The settings of tests in tests/accounts: `pytest --ds=tests.accounts.settings tests/accounts`."""

from example_site.settings.test import *  # noqa: F403
from example_site.settings.test import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if not app.startswith("example_site.")),
    "tests.accounts",
    "allauth",
    "allauth.account",
]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
_options = TEMPLATES[0]["OPTIONS"]
_options["context_processors"] = [
    one for one in _options["context_processors"] if not one.startswith("example_site.")
]
ROOT_URLCONF = "tests.accounts.urls"
AUTH_USER_MODEL = "accounts.Member"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_USER_MODEL_EMAIL_FIELD = "mailbox"
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_RATE_LIMITS = False
WAGTAIL_DRIP_SMS_BACKEND = ""  # the bookshop's shows text messages in its outbox
# The bookshop's adapters know its models, which are not here.
del WAGTAIL_DRIP_PRODUCTS, WAGTAIL_DRIP_LINES, WAGTAIL_DRIP_RECOMMENDATIONS, WAGTAIL_DRIP_COUPONS  # noqa: F821
