"""Which C++ and CUDA sources the build files of a project name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# What a build file of each kind has when it builds something.
PYTHON = (b"cpp_extension", b"Extension(")
CMAKE = (b"add_library", b"add_executable", b"target_sources", b"pybind11_add_module")
CMAKE += (b"python_add_library", b"Python_add_library")
_END = re.compile(rb"\.(?:cu|cpp|cc|cxx|hip)\b")
_BEFORE = re.compile(rb"[\w./*{}$-]*$")
_LONGEST = 500  # bytes of a path
_HIP = re.compile(rb"(?i)rocm|(?<![a-z])hip(?![a-z])")
_SUFFIXES = (".cu", ".cpp", ".cc", ".cxx", ".hip")

# Folders by which projects name what they carry along of others.
_CARRIED = {"third_party", "thirdparty", "3rdparty", "third-party", "external", "extern", "vendor"}
_CARRIED |= {"dependencies", "deps"}


def carried(path: str) -> bool:
    """Whether a file lies in a folder of other people's code: only its includes are of interest."""
    return not _CARRIED.isdisjoint(path.split("/")[:-1])


def named(data: bytes, words: Iterable[bytes]) -> dict[str, Any]:
    """What a build file, which has one of `words`, says of the sources that it builds.

    `names`: file names of sources in a build file; `globs`: whether it takes what it finds;
    `hip`: whether it knows of HIP, and so may choose its sources by it."""
    if not any(word in data for word in words):
        return {}
    found = {word.decode("utf-8", "replace") for word in _paths(data)}
    globs = any("*" in word for word in found)
    names = sorted({word.rpartition("/")[2] for word in found if "*" not in word})
    if not names and not globs:
        return {}
    return {"names": names, "globs": globs, "hip": _HIP.search(data) is not None}


def _paths(data: bytes) -> Iterator[bytes]:
    for end in _END.finditer(data):
        before = _BEFORE.search(data, max(0, end.start() - _LONGEST), end.start())
        yield (before[0] if before else b"") + end[0]


def built(files: Mapping[str, Any], sources: Iterable[str]) -> list[str]:
    """The sources that a build file in the same folder or above names or collects."""
    found = set()
    folders = [(path.rpartition("/")[0], facts) for path, facts in files.items()]
    by_name = {(folder, n) for folder, facts in folders for n in facts["names"]}
    collecting = {folder for folder, facts in folders if facts["globs"]}
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


def hip_folders(files: Mapping[str, Any]) -> list[str]:
    """Folders of build files that know of HIP."""
    return sorted({path.rpartition("/")[0] for path, facts in files.items() if facts["hip"]})
