"""Compiled libraries of the environment: extension names, files, owners."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from posixpath import basename, dirname

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read, text, why
from gpufix.model import CondaPackage, Distribution, Python
from gpufix.text.names import normalise

_CPYTHON = re.compile(r"\.cpython-(\d)(\d+)([a-z]*)(?:-[\w-]+)?\.so$")
_OTHER = re.compile(r"\.(pypy\d+|graalpy\d+)-[\w-]+\.so$")


def python_tag(path: str) -> str | None:
    """ "cp311", "cp313t", "abi3", "pypy310"; None when the name says nothing."""
    name = basename(path)
    found = _CPYTHON.search(name)
    if found:
        return f"cp{found[1]}{found[2]}{found[3].replace('m', '')}"
    if name.endswith(".abi3.so"):
        return "abi3"
    other = _OTHER.search(name)
    return other[1] if other else None


def foreign(path: str, tag: str) -> bool:
    """Whether a Python of this tag would pass over the file."""
    own = python_tag(path)
    return own is not None and own not in (tag, "abi3")


def stray(paths: Iterable[str], tag: str) -> set[str]:
    """Modules that lie here for other Pythons alone: no file of the same name serves this one."""
    served: set[tuple[str, str]] = set()
    others: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        module = dirname(path), basename(path).partition(".")[0]
        if foreign(path, tag):
            others.setdefault(module, []).append(path)
        else:
            served.add(module)
    return {path for module, found in others.items() if module not in served for path in found}


_SHARED = re.compile(r"\.so(?:\.\d+)*$")
_FOLDERS = 100_000
_LIBRARIES = 10_000
_NEVER = {"__pycache__", "include"}  # bytecode and headers: torch alone has 9,000 of these
_NOT_OURS = {"build", "dist", "node_modules"}  # of a project: what is built, not what is imported


def find(ctx: CollectContext, python: Python, distributions: Sequence[Distribution]) -> list[str]:
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
    ctx: CollectContext, python: Python, distributions: Sequence[Distribution]
) -> Iterator[tuple[str, list[str]]]:
    for site in python.site_dirs:
        yield from _walk(ctx, site, is_project=False)
    for project in dict.fromkeys(d.editable for d in distributions if d.editable):
        if project not in python.site_dirs and Path(project).is_dir():
            yield from _walk(ctx, project, is_project=True)


def _walk(ctx: CollectContext, root: str, is_project: bool) -> Iterator[tuple[str, list[str]]]:
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


_LIMIT = 64 << 20


def owners(
    distributions: Sequence[Distribution],
    packages: Sequence[CondaPackage],
    paths: Collection[str],
) -> dict[str, str]:
    """Library -> normalised name. The first that lists a file owns it.

    A conda package goes by the name of the Python distribution that it brought (pytorch: torch).
    """
    found: dict[str, str] = {}
    wanted = set(paths)
    rows = chain(
        ((d.name, _listed(d)) for d in distributions), _of_packages(distributions, packages)
    )
    for name, listed in rows if wanted else ():
        for path in listed:
            if path in wanted:
                found.setdefault(path, name)
    editable = {d.editable: d.name for d in distributions if d.editable}
    for path in wanted - found.keys():
        folder = next((f for f in editable if path.startswith(f"{f}/")), None)
        if folder is not None:
            found[path] = editable[folder]
    return found


def _listed(dist: Distribution) -> Iterator[str]:
    """Absolute paths of the libraries that a distribution records."""
    if dist.metadata is None:
        return
    metadata = Path(dist.metadata)
    if metadata.is_dir():
        yield from _names(metadata / "RECORD", Path(dist.location), b",")


def _of_packages(
    distributions: Sequence[Distribution], packages: Sequence[CondaPackage]
) -> Iterator[tuple[str, Iterator[str]]]:
    for package in packages:
        brought = [dist.name for dist in distributions if dist.package == package.name]
        name = brought[0] if len(brought) == 1 else normalise(package.name)
        yield name, _names(Path(package.metadata), Path(package.prefix), b'"')


def _names(record: Path, base: Path, end: bytes) -> Iterator[str]:
    """Names with ".so" in them, up to `end`. Searching bytes skips thousands of other rows."""
    try:
        data = read(record, _LIMIT)
    except OSError:  # the distributions collector reports it
        return
    opening = b"\n" if end == b"," else end
    at = data.find(b".so")
    while at >= 0:
        start = data.rfind(opening, 0, at) + 1
        stop = data.find(end, at)
        if stop < 0:
            break
        yield f"{base}/{data[start:stop].decode('utf-8', 'surrogateescape').strip(chr(34))}"
        at = data.find(b".so", stop)
