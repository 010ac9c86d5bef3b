"""Addresses that editors typed, and whether this site answers them."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from django.apps import apps
from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.translation import get_language_from_path
from wagtail.models import Page, Site
from wagtail.views import serve


def is_dead(url: str, base_url: str) -> bool:
    """Whether a typed address is one of the site at `base_url`, and nothing is there.

    False where that can't be told: other sites, files, addresses with merge fields. Asks the URL
    configuration and the tree of pages, no network; a handful of queries for an address.
    """
    site, typed = urlsplit(base_url), _split(url)
    if typed is None or typed.scheme not in ("", "http", "https") or not typed.path:
        return False
    if (typed.netloc and typed.netloc != site.netloc) or not site.netloc:
        return False
    path = unquote(typed.path)
    if not path.startswith("/") or path.startswith(_files()) or "{" in path:
        return False
    try:
        with translation.override(get_language_from_path(path) or translation.get_language()):
            return not _is_there(path, site.hostname or "", site.port or 80)
    except Exception:  # a site's own routes may do as they like
        return False


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def _files() -> tuple[str, ...]:
    """What a web server may answer without asking Django."""
    return tuple(
        start for start in (settings.MEDIA_URL, settings.STATIC_URL) if start and start != "/"
    )


def _is_there(path: str, host: str, port: int) -> bool:
    try:
        match = resolve(path)
    except Resolver404:
        return (
            settings.APPEND_SLASH and not path.endswith("/") and _is_there(f"{path}/", host, port)
        )
    if match.func is not serve and getattr(match.func, "__wrapped__", None) is not serve:
        return True
    request = HttpRequest()
    request.method, request.path = "GET", path
    request.META.update(SERVER_NAME=host, SERVER_PORT=str(port), HTTP_HOST=host)
    try:
        found = Page.route_for_request(request, *match.args, **match.kwargs)
    except Http404:
        found = None
    return found is not None or _is_redirected(path, request)


def _is_redirected(path: str, request: HttpRequest) -> bool:
    if not apps.is_installed("wagtail.contrib.redirects"):
        return False
    from wagtail.contrib.redirects.models import Redirect

    rows = Redirect.get_for_site(Site.find_for_request(request))
    return rows.filter(old_path=Redirect.normalise_path(path)).exists()
