"""Settings of the bookshop. What the environment may set is listed in docs/reference.md."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import dj_database_url
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
ROOT = BASE_DIR.parent


def flag(name: str, default: bool) -> bool:
    return os.environ.get(name, str(default)).lower() in ("1", "true", "yes", "on")


DEBUG = flag("DEBUG", False)
SECRET_KEY = os.environ.get("SECRET_KEY", "the-bookshop-is-a-demo-and-keeps-no-secrets")
ALLOWED_HOSTS = ["*"]
BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
# Database, pictures, collected files and journal of a site that is started by hand or as demo.
DEMO_DIR = Path(os.environ.get("DEMO_DIR", ROOT / ".demo"))

INSTALLED_APPS = [
    "example_site.shop",
    "example_site.outbox",
    "wagtail_drip",
    "wagtail_modeladmin",
    "django_q",
    "anymail",
    "wagtail.contrib.settings",
    "wagtail.contrib.forms",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.embeds",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_site.urls"
WSGI_APPLICATION = "example_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "example_site.shop.cart.in_templates",
            ]
        },
    }
]

DATABASES = {
    "default": dj_database_url.config(
        default=f"sqlite:///{DEMO_DIR / 'db.sqlite3'}", conn_max_age=60
    )
}
if "DATABASE_URL" not in os.environ:
    DEMO_DIR.mkdir(parents=True, exist_ok=True)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A cluster and a site write to one file: wait for each other instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    INSTALLED_APPS.append("django.contrib.postgres")  # Wagtail's search has columns of its types
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4"}
    if not find_spec("MySQLdb"):  # mysqlclient, which needs a compiler; PyMySQL needs none
        import_module("pymysql").install_as_MySQLdb()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

LOGIN_URL = "login"

STATIC_URL = "/static/"
STATIC_ROOT = DEMO_DIR / "static"
MEDIA_URL = "/media/"
MEDIA_ROOT = DEMO_DIR / "media"

WAGTAIL_SITE_NAME = "The Paper Lantern"
WAGTAILADMIN_BASE_URL = BASE_URL
# Nothing here looks outside.
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False

# Only the outbox page shows mail, and only where strangers can't reach it.
OUTBOX = flag("OUTBOX", DEBUG)
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", "example_site.outbox.backend.OutboxBackend")
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
DEFAULT_FROM_EMAIL = "The Paper Lantern <books@example.com>"
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): value
    for name, value in os.environ.items()
    if name.startswith("ANYMAIL_")
}

WAGTAIL_DRIP_SENDING = os.environ.get("WAGTAIL_DRIP_SENDING", "on")
WAGTAIL_DRIP_POSTAL_ADDRESS = "1 Harbour Street, Bookham"
WAGTAIL_DRIP_TIME_TRAVEL = flag("DRIP_TIME_TRAVEL", False)
WAGTAIL_DRIP_HASH_KEY = os.environ.get("WAGTAIL_DRIP_HASH_KEY", "the-bookshop-hashes-apart")
WAGTAIL_DRIP_LINES = "example_site.shop.mail_lines.ShopLines"
WAGTAIL_DRIP_RECOMMENDATIONS = "example_site.shop.recommending.ShopRecommender"
WAGTAIL_DRIP_COUPONS = "example_site.shop.drip.ShopCoupons"
WAGTAIL_DRIP_SMS_BACKEND = "example_site.outbox.texts.OutboxTexts"
WAGTAIL_DRIP_SMS_REGION = "GB"
WAGTAIL_DRIP_PRODUCTS = "example_site.shop.drip.BookProducts"

Q_CLUSTER = {
    "name": "bookshop",
    "workers": int(os.environ.get("Q_WORKERS", "2")),
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 120,
    "retry": 300,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "poll": 1,
    "recycle": 200,
    "label": "Django Q",
    "log_level": "WARNING" if DEBUG else "INFO",
}
if REDIS_URL := os.environ.get("REDIS_URL"):
    Q_CLUSTER["redis"] = REDIS_URL
else:
    Q_CLUSTER["orm"] = "default"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # A demo's terminal is for what went wrong, not for each page that was asked for.
    "loggers": {
        "django.server": {"level": "ERROR" if DEBUG else "INFO"},
        "django.request": {"level": "ERROR" if DEBUG else "WARNING"},
    },
}
