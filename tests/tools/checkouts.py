"""What the tests of the bootstrap run: a checkout of a small project, and wheels made by hand."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import needs

ROOT = Path(__file__).parents[2]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
# Nothing listens on port 9: the index does not answer.
NO_INDEX = {**OFFLINE, "PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}

_BACKEND = """
import zipfile
from pathlib import Path

def get_requires_for_build_editable(config_settings=None):
    return Path("requires.txt").read_text().split()

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    info = "gpufix-0.dist-info"
    extras = "".join(f"Provides-Extra: {e}\\n" for e in ("test", "dev", "docs", "mutants", "conda"))
    with zipfile.ZipFile(Path(wheel_directory, "gpufix-0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("gpufix.py", "def main():\\n    print('judged')\\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: gpufix\\nVersion: 0\\n{extras}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\ngpufix = gpufix:main\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "gpufix-0-py3-none-any.whl"
"""
_PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["backend"]
"""


def write_project(folder: Path, requires: str = "") -> None:
    """A project that its own back end builds, for which pip must find what is named."""
    (folder / "backend").mkdir(exist_ok=True)
    (folder / "backend" / "backend.py").write_text(_BACKEND)
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    (folder / "requires.txt").write_text(requires)


@dataclass(frozen=True)
class Checkout:
    """A folder with gpufix's Makefile."""

    folder: Path

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def command(self, *arguments: str) -> list[str]:
        """make, in this folder, with the tests' own Python unless PYTHON is among the arguments."""
        return [
            "make",
            "-C",
            str(self.folder),
            "--no-print-directory",
            f"PYTHON={sys.executable}",
            *arguments,
        ]

    def environ(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Without what the Makefile that runs the tests has set."""
        dropped = {"VENV", "TORCH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONDONTWRITEBYTECODE"}
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return {**kept, "TORCH": "no", "LANG": "C", **OFFLINE, **extra}

    def make(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environ(extra),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )


def wheel(folder: Path, name: str, version: str, *requires: str) -> Path:
    """A wheel that holds nothing but its metadata."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {text}" for text in requires]
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines, ""]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join(head))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def interpreter(path: Path, preamble: str) -> Path:
    """The tests' Python after some lines of code, as a program: an old one, an incomplete one."""
    code = f"import runpy, sys; {preamble}; sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
    path.write_text(f'#!/bin/sh\nexec \'{sys.executable}\' -c "{code}" "$@"\n')
    path.chmod(0o755)
    return path


def tree(folder: Path) -> dict[Path, int]:
    """All that lies in a folder, and when it was changed."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Take the write bits of a whole tree away, and give them back."""
    modes = {p: p.stat().st_mode for p in [path, *path.rglob("*")]}
    for p, mode in modes.items():
        p.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for p, mode in modes.items():
            p.chmod(mode)


class Asked:
    """An index that takes a request and does not answer it before it is told to end."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._connections: list[socket.socket] = []
        server.settimeout(60)

    def __call__(self) -> None:
        """Wait for a request."""
        self._connections.append(self._server.accept()[0])

    def end(self) -> None:
        """Hang up, and take no request more."""
        for connection in [*self._connections, self._server]:
            connection.close()


@contextmanager
def silent_index() -> Iterator[tuple[str, Asked]]:
    """Its address, and the index."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = Asked(server)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple", asked
        asked.end()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of this size at the folder."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    needs.require("mount")
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
