"""These tests take a site of their own; in any other they are left to tests/test_localize.py."""

from __future__ import annotations

from django.apps import apps

collect_ignore_glob = [] if apps.is_installed("wagtail_localize") else ["test_*.py"]
