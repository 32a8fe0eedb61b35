"""Where the patient's shared libraries are: site folders and editable projects, walked in bounds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import text, why
from gpufix.model import Distribution, Python

_SHARED = re.compile(r"\.so(?:\.\d+)*$")
_FOLDERS = 100_000
_LIBRARIES = 10_000
_NEVER = {"__pycache__", "include"}  # bytecode and headers: torch alone has 9,000 of these
_NOT_OURS = {"build", "dist", "node_modules"}  # of a project: what is built, not what is imported


def find(ctx: Context, python: Python, distributions: Sequence[Distribution]) -> list[str]:
    """Paths of all libraries, links left out (their targets are found by themselves)."""
    found: list[str] = []
    for seen, (folder, entries) in enumerate(_folders(ctx, python, distributions), 1):
        found += [f"{folder}/{name}" for name in entries]
        if seen >= _FOLDERS or len(found) >= _LIBRARIES:
            ctx.gap(
                "binaries", folder, f"not all was looked at: {seen} folders, {len(found)} files"
            )
            break
    return list(dict.fromkeys(found))


def _folders(
    ctx: Context, python: Python, distributions: Sequence[Distribution]
) -> Iterator[tuple[str, list[str]]]:
    for site in python.site_dirs:
        yield from _walk(ctx, site, is_project=False)
    for project in dict.fromkeys(d.editable for d in distributions if d.editable):
        if project not in python.site_dirs and Path(project).is_dir():
            yield from _walk(ctx, project, is_project=True)


def _walk(ctx: Context, root: str, is_project: bool) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the libraries in it."""
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            names, inner = _list(folder)
        except OSError as error:
            ctx.gap("binaries", text(folder), why(error))
            continue
        if is_project:
            inner = [path for path in inner if _is_imported_from(path)]
        pending += inner
        yield folder, names


def _list(folder: str) -> tuple[list[str], list[str]]:
    names, inner = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            # A folder named like a library is neither: as a file it is none, and none looks inside.
            if entry.is_dir(follow_symlinks=False):
                name = entry.name
                if name not in _NEVER and not (".so" in name and _SHARED.search(name)):
                    inner.append(entry.path)
            elif ".so" in (name := entry.name) and _SHARED.search(name):
                if entry.is_file(follow_symlinks=False):
                    names.append(name)
    names.sort()
    inner.sort(reverse=True)
    return names, inner


def _is_imported_from(folder: str) -> bool:
    """Whether a project's folder can hold its own modules: no build output, no environment."""
    name = Path(folder).name
    hidden = name.startswith(".") or name in _NOT_OURS
    return not hidden and not Path(folder, "pyvenv.cfg").exists()
