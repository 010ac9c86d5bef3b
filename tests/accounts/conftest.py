"""These tests take a site of their own; in any other they are left out (`make test-sites`)."""

from __future__ import annotations

from django.conf import settings

collect_ignore_glob = [] if settings.AUTH_USER_MODEL == "accounts.Member" else ["test_*.py"]
