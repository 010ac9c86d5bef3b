# ruff: noqa: F401, PTH100, PTH118, PTH119, PTH120, PTH123, T201, UP032
"""Make .venv with what one extra needs, then become its Python: `environment.py EXTRA ARGS…`.

The environment variable VENV names another folder than .venv, PINS versions to hold to.

Standard library and old syntax only: it must run on a Python that is too old, to say so.
"""

import hashlib
import os
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, os.environ.get("VENV", ".venv"))
PINS = os.environ.get("PINS", "").split()  # such as django==6.0.*
PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)


def main(extra, arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    problem = wrong_python(sys.version_info) or no_venv_module()
    if problem:
        sys.exit(problem)
    if not installed(extra):
        build(extra)
    os.chdir(ROOT)
    os.execv(PYTHON, [PYTHON, *arguments])


def wrong_python(version):
    """A sentence where this Python is too old, else None."""
    if tuple(version[:2]) >= OLDEST:
        return None
    return (
        "This is Python {}.{}; Python 3.11 or newer is needed. "
        "Name one: make demo PYTHON=/path/to/python3.11".format(*version[:2])
    )


def no_venv_module():
    """A sentence where Debian's python3-venv is missing, else None."""
    try:
        import ensurepip
        import venv
    except ImportError:
        return (
            "Python can't make virtual environments here. Install them with "
            "`sudo apt install python3-venv`, then run make again."
        )
    return None


def stamp(extra):
    """The file that says that .venv holds this extra, and what must stand in it."""
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        wanted = hashlib.sha256(file.read() + " ".join([VENV, *PINS]).encode()).hexdigest()
    return os.path.join(VENV, ".installed-" + extra), wanted


def installed(extra):
    path, wanted = stamp(extra)
    try:
        with open(path) as file:
            return file.read() == wanted and os.access(PYTHON, os.X_OK)
    except OSError:
        return False


def build(extra):
    print("Installing into {} (only this once) …".format(os.path.basename(VENV)), flush=True)
    if not works(PYTHON, "-m", "pip", "--version") and not works(
        sys.executable, "-m", "venv", "--clear", VENV, quiet=False
    ):
        sys.exit("The virtual environment could not be made; the lines above say why.")
    packages = ["-e.[{}]".format(extra), *PINS]
    # uv takes a third of pip's time; where it can't be had, pip does.
    quick = works(PYTHON, "-m", "pip", "install", "-q", "uv") and works(
        PYTHON, "-m", "uv", "pip", "install", "-q", "--python", PYTHON, *packages
    )
    if not quick and not works(PYTHON, "-m", "pip", "install", "-q", *packages, quiet=False):
        sys.exit(
            "The packages could not be installed; the lines above say why. "
            "The first start needs a connection to the package index, later ones need none."
        )
    path, wanted = stamp(extra)
    with open(path, "w") as file:
        file.write(wanted)


def works(*command, **options):
    """Whether the command ends well. Its own words are shown only where they matter."""
    out = subprocess.DEVNULL if options.get("quiet", True) else None
    environ = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    try:
        return not subprocess.call(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
    except OSError:
        return False


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2:])
    except KeyboardInterrupt:
        sys.exit(130)
