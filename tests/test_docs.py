"""What the documents say is there, and what is there they say."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import DjangoHelpFormatter
from django.dispatch import Signal

from tests import factories
from wagtail_drip import api, registry, signals, wagtail_hooks
from wagtail_drip.conf import Conf
from wagtail_drip.engine.reporting import status
from wagtail_drip.management.commands import drip_doctor
from wagtail_drip.models import Delivery, Enrollment

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wagtail_drip"
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

COMMANDS = sorted(path.stem for path in (PACKAGE / "management/commands").glob("drip_*.py"))
SETTINGS = [name for name in vars(Conf) if name.isupper()]
FUNCTIONS = [
    function
    for name, function in inspect.getmembers(api, inspect.isfunction)
    if function.__module__ == api.__name__ and not name.startswith("_")
]
CHECK = re.compile(r"wagtail_drip\.[EWI]\d{3}")


def section(title: str) -> str:
    return REFERENCE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> set[str]:
    """The names that the section's tables begin their rows with."""
    rows = re.findall(r"^\| (`[^|]*`) \|", section(title), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w[\w.*]*)", row)}


def sample(title: str, number: int) -> dict:
    return json.loads(re.findall(r"```json\n(.*?)```", section(title), re.DOTALL)[number])


def test_the_reference_names_every_setting():
    assert first_cells("Settings") == {f"WAGTAIL_DRIP_{name}" for name in SETTINGS}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_says_what_it_is(name):
    assert inspect.getdoc(vars(Conf)[name])


def test_no_document_names_a_setting_that_nobody_reads():
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py")) + " ".join(
        f"WAGTAIL_DRIP_{name}" for name in SETTINGS
    )
    named = {
        name for path in DOCUMENTS for name in re.findall(r"WAGTAIL_DRIP_\w+", path.read_text())
    }
    assert {name for name in named if name not in code} == set()


def test_the_reference_names_every_command():
    assert first_cells("Commands") == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_names_every_option(name):
    parser = load_command_class("wagtail_drip", name).create_parser("manage.py", name)
    own = {action.option_strings[-1] for action in parser._actions if action.option_strings}
    own -= set(DjangoHelpFormatter.show_last) | {"--help", "--skip-checks"}
    row = next(line for line in section("Commands").splitlines() if line.startswith(f"| `{name}"))
    assert {option for option in own if option not in row} == set()


def test_the_reference_names_every_hook():
    assert first_cells("Hooks") == set(registry.HOOKS)


@pytest.mark.parametrize("kind", ["triggers", "conditions", "merge_fields", "flow_blocks",
                                  "email_blocks", "channels"])  # fmt: skip
def test_the_reference_names_what_is_built_in(kind):
    ours = set(getattr(wagtail_hooks, f"register_{kind}")())
    row = next(line for line in section("Hooks").splitlines() if f"`register_drip_{kind}`" in line)
    assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == ours


def test_the_reference_names_every_check():
    code = (PACKAGE / "checks.py").read_text()
    assert first_cells("Checks") == set(CHECK.findall(code))


def test_the_reference_names_every_signal():
    ours = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert first_cells("Signals") == ours


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_reference_names_every_function_with_its_arguments(function):
    assert first_cells("Functions") == {function.__name__ for function in FUNCTIONS}
    call = re.search(rf"\| `{function.__name__}\((.*?)\)` \|", section("Functions"))
    assert re.findall(r"(\w+)(?:=[^,]*)?(?:,|$)", call[1]) == list(
        inspect.signature(function).parameters
    )


def test_the_reference_names_every_state():
    states = set(Delivery.State.values) | set(Enrollment.State.values)
    named = set(re.findall(r"\| `(\w+)` \| ", section("States")))
    assert named == states
    assert all(f"`{reason}`" in section("States") for reason in Enrollment.Reason.values)


def test_the_reference_names_every_variable_of_the_example_site():
    code = (ROOT / "example_site/settings/base.py").read_text()
    read = set(re.findall(r'(?:environ\.get\(|flag\()"(\w+)"', code)) | {"DATABASE_URL"}
    named = first_cells("Environment of the example site")
    assert named == read | {"PORT", "ANYMAIL_*", "POSTGRES_URL", "MARIADB_URL"}


@pytest.mark.django_db
def test_drip_status_prints_what_the_reference_shows(now):
    factories.campaign()
    shown, real = sample("Commands", 0), json.loads(json.dumps(status(now)))
    assert shown.keys() == real.keys()
    assert shown["lateness_s"].keys() == real["lateness_s"].keys()
    assert shown["campaigns"][0].keys() == real["campaigns"][0].keys()
    enrollments = [found["campaigns"][0]["enrollments"].keys() for found in (shown, real)]
    assert enrollments[0] == enrollments[1]


def test_drip_doctor_prints_what_the_reference_shows():
    keys = sample("Commands", 1)["checks"][0].keys()
    assert keys == drip_doctor.Finding.__dataclass_fields__.keys()
    ids = [row[0] for row in drip_doctor._SETTINGS]
    ids += [function.__name__ for function in drip_doctor.RUNNING] + ["tables", "send_to"]
    assert [id for id in ids if f"`{id}`" not in section("Commands")] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_the_documents_exist(path):
    text = path.read_text()
    known = get_commands()
    named = re.findall(r"manage\.py (\w+)", text) + re.findall(r"`(drip_\w+)", text)
    assert [name for name in named if name not in known] == []
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = re.findall(r"^\s*(?:[A-Z]+=\S+ )?make ([\w-]+)", text, re.MULTILINE)
    assert set(made + re.findall(r"`(?:[A-Z]+=\S+ )?make ([\w-]+)", text)) <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        aim = (path.parent / file).resolve() if file else path
        assert aim.exists(), target
        if anchor:
            assert anchor in anchors(aim), target


def anchors(path: Path) -> set[str]:
    """The anchors that headings of a Markdown file get."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_architecture_says_where_every_module_is():
    text = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`(?:[\w/]+/)?(\w+)\.py`", text)) | {"__init__"}
    modules = [path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts]
    assert [str(path) for path in modules if path.stem not in named] == []


def test_the_readme_stays_on_one_screen():
    assert len(README.splitlines()) <= 80


TUTORIAL = ROOT / "docs" / "tutorial"
WALK = (ROOT / "tests/browser/test_tutorial.py").read_text()


def test_the_tutorial_says_what_the_browser_test_presses_and_reads():
    text = (TUTORIAL / "first-campaign.md").read_text()
    told = set(re.findall(r"\*\*(.+?)\*\*", text)) | set(re.findall(r"name it `(.+?)`", text))
    assert [words for words in told if f'"{words}"' not in WALK] == []
    pressed = set(re.findall(r"browser\.(?:click|says)\([^,\n]+, \"([A-Z][^\"]+)\"", WALK))
    assert [words for words in pressed if words not in text] == ["How we read"]  # a mail's own


def test_the_pictures_of_the_tutorial_are_those_of_the_browser_test_and_small():
    shown = re.findall(r"\]\((\w+)\.png\)", (TUTORIAL / "first-campaign.md").read_text())
    assert shown == re.findall(r'picture\("(\w+)"\)', WALK)
    files = list(TUTORIAL.glob("*.png"))
    assert {file.stem for file in files} == set(shown)
    assert sum(file.stat().st_size for file in files) < 1.5e6
