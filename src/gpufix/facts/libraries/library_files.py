"""Compiled libraries of the environment: extension names, owners."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from posixpath import basename, dirname

from gpufix.facts.reading import read
from gpufix.model import CondaPackage, Distribution
from gpufix.text.names import normalise

_CPYTHON = re.compile(r"[^.]+\.cpython-(\d)(\d+)([a-z]*)(?:-[\w-]+)?\.so$")
_WINDOWS = re.compile(r"[^.]+\.cp(\d)(\d+t?)-win(?:32|_\w+)\.pyd$", re.IGNORECASE)
_OTHER = re.compile(r"\.(pypy\d+|graalpy\d+)-[\w-]+\.so$")


def python_tag(path: str) -> str | None:
    """ "cp311", "cp313t", "abi3", "pypy310"; None when the name says nothing.

    "MPI.openmpi.cpython-313-….so" is no module that an import looks for: who opens it names it.
    """
    name = basename(path)
    found = _CPYTHON.fullmatch(name)
    if found:
        return f"cp{found[1]}{found[2]}{found[3].replace('m', '')}"
    if name.endswith(".abi3.so"):
        return "abi3"
    if name.lower().endswith(".pyd"):  # without a tag: which Python it is for, its imports say
        own = _WINDOWS.fullmatch(name)
        return f"cp{own[1]}{own[2]}".lower() if own else "abi3"
    other = _OTHER.search(name)
    return other[1] if other else None


def is_library_name(name: str) -> bool:
    """Whether a file's name is that of a library or an extension module, of Linux or Windows."""
    return ".so" in name or name.lower().endswith((".dll", ".pyd"))


def foreign(path: str, tag: str) -> bool:
    """Whether a Python of this tag would pass over the file."""
    own = python_tag(path)
    return own is not None and own not in (tag, "abi3")


def passed_over(paths: Iterable[str], suffixes: Sequence[str]) -> set[str]:
    """Modules for another platform (".cpython-311-aarch64-linux-gnu.so") beside one for this Python."""
    served: set[tuple[str, str]] = set()
    others: dict[str, tuple[str, str]] = {}
    for path in paths:
        stem, _, rest = basename(path).partition(".")
        if f".{rest}" in suffixes:
            served.add((dirname(path), stem))
        elif rest.startswith("cpython-"):
            others[path] = dirname(path), stem
    return {path for path, module in others.items() if module in served}


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


_LIMIT = 64 << 20


def owners(
    distributions: Sequence[Distribution],
    packages: Sequence[CondaPackage],
    paths: Collection[str],
    endings: Sequence[bytes] = (b".so",),
) -> dict[str, str]:
    """Library -> normalised name. The first that lists a file owns it.

    A conda package goes by the name of the Python distribution that it brought (pytorch: torch).
    """
    found: dict[str, str] = {}
    wanted = set(paths)
    rows = chain(
        ((d.name, _listed(d, endings)) for d in distributions),
        _of_packages(distributions, packages, endings),
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


def _listed(dist: Distribution, endings: Sequence[bytes]) -> Iterator[str]:
    """Absolute paths of the libraries that a distribution records."""
    if dist.metadata is None:
        return
    metadata = Path(dist.metadata)
    if metadata.is_dir():
        yield from _names(metadata / "RECORD", dist.location, b",", endings)


def _of_packages(
    distributions: Sequence[Distribution],
    packages: Sequence[CondaPackage],
    endings: Sequence[bytes],
) -> Iterator[tuple[str, Iterator[str]]]:
    for package in packages:
        brought = [dist.name for dist in distributions if dist.package == package.name]
        name = brought[0] if len(brought) == 1 else normalise(package.name)
        yield name, _names(Path(package.metadata), package.prefix, b'"', endings)


def _names(record: Path, base: str, end: bytes, endings: Sequence[bytes]) -> Iterator[str]:
    """Names with ".so" in them, up to `end`. Searching bytes skips thousands of other rows."""
    try:
        data = read(record, _LIMIT)
    except OSError:  # the distributions collector reports it
        return
    opening = b"\n" if end == b"," else end
    for ending in endings:
        at = data.find(ending)
        while at >= 0:
            start = data.rfind(opening, 0, at) + 1
            stop = data.find(end, at)
            if stop < 0:
                break
            yield f"{base}/{data[start:stop].decode('utf-8', 'surrogateescape').strip(chr(34))}"
            at = data.find(ending, stop)
