"""Which C++ and CUDA sources the build files of a project name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from gpufix.source.source_facts import Guards

# What a CMake file has when it builds something.
CMAKE = (
    b"add_library",
    b"add_executable",
    b"target_sources",
    b"pybind11_add_module",
    b"ython_add_library",
)
_END = re.compile(rb"\.(?:cu|cpp|cc|cxx|hip)\b")
_OUTSIDE = re.compile(rb"[^\w./*{}$-]")
_LONGEST, _MOST = 500, 20_000  # bytes of a path; paths of a file
_HIP = re.compile(rb"(?i)rocm|(?<![a-z])hip(?![a-z])")
_LEAVES_OUT = {"!hip", "?", "never"}  # conditions under which a build that knows of HIP may not
_SUFFIXES = (".cu", ".cpp", ".cc", ".cxx", ".hip")

# Folders by which projects name what they carry along of others.
_CARRIED = {"third_party", "thirdparty", "3rdparty", "third-party", "external", "extern", "vendor"}
_CARRIED |= {"dependencies", "deps"}


def is_vendored(path: str) -> bool:
    """Whether a file lies in a folder of other people's code: only its includes are of interest."""
    return not _CARRIED.isdisjoint(path.split("/")[:-1])


class NamedSource(NamedTuple):
    """What a Python build file calls a source: a path or a pattern, and under which conditions."""

    word: str
    guards: Guards


class Taken(NamedTuple):
    """What a build takes: file names, and whether it takes what it finds.

    paths: those with a folder, as written: load() of torch takes them from where the program runs.
    """

    names: list[str]
    globs: bool
    paths: list[str]


class BuildFile(NamedTuple):
    """The sources that a build file names. `knows_hip`: it speaks of HIP.

    `by_hip`: what a HIP build takes; of a file that knows of HIP only what it surely takes.
    """

    taken: Taken
    knows_hip: bool
    by_hip: Taken


def named(data: bytes, words: Iterable[bytes]) -> BuildFile | None:
    """What a build file says of the sources that it builds; None: it has none of `words`."""
    if not any(word in data for word in words):
        return None
    return _build_file([(word.decode("utf-8", "replace"), False) for word in paths(data)], data)


def named_in(rows: Iterable[NamedSource], data: bytes) -> BuildFile:
    """The same from what a Python file says."""
    words = [(row.word, not _LEAVES_OUT.intersection(row.guards)) for row in rows]
    return _build_file(words, data)


def _build_file(words: Iterable[tuple[str, bool]], data: bytes) -> BuildFile:
    found = set(words)
    aware = _HIP.search(data) is not None
    for_hip = {word for word, by_hip in found if by_hip or not aware}
    return BuildFile(_taken({word for word, _ in found}), aware, _taken(for_hip))


def _taken(words: set[str]) -> Taken:
    named = sorted(word for word in words if "*" not in word)
    names = sorted({word.rpartition("/")[2] for word in named})
    paths = [word.removeprefix("./") for word in named if "/" in word]
    return Taken(names, len(named) < len(words), paths)


def paths(data: bytes) -> Iterator[bytes]:
    """What looks like the path or the pattern of a C++ source."""
    for end in islice(_END.finditer(data), _MOST):
        before = data[max(0, end.start() - _LONGEST) : end.start()]
        yield _OUTSIDE.split(before)[-1] + end[0]


def built(files: Mapping[str, BuildFile], sources: Iterable[str]) -> list[str]:
    """The sources that a build file in the same folder or above names or collects, or names from above."""
    return _in_reach({path: file.taken for path, file in files.items()}, sources)


def _in_reach(files: Mapping[str, Taken], sources: Iterable[str]) -> list[str]:
    found: set[str] = set()
    folders = [(path.rpartition("/")[0], taken) for path, taken in files.items()]
    by_name = {(folder, name) for folder, taken in folders for name in taken.names}
    collecting = {folder for folder, taken in folders if taken.globs}
    sources = list(sources)
    every = frozenset(sources)
    for folder, taken in folders:
        found.update(from_above(folder, taken.paths, every))
    for source in sources:
        if not source.endswith(_SUFFIXES):
            continue
        folder, _, name = source.rpartition("/")
        while True:
            if (folder, name) in by_name or folder in collecting:
                found.add(source)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
    return sorted(found)


def from_above(folder: str, paths: Iterable[str], sources: Collection[str]) -> Iterator[str]:
    """The sources that a file in a folder names from the nearest folder above it that has them."""
    above = folder.split("/")[:-1] if folder else []
    for path in paths if folder else ():
        tries = ("/".join([*above[:n], path]) for n in range(len(above), -1, -1))
        yield from islice((each for each in tries if each in sources), 1)


def for_hip(files: Mapping[str, BuildFile], sources: Sequence[str]) -> dict[str, bool]:
    """Sources of a HIP build -> whether one that knows nothing of HIP would take them as they are."""
    plain = {path: file.by_hip for path, file in files.items() if not file.knows_hip}
    plainly = set(_in_reach(plain, sources))
    every = {path: file.by_hip for path, file in files.items()}
    return {source: source in plainly for source in _in_reach(every, sources)}
