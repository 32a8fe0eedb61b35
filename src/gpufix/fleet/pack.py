"""gpufix as one file for a node that has none: its own Python files and those of what they import.

All of it is pure Python: `fleet probe` needs neither pydantic nor Typer nor Rich.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import packaging

import gpufix
from gpufix.files import own

_BESIDE = ("packaging", "pynvml")  # what a look at a node imports beside gpufix
_LEFT_OUT = ("report", "engine", "smoke", "inspection", "recommend", "explain")
_KINDS = {".py", ".json", ".txt", ".xz", ".tsv", ".gz", ".bin", ".toml"}
_CLI = {"__init__.py", "start.py"}
_TIME = (1980, 1, 1, 0, 0, 0)  # the same file from the same sources

_MAIN = """\
import os, shutil, sys, tempfile, zipfile
folder = tempfile.mkdtemp(prefix="gpufix-")
try:
    with zipfile.ZipFile(sys.argv[0]) as archive:
        archive.extractall(folder)
    sys.path.insert(0, folder)
    from gpufix.cli.start import fleet
    if sys.argv[1:2] != ["fleet"] or not fleet(sys.argv[2:]):
        sys.exit("usage: gpufix.pyz fleet probe [--python PATH] [--project DIR] [--node NAME] [--deep]")
finally:
    shutil.rmtree(folder, ignore_errors=True)
"""


@cache
def zipapp() -> bytes:
    """The archive, which `python3 gpufix.pyz fleet probe` runs from Python 3.10 on."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        write(archive, "__main__.py", _MAIN.encode())
        for name, path in sorted(_files()):
            write(archive, name, own(path))
    return out.getvalue()


def write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file without its time."""
    about = zipfile.ZipInfo(name, _TIME)
    about.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(about, content)


def _files() -> Iterator[tuple[str, Path]]:
    root = Path(gpufix.__file__).parent
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.suffix in _KINDS and _wanted(parts):
            yield str(Path("gpufix", *parts)), path
    old = int(packaging.__version__.partition(".")[0]) < 22  # it has no parser of its own
    for name in (*_BESIDE, *(["pyparsing"] if old else [])):
        yield from _module(name)
    # For a node's Python 3.10, which has no tomllib: that is tomli under another name.
    yield from (
        _module("tomli") if importlib.util.find_spec("tomli") else _module("tomllib", "tomli")
    )


def _wanted(parts: tuple[str, ...]) -> bool:
    if "__pycache__" in parts or parts[0] in _LEFT_OUT or "payload" in parts:
        return False
    if parts[:2] == ("fleet", "smoke"):  # comes to nodes by itself: smoke/packed.py
        return False
    return parts[0] != "cli" or parts[-1] in _CLI


def _module(name: str, called: str = "") -> Iterator[tuple[str, Path]]:
    """The files of an installed module, under the name to import; none where it is not installed."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        return
    origin = Path(found.origin)
    if origin.name != "__init__.py":
        yield origin.name, origin
        return
    for path in origin.parent.rglob("*.py"):
        yield str(Path(called or name, path.relative_to(origin.parent))), path
