"""The project's source files read as facts, each by the reader of its kind."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from gpufix.facts.reading import read, why
from gpufix.model import Project, SourceFile
from gpufix.source.source_text import decode

_LIMIT_FILE, _LIMIT_ALL, _LIMIT_SCRIPT = 4 << 20, 512 << 20, 1 << 20


class ProjectSources:
    """Answers project-python, -cmake, -shell, -docker, -requirements and -toml for one project.

    project-mentions tells which files name a path (its subject), project-holders which Python
    files hold a word: see project_mentions.py.
    project-cxx tells of C++, CUDA and HIP, and adds "built": the sources that build files name,
    "for_hip": those of a HIP build, and "knows_hip": whether some build file speaks of it.
    project-hip tells what such a build meets.

    Each is {"files": {path relative to the root: facts}, "gaps": [[path, why]]}; files without
    anything to tell are left out.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._root = project.root
        self._sources = project.sources
        self._read = 0
        self._named: dict[str, Any] = {}  # build files -> the sources that they name

    def answers(self) -> dict[str, Callable[[str], Any]]:
        """Question → what answers it; the subject is the project's root."""
        return {
            "project-python": lambda _: self._python_files,
            "project-cmake": lambda _: self._cmake_files,
            "project-shell": lambda _: self._scanned(("shell",), self._shell),
            "project-docker": lambda _: self._scanned(("docker",), self._docker),
            "project-requirements": lambda _: self._scanned(
                ("requirements", "environment"), self._requirements
            ),
            "project-cxx": lambda _: self._cxx(),
            "project-hip": lambda _: self._scanned(("cuda", "header", "hip"), self._hip_file),
            "project-toml": lambda _: self._scanned(("toml",), self._toml),
            "project-mentions": self._mentions,
            "project-holders": self._holders,
        }

    def _mentions(self, path: str) -> list[list[str | int]]:
        pass

        return mentions(self._project, path)

    def _holders(self, word: str) -> list[str]:
        pass

        return holders(self._project, word)

    def _scanned(
        self, kinds: tuple[str, ...], scan: Callable[[SourceFile, bytes], dict[str, Any]]
    ) -> dict[str, Any]:
        files: dict[str, Any] = {}
        gaps: list[list[str]] = []
        with _without_collection():
            for source in self._sources:
                if source.kind not in kinds:
                    continue
                try:
                    facts = scan(source, self._bytes(source))
                except (OSError, ValueError) as error:
                    gaps.append([source.path, why(error)])
                    continue
                if facts:
                    files[source.path] = facts
        return {"files": files, "gaps": gaps}

    def _bytes(self, source: SourceFile) -> bytes:
        if source.size > _LIMIT_FILE:
            raise OSError(f"larger than {_LIMIT_FILE >> 20} MiB: not read")
        if self._read > _LIMIT_ALL:
            raise OSError(f"more than {_LIMIT_ALL >> 20} MiB of sources: not read")
        path = f"{self._root}/{source.path}"
        if os.path.islink(path):  # noqa: PTH114 - for each of thousands
            raise OSError("a link: not followed")
        data = read(path, _LIMIT_FILE)
        self._read += len(data)
        return data

    @cached_property
    def _python_files(self) -> dict[str, Any]:
        return self._scanned(("python",), self._python)

    def _python(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source.cxx import build_files
        from gpufix.source.python import python_facts

        folder = f"{self._root}/{source.path}".rpartition("/")[0]
        facts = python_facts.scan(data, source.path, folder)
        if (rows := facts.pop("sources", None)) is not None:
            self._named[source.path] = build_files.named_in(rows, data)
        return facts

    @cached_property
    def _cmake_files(self) -> dict[str, Any]:
        return self._scanned(("cmake",), self._cmake)

    def _cmake(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import cmake
        from gpufix.source.cxx import build_files

        if named := build_files.named(data, build_files.CMAKE):
            self._named[source.path] = named
        return cmake.scan(decode(data).text) if cmake.concerns(data) else {}

    def _shell(self, _: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import shell

        if len(data) > _LIMIT_SCRIPT:
            raise OSError(f"a script larger than {_LIMIT_SCRIPT >> 20} MiB: not read")
        text = decode(data).text
        return shell.scan_shell(text) if shell.concerns(data) else {}

    def _docker(self, _: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import shell

        if len(data) > _LIMIT_SCRIPT:
            raise OSError(f"a Dockerfile larger than {_LIMIT_SCRIPT >> 20} MiB: not read")
        return shell.scan_docker(decode(data).text)

    def _requirements(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import requirement_files

        text = decode(data).text
        if source.kind == "environment":
            return requirement_files.scan_environment(text)
        return requirement_files.scan(text)

    def _cxx(self) -> dict[str, Any]:
        from gpufix.source.cxx import build_files

        kinds = ("cuda", "cpp", "header", "hip")
        if not any(source.kind in ("cuda", "cpp", "hip") for source in self._sources):
            return {"files": {}, "gaps": []}
        answer = self._scanned(kinds, self._cxx_file)
        _ = self._python_files, self._cmake_files  # these fill _named
        sources = [source.path for source in self._sources if source.kind in kinds]
        answer["for_hip"] = build_files.for_hip(self._named, sources)
        answer["knows_hip"] = any(facts["hip"] for facts in self._named.values())
        return answer | {"built": build_files.built(self._named, sources)}

    def _cxx_file(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source.cxx import build_files, cxx_facts

        if build_files.carried(source.path):
            return cxx_facts.includes_alone(data)
        return cxx_facts.describe(data)

    def _hip_file(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source.cxx import build_files, cxx_facts

        return {} if build_files.carried(source.path) else cxx_facts.describe_hip(data)

    def _toml(self, _: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import requirement_files

        return requirement_files.scan_pyproject(decode(data).text)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Syntax trees are many small objects without cycles: looking for some takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
