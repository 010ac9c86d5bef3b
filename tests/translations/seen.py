"""Which of the package's files hold words that contacts or staff read outside of the admin.

All words of these files are translated, whole files, so that nobody must weigh each. Paths as the
catalogs name them, from the package's folder; a folder stands for what is in it.
"""

from __future__ import annotations

FILES = (
    # Public pages, and forms on the site's own
    "recipients/",
    "templates/wagtail_drip/recipients/",
    "models/consent.py",
    "models/farewells.py",
    # Mails
    "content/",
    "templates/wagtail_drip/email/",
    "models/standing.py",
    "integrations/oscar/lines.py",
    "integrations/oscar/products.py",
    # Letters to staff: tasks, reviews, tests
    "channels/staff.py",
    "engine/reviewing.py",
    "engine/tasking.py",
    "engine/testing.py",
    "models/tasks.py",
)


def is_seen(path: str) -> bool:
    return path.startswith(FILES)
