"""From a file's text to its data: JSON, or YAML where the extra `yaml` is installed."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _

YAML = (".yaml", ".yml")  # what the names of such files end with


class Unreadable(ValueError):
    """The text is neither; says where it breaks off."""


def from_text(text: str, name: str = "") -> Any:
    """Raises Unreadable. `name`: of the file, which says that it is YAML."""
    return _from_yaml(text) if name.lower().endswith(YAML) else _from_json(text)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = {"what": error.msg, "line": error.lineno, "column": error.colno}
        text = _("is not JSON: %(what)s at line %(line)d, column %(column)d.")
        raise Unreadable(text % where) from None
    except RecursionError:
        raise Unreadable(_("is nested too deep.")) from None


def _from_yaml(text: str) -> Any:
    yaml = _library()

    class Loader(yaml.SafeLoader):  # type: ignore[name-defined]
        """A date stays text, as in JSON; and nothing stands for something else of the file."""

        yaml_implicit_resolvers = {
            first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                mark = self.peek_event().start_mark
                raise yaml.MarkedYAMLError(problem=_("aliases are not allowed"), problem_mark=mark)
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise Unreadable(_("is not YAML: %s.") % said) from None
    except (RecursionError, ValueError):
        raise Unreadable(_("is nested too deep, or holds a value that can't be read.")) from None


def as_yaml(data: Any) -> str:
    """The same data for people to read: long texts stand as they are, nothing is sorted."""
    yaml = _library()

    class Dumper(yaml.SafeDumper):  # type: ignore[name-defined]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def _library() -> Any:
    try:
        import yaml
    except ImportError:
        raise Unreadable(
            _("is YAML, and PyYAML is not installed: pip install wagtail-drip[yaml].")
        ) from None
    return yaml
