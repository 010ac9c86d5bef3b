"""These tests take a site of their own; in any other they are left out (`make test-sites`)."""

from __future__ import annotations

from django.apps import apps

collect_ignore_glob = [] if apps.is_installed("wagtail_localize") else ["test_*.py"]
