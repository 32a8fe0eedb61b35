"""Which files of a project speak of something: whether anything here needs a submodule, calls a library."""

from __future__ import annotations

import os
import re

from gpufix.facts.files import read
from gpufix.model import Project

_LIMIT = 4 << 20
_READ = ("python", "cmake", "toml", "requirements", "environment", "shell", "docker")


def mentions(project: Project, path: str) -> list[list[str | int]]:
    """[file, line, whether that file fetches submodules itself], for the files that name a path.

    A path is named in full, by its end with a folder before it ("glm/", "third_party/glm"), or by
    an import of its last component. At most twenty files.
    """
    last = path.rpartition("/")[2]
    full, word = re.escape(path.encode()), re.escape(last.encode())
    tail = re.escape("/".join(path.split("/")[-2:]).encode())
    pattern = re.compile(
        rb"(?<![\w/.-])(?:\./)?(?:"
        + full
        + rb"|"
        + tail
        + rb")(?![\w.-])|[/\"']"
        + word
        + rb"[/\"']"
        rb"|^\s*(?:from|import)\s+[\w.]*\b" + word + rb"\b",
        re.MULTILINE,
    )
    found: list[list[str | int]] = []
    for source in project.sources:
        if source.kind not in _READ or source.path.startswith(f"{path}/"):
            continue
        try:
            data = read(f"{project.root}/{source.path}", _LIMIT)
        except OSError:
            continue  # the scan of the sources reports it
        if last.encode() not in data:
            continue
        if hit := pattern.search(data):
            line = data.count(b"\n", 0, hit.start()) + 1
            found.append([source.path, line, b"submodule update" in data or b'"submodule"' in data])
        if len(found) == 20:
            break
    return found


def holders(project: Project, word: str) -> list[str]:
    """Paths of the Python sources that hold a word; what cannot be read is left out."""
    found = []
    for source in project.sources:
        path = f"{project.root}/{source.path}"
        if source.kind != "python" or source.size > _LIMIT or os.path.islink(path):  # noqa: PTH114 - for each of thousands
            continue
        try:
            if word.encode() in read(path, _LIMIT):
                found.append(source.path)
        except OSError:
            continue  # the scan of the sources reports it
    return found
