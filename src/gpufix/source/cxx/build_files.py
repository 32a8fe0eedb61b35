"""Which C++ and CUDA sources the build files of a project name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

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


def carried(path: str) -> bool:
    """Whether a file lies in a folder of other people's code: only its includes are of interest."""
    return not _CARRIED.isdisjoint(path.split("/")[:-1])


def named(data: bytes, words: Iterable[bytes]) -> dict[str, Any]:
    """What a build file, which has one of `words`, says of the sources that it builds.

    `names`: their file names; `globs`: whether it takes what it finds; `hip`: whether it knows of
    HIP. `hip_names`, `hip_globs`: the same of a HIP build; of a file that knows of HIP only what
    it surely takes.
    """
    if not any(word in data for word in words):
        return {}
    return _told([(word.decode("utf-8", "replace"), False) for word in paths(data)], data)


def named_in(rows: Iterable[Sequence[Any]], data: bytes) -> dict[str, Any]:
    """The same from what a Python file says: [word, guards] of each source."""
    return _told([(word, not _LEAVES_OUT.intersection(guards)) for word, guards in rows], data)


def _told(words: Iterable[tuple[str, bool]], data: bytes) -> dict[str, Any]:
    found = set(words)
    aware = _HIP.search(data) is not None
    for_hip = {word for word, by_hip in found if by_hip or not aware}
    every = {word for word, _ in found}
    return {
        "names": _names(every),
        "globs": any("*" in word for word in every),
        "hip": aware,
        "hip_names": _names(for_hip),
        "hip_globs": any("*" in word for word in for_hip),
    }


def _names(words: Iterable[str]) -> list[str]:
    return sorted({word.rpartition("/")[2] for word in words if "*" not in word})


def paths(data: bytes) -> Iterator[bytes]:
    """What looks like the path or the pattern of a C++ source."""
    for end in islice(_END.finditer(data), _MOST):
        before = data[max(0, end.start() - _LONGEST) : end.start()]
        yield _OUTSIDE.split(before)[-1] + end[0]


def built(files: Mapping[str, Any], sources: Iterable[str], of: str = "") -> list[str]:
    """The sources that a build file in the same folder or above names or collects.

    of: "hip_" for those of a HIP build.
    """
    found = set()
    folders = [(path.rpartition("/")[0], facts) for path, facts in files.items()]
    by_name = {(folder, n) for folder, facts in folders for n in facts[f"{of}names"]}
    collecting = {folder for folder, facts in folders if facts[f"{of}globs"]}
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


def for_hip(files: Mapping[str, Any], sources: Sequence[str]) -> dict[str, bool]:
    """Sources of a HIP build -> whether one that knows nothing of HIP would take them as they are."""
    plain = {path: facts for path, facts in files.items() if not facts["hip"]}
    plainly = set(built(plain, sources, "hip_"))
    return {source: source in plainly for source in built(files, sources, "hip_")}
