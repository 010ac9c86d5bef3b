from __future__ import annotations

import pytest

from example_site import environment


def test_an_old_python_gets_a_sentence():
    assert "Python 3.11 or newer" in environment.wrong_python((3, 9, 2))
    assert environment.wrong_python((3, 13, 0)) is None


def test_a_missing_venv_module_gets_a_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ensurepip", None)
    assert "sudo apt install python3-venv" in environment.no_venv_module()


def test_it_runs_on_a_python_that_is_too_old():
    """No syntax newer than 3.6: else it could not say so."""
    import ast
    from pathlib import Path

    ast.parse(Path(environment.__file__).read_text(), feature_version=(3, 6))


def test_what_is_installed_is_not_installed_again(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "VENV", str(tmp_path))
    monkeypatch.setattr(environment, "PYTHON", "/bin/sh")
    assert not environment.installed("demo")
    path, wanted = environment.stamp("demo")
    (tmp_path / ".installed-demo").write_text(wanted)
    assert path == str(tmp_path / ".installed-demo")
    assert environment.installed("demo") and not environment.installed("test")


def test_no_packages_and_no_network_get_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "works", lambda *command, **options: "venv" in command)
    with pytest.raises(SystemExit, match="needs a connection to the package index"):
        environment.build("demo")
