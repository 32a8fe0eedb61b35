"""An interpreter that imports a copy of the sources, with whatever environment a test starts it."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path


def make(folder: Path, source: Path) -> Path:
    """A virtual environment: the copy first, then all that this Python has; returns its interpreter.

    An editable install's path comes after the copy's. Commands of this Python are its own, too.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python3*/site-packages")
    lines = [str(source), *(f"import site; site.addsitedir({p!r})" for p in site.getsitepackages())]
    (packages / "copy.pth").write_text("\n".join(lines) + "\n", "utf-8")
    here = Path(sys.executable).parent
    for command in here.iterdir():
        if not os.path.lexists(folder / "bin" / command.name) and command.is_file():
            _adopt(command, here, folder / "bin")
    return python


def _adopt(command: Path, here: Path, there: Path) -> None:
    """Scripts name the interpreter that runs them; other programs do not."""
    data = command.read_bytes()
    head, line, rest = data.partition(b"\n")
    if head.startswith(b"#!") and bytes(here) in head:
        (there / command.name).write_bytes(head.replace(bytes(here), bytes(there)) + line + rest)
        (there / command.name).chmod(0o755)
    else:
        (there / command.name).symlink_to(command)


def imports(python: Path, package: str) -> str:
    """The file that a program of the interpreter imports the package from, or what it says instead."""
    code = f"import {package} as package; print(package.__file__)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip()
