"""Makes the virtual environment that `make doctor` and `make test` work in.

    python tools/bootstrap FOLDER base|test|full

This file parses on Python 3.6, so that an old Python is told what is needed; the others need not.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 10)
MODULES = ("venv", "ensurepip")


def newer() -> str:
    """The newest Python on PATH that would do, or nothing."""
    code = f"import {', '.join(MODULES)}"
    for name in (f"python3.{minor}" for minor in range(30, NEEDED[1] - 1, -1)):
        command = [name, "-c", code]
        if (
            shutil.which(name)
            and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
        ):
            return name
    return ""


def completion() -> str:
    """What completes this Python: Debian's package for it, where it is Debian's."""
    real = Path(sys.executable).resolve()
    if not Path("/etc/debian_version").exists() or real.parent != Path("/usr/bin"):
        return "install your system's package of it (Debian, Ubuntu: python3-venv), or set PYTHON="
    if real == Path("/usr/bin/python3").resolve():
        return "apt install python3-venv"
    return "apt install python{}.{}-venv".format(*sys.version_info[:2])


def refusal() -> str:
    """Why this Python cannot make the environment; empty when it can."""
    this = f"Python {sys.version.split()[0]} found ({sys.executable})"
    if sys.version_info[:2] < NEEDED:
        name = newer() or "/path/to/python3, when one is installed"
        return f"{this}; gpufix needs {'.'.join(map(str, NEEDED))} or newer: set PYTHON={name}"
    lacking = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if lacking:
        return f"{this} lacks {' and '.join(lacking)}, needed for a venv: {completion()}"
    return ""


def main() -> int:
    """Refuse in one sentence, or make the environment."""
    problem = refusal()
    if problem:
        print(f"gpufix: {problem}", file=sys.stderr)
        return 1
    from stages import main as make

    return make(*sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
