"""Which shared libraries a build made, whether they load, and for which GPUs they hold code."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gpufix.binary.elf import ElfError
from gpufix.engine.builds.folder import files_below
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.library_facts import Describer
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.reading import read
from gpufix.fixes.build_environment.variables import Folder
from gpufix.frozen import Frozen
from gpufix.model import Facts, Library, Python

_SHARED = re.compile(r"\.so(?:\.\d+)*$")
_LIMIT, _RECORD = 1 << 16, 64 << 20  # bytes
_FOLDERS = 20_000
_OBJECTS = {"CMakeFiles", ".git", "__pycache__"}
_SLACK = 2.0  # seconds: file systems' clocks are coarse


class Product(Frozen):
    """The libraries, and the distribution that owns them when one was installed."""

    distribution: str | None
    libraries: tuple[str, ...]


def product(folder: Folder, python: Python, since: float) -> Product:
    """What was built after `since` (seconds of the epoch)."""
    if folder.backend == "cmake":
        return Product(None, tuple(_fresh(folder.path, since, ())))
    for metadata, editable in _installed(folder.path, python, since):
        libraries = list(_recorded(metadata))
        if editable or folder.cmake:
            libraries += _fresh(folder.path, since, ("build",))
        name = metadata.name.partition("-")[0].replace("_", "-").lower()
        return Product(name, tuple(dict.fromkeys(libraries)))
    return Product(None, tuple(_fresh(folder.path, since, ("build",))))


def _installed(root: str, python: Python, since: float) -> Iterator[tuple[Path, bool]]:
    """dist-info folders whose direct_url.json names the source folder, and whether it is editable."""
    for site in python.site_dirs:
        for path in Path(site).glob("*.dist-info/direct_url.json"):
            try:
                if path.stat().st_mtime < since - _SLACK:
                    continue
                data = json.loads(read(path, _LIMIT))
                place = unquote(urlsplit(data["url"]).path)
                editable = bool(data.get("dir_info", {}).get("editable"))
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                continue
            if os.path.realpath(place) == root:
                yield path.parent, editable


def _recorded(metadata: Path) -> Iterator[str]:
    """The libraries that RECORD lists and that are there; none that lead out of the site folder."""
    site = metadata.parent
    try:
        rows = read(metadata / "RECORD", _RECORD).decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for row in csv.reader(rows):
        if row and _SHARED.search(row[0]):
            path = os.path.normpath(site / row[0])
            if path.startswith(f"{site}/") and Path(path).is_file():
                yield path


def _fresh(root: str, since: float, leave: tuple[str, ...]) -> Iterator[str]:
    """Libraries in the folder that are newer than the start; `leave`: names at the top to pass over."""

    def enters(name: str, depth: int) -> bool:
        return name not in _OBJECTS and not (depth == 0 and name in leave)

    for entry in files_below(root, _FOLDERS, enters):
        if _SHARED.search(entry.name) and _made_since(entry, since):
            yield entry.path


def _made_since(entry: os.DirEntry[str], since: float) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_mtime >= since - _SLACK


def read_back(ctx: CollectContext, facts: Facts, made: Product) -> list[Library]:
    """The facts of every product. One that no rule could speak of is listed by its path alone."""
    python, torch = facts.python, facts.torch
    if python is None or not made.libraries:
        return []
    own = f"{torch.location}/torch/" if torch else "\0"
    torchs = [x.path for x in facts.binaries.libraries if x.path.startswith(own)]
    belongs = dict.fromkeys(torchs, "torch")
    belongs |= dict.fromkeys(made.libraries, made.distribution or "")
    try:
        judge = Judge(ctx, python, [*torchs, *made.libraries], belongs)
    except ElfError as error:
        ctx.gap("binaries", python.executable, error)
        return [Library(path=path) for path in made.libraries]
    describer = Describer(ctx, judge, belongs, made.libraries)
    return _described(describer, made.libraries)


def _described(describer: Describer, paths: Sequence[str]) -> list[Library]:
    return [describer.describe(path) or Library(path=path) for path in paths]
