"""What the package asks to be translated, read without GNU gettext, which tests do not need."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

PLAIN = {"gettext", "gettext_lazy", "gettext_noop", "_"}
PLURAL = {"ngettext", "ngettext_lazy"}
WITH_CONTEXT = {"pgettext", "pgettext_lazy"}
_CALL = re.compile(r"\b(gettext|ngettext|pgettext|_)\(")

Word = tuple[str, str]  # context ("" for none), message


def words_of(path: Path) -> set[Word]:
    """Of a module or a template."""
    text = path.read_text()
    if path.suffix == ".py":
        return set(_of_module(ast.parse(text)))
    return set(_of_template(templatize(text)))


def _of_module(tree: ast.Module) -> Iterator[Word]:
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", "") or names.get(getattr(node.func, "id", ""), "")
            if name in PLAIN | PLURAL | WITH_CONTEXT:
                yield from _word(name, node)


def _of_template(text: str) -> Iterator[Word]:
    for match in _CALL.finditer(text):
        call = _call(text[match.start() :])
        if call is not None:
            yield from _word(match[1], call)


def _call(text: str) -> ast.Call | None:
    """The call that a text begins with: it ends where Python can read it first."""
    for end in (match.end() for match in re.finditer(r"\)", text)):
        try:
            tree = ast.parse(text[:end], mode="eval")
        except SyntaxError:
            continue
        return tree.body if isinstance(tree.body, ast.Call) else None
    return None


def _word(name: str, call: ast.Call) -> Iterator[Word]:
    said = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    texts = [text for text in said if isinstance(text, str)]
    if name in WITH_CONTEXT and len(texts) > 1:
        yield texts[0], texts[1]
    elif name not in WITH_CONTEXT and texts:
        yield "", texts[0]
