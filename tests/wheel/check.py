"""Build the wheel and prove it in an empty environment, outside the repository: `make wheel-check`.

Only the mandatory packages are there, and a site of two small files. It must migrate, take in a
campaign, send its mail, find the static files, and answer `drip_doctor`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from email import message_from_bytes, policy
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NOT_PACKED = shutil.ignore_patterns("__pycache__", "*.pyc")

SETTINGS = """
SECRET_KEY = "wheel"
INSTALLED_APPS = [
    "wagtail_drip", "wagtail_modeladmin", "django_q",
    "wagtail.users", "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search",
    "wagtail.admin", "wagtail", "modelcluster", "taggit",
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles",
]
ROOT_URLCONF = "site_urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
MIDDLEWARE = []
STATIC_URL = "/static/"
USE_TZ = True
WAGTAIL_SITE_NAME = "Wheel"
WAGTAILADMIN_BASE_URL = "https://wheel.example.com"
DEFAULT_FROM_EMAIL = "Wheel <wheel@example.com>"
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = "mails"
WAGTAIL_DRIP_SENDING = "on"
WAGTAIL_DRIP_POSTAL_ADDRESS = "1 Harbour Street"
WAGTAIL_DRIP_HASH_KEY = "rim"
WAGTAIL_DRIP_JOURNAL_DIR = "journals"
Q_CLUSTER = {
    "name": "wheel", "orm": "default", "workers": 2, "queue_limit": 2, "bulk": 1, "timeout": 120,
    "retry": 300, "ack_failures": True, "max_attempts": 1, "catch_up": False,
}
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("drip/", include("wagtail_drip.urls"))]
"""
STEP = "6d9cbd3b-5a0f-4f4e-9f43-54f1f0a3ac55"
CAMPAIGN = {
    "format": 1,
    "campaign": {
        "slug": "wheel",
        "name": "Wheel",
        "trigger": "user_signed_up",
        "transactional_reason": "They asked for it",
        "flow": [{"type": "send", "value": {"step": STEP}}],
    },
    "steps": [
        {
            "key": STEP,
            "language": "en",
            "name": "Hello",
            "subject": "Rolling",
            "body": [{"type": "heading", "value": {"text": "Hello, {{ first_name|friend }}"}}],
        }
    ],
}


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        folder = Path(name)
        wheel = build(folder)
        packed(wheel)
        site = Site(folder, install(folder, wheel))
        migrates_and_mails(site)
        speaks_persian(site)
        finds_static_files(site)
        answers_the_doctor(site)
    seconds = time.monotonic() - began
    sys.stdout.write(f"{wheel.name} works with the mandatory packages alone ({seconds:.0f} s).\n")


def build(folder: Path) -> Path:
    """The wheel, built from a copy: setuptools leaves files behind and would pack them again."""
    source = folder / "source"
    shutil.copytree(ROOT / "wagtail_drip", source / "wagtail_drip", ignore=NOT_PACKED)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    if find_spec("uv"):
        run(sys.executable, "-m", "uv", "build", "-q", "--wheel", "-o", folder, source)
    else:
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source)
    return next(folder.glob("*.whl"))


def packed(wheel: Path) -> None:
    """Whatever lies in the package's folder, templates and all, lies in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = (path for path in (ROOT / "wagtail_drip").rglob("*") if path.is_file())
    left_out = [
        name
        for name in (path.relative_to(ROOT).as_posix() for path in ours)
        if name not in names and "__pycache__" not in name
    ]
    expect(not left_out, f"the wheel lacks {', '.join(left_out)}")
    expect(all(name.startswith("wagtail_drip") for name in names), "the wheel has more than ours")


def install(folder: Path, wheel: Path) -> Path:
    """The Python of a new environment that holds the wheel and what it asks for."""
    quick = bool(find_spec("uv"))
    venv.create(folder / "env", with_pip=not quick)
    python = folder / "env" / "bin" / "python"
    installer = [sys.executable, "-m", "uv"] if quick else [python, "-m"]
    which = ["--python", python] if quick else []
    run(*installer, "pip", "install", "-q", *which, wheel)
    return python


class Site:
    """A site in a folder of its own, whose commands see nothing of the repository."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self.python = folder / "site", python
        self.folder.mkdir()
        (self.folder / "site_settings.py").write_text(SETTINGS)
        (self.folder / "site_urls.py").write_text(URLS)
        (self.folder / "campaign.json").write_text(json.dumps(CAMPAIGN))

    def manage(self, *arguments: str, ready: bool = True) -> str:
        """What the command prints. It must end well, unless `ready` is False."""
        environ = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "site_settings"}
        command = [self.python, "-W", "error::SyntaxWarning", "-m", "django", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=120
        )
        fine = (0,) if ready else (0, 1)
        expect(done.returncode in fine, f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout


def migrates_and_mails(site: Site) -> None:
    site.manage("migrate", "-v0")
    site.manage("drip_import", "campaign.json", "--publish")
    site.manage("drip_record", "user_signed_up", "ann@example.com")
    site.manage("drip_tick", "--until-idle")
    mails = list((site.folder / "mails").glob("*"))
    expect(len(mails) == 1, f"{len(mails)} mails were written instead of one")
    mail = message_from_bytes(mails[0].read_bytes(), policy=policy.default)
    expect(mail["Subject"] == "Rolling", f"the subject is {mail['Subject']}")
    text, html = (mail.get_body([kind]).get_content() for kind in ("plain", "html"))
    for part in ("Hello, friend", "1 Harbour Street", "They asked for it"):
        expect(part in text and part in html, f"no “{part}” in the mail:\n{text}\n{html}")
    expect("<table" in html and "@media" in html, f"the mail is not laid out:\n{html}")


def speaks_persian(site: Site) -> None:
    """The compiled catalogs came along."""
    asked = "from django.utils import translation as t; t.activate('fa'); print(t.gettext('Total'))"
    said = site.manage("shell", "-v0", "-c", asked)
    expect("جمع کل" in said, f"the catalogs say nothing in Persian: {said}")


def finds_static_files(site: Site) -> None:
    ours = ROOT / "wagtail_drip" / "static"
    names = [path.relative_to(ours).as_posix() for path in ours.rglob("*") if path.is_file()]
    found = site.manage("findstatic", "--first", *names)
    expect(str(ROOT) not in found, "static files come from the repository, not from the wheel")
    expect(found.count("env/lib") == len(names), f"not all static files are found:\n{found}")


def answers_the_doctor(site: Site) -> None:
    """Not ready, since no cluster runs; but what is there must be well."""
    report = json.loads(site.manage("drip_doctor", "--json", ready=False))
    checks = {check["id"]: check for check in report["checks"]}
    wrong = {id: check["text"] for id, check in checks.items() if not check["ok"]}
    # SQLite with its defaults, and mails that go into a folder: it must say so.
    expected = {"database", "backend"}
    expect(set(wrong) == expected, f"drip_doctor finds {wrong}")
    expect(all(checks[id]["fix"] for id in expected), "drip_doctor finds no remedy")


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=tempfile.gettempdir())


def expect(true: bool, otherwise: str) -> None:
    if not true:
        sys.exit(f"The wheel fails: {otherwise}")


if __name__ == "__main__":
    main()
