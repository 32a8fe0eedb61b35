"""The project's source files read as facts, each by the reader of its kind."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from gpufix.facts.reading import text, why, without_collection
from gpufix.files import read_unlinked
from gpufix.model import Project, SourceFile
from gpufix.source.source_text import UndecodableText, decode

if TYPE_CHECKING:  # a run without a project needs none of the readers
    from gpufix.source.cxx.build_files import BuildFile
    from gpufix.source.scanned import CxxSources, Mention, Scanned
    from gpufix.source.source_facts import (
        CMakeFacts,
        CxxFacts,
        HipFacts,
        PythonFacts,
        RequirementFacts,
        ShellFacts,
        TomlFacts,
    )

T = TypeVar("T")

_LIMIT_FILE, _LIMIT_ALL, _LIMIT_SCRIPT = 4 << 20, 512 << 20, 1 << 20
_KEPT = 64 << 20  # bytes of files that are not read again for the next question
_NAMES = 5_000  # in a folder
_MENTIONS = 20  # of one path
# Kinds of files that may name a path.
_NAMING = ("python", "cmake", "toml", "requirements", "environment", "shell", "docker")


class ProjectSources:
    """The sources of one project. Files without anything to tell are left out of the answers."""

    def __init__(self, project: Project) -> None:
        self._root = project.root
        self._sources = project.sources
        self._read = 0
        self._kept: dict[str, bytes] = {}  # by path
        self._room = _KEPT
        self._named: dict[str, BuildFile] = {}  # by path
        self._included: dict[str, tuple[str, ...]] = {}  # by path of a C++ file
        self._opening: dict[str, tuple[str, ...]] = {}  # where it is known without reading more
        self._told: dict[str, CxxFacts] = {}  # by path of a C++ file: what it holds besides
        self._scanning: set[str] = set()  # folders with a C++ file that scans
        self._needing: set[str] = set()  # C++ files that may need a header

    @cached_property
    def python(self) -> Scanned[PythonFacts]:
        """Python files."""
        return self._scanned(("python",), self._python)

    @cached_property
    def cmake(self) -> Scanned[CMakeFacts]:
        """CMake files."""
        return self._scanned(("cmake",), self._cmake)

    def shell(self) -> Scanned[ShellFacts]:
        """Shell scripts."""
        return self._scanned(("shell",), self._shell)

    def docker(self) -> Scanned[ShellFacts]:
        """Dockerfiles."""
        return self._scanned(("docker",), self._docker)

    def requirements(self) -> Scanned[RequirementFacts]:
        """Requirement and conda environment files."""
        return self._scanned(("requirements", "environment"), self._requirements)

    def toml(self) -> Scanned[TomlFacts]:
        """pyproject.toml files."""
        return self._scanned(("toml",), self._toml)

    def hip(self) -> Scanned[HipFacts]:
        """What a HIP build meets."""
        return self._scanned(("cuda", "header", "hip"), self._hip_file)

    def cxx(self) -> CxxSources:
        """C++, CUDA and HIP files, and what build files say of them."""
        from gpufix.source.cxx import build_files
        from gpufix.source.scanned import CxxFiles, CxxSources

        kinds = ("cuda", "cpp", "header", "hip")
        if not any(source.kind in ("cuda", "cpp", "hip") for source in self._sources):
            return CxxSources({}, ())
        found = self._scanned(kinds, self._cxx_file)
        _ = self.python, self.cmake  # these fill _named
        sources = [source.path for source in self._sources if source.kind in kinds]
        return CxxSources(
            files=CxxFiles(
                told=self._counted(found.files),
                named=self._included,
                opening=self._opening,
                needing=self._needing,
                read=self._whole_cxx_file,
            ),
            gaps=found.gaps,
            for_hip=build_files.for_hip(self._named, sources),
            knows_hip=any(file.knows_hip for file in self._named.values()),
            built=tuple(build_files.built(self._named, sources)),
        )

    def _counted(self, told: Mapping[str, CxxFacts]) -> Mapping[str, CxxFacts]:
        """The same with what files beside one that scans count and fill, which matters nowhere else."""
        from gpufix.source.cxx import cxx_facts, fill

        found = dict(told)
        for path in self._included:
            if path.rpartition("/")[0] not in self._scanning:
                continue
            try:
                data = self._held(path)
                facts = cxx_facts.more(data, counting=True) if fill.concerns(data) else None
            except (OSError, UndecodableText):  # it has changed since
                continue
            if facts is not None:
                found[path] = self._told[path] = facts
        return {path: found[path] for path in self._included if path in found}

    def mentions(self, path: str) -> tuple[Mention, ...]:
        """The files that name a path.

        A path is named in full, by its end with a folder before it ("glm/", "third_party/glm"), or by
        an import of its last component, by itself or below its folders, unless Python itself has a module of that name. At most twenty
        files.
        """
        from gpufix.source.scanned import Mention

        last, pattern = path.rpartition("/")[2].encode(), _naming(path)
        found: list[Mention] = []
        for source in self._sources:
            if source.kind not in _NAMING or source.path.startswith(f"{path}/"):
                continue
            try:
                data = self._held(source.path)
            except OSError:
                continue  # the scan of the sources reports it
            if last in data and (hit := pattern.search(data)):
                line = data.count(b"\n", 0, hit.start()) + 1
                fetches = b"submodule update" in data or b'"submodule"' in data
                found.append(Mention(source.path, line, fetches))
            if len(found) == _MENTIONS:
                break
        return tuple(found)

    def holders(self, word: str) -> tuple[str, ...]:
        """The Python files that hold a word; what cannot be read is left out."""
        looked_for = word.encode()
        return self._holding(lambda data: looked_for in data)

    def having(self, words: str) -> tuple[str, ...]:
        """The Python files that have words of a reader that is asked of a whole project."""
        from gpufix.source.python import python_facts

        return self._holding(python_facts.WORDS[words])

    def _holding(self, holds: Callable[[bytes], bool]) -> tuple[str, ...]:
        found = []
        for source in self._sources:
            if source.kind != "python" or source.size > _LIMIT_FILE:
                continue
            try:
                if holds(self._held(source.path)):
                    found.append(source.path)
            except OSError:
                continue  # the scan of the sources reports it
        return tuple(found)

    def names(self, folder: str) -> tuple[str, ...]:
        """The names in a folder of the project. Raises ValueError outside it."""
        root = os.path.realpath(self._root)
        real = os.path.realpath(folder)
        if real != root and not real.startswith(f"{root}/"):
            raise ValueError(f"{folder} lies outside the project")
        try:
            with os.scandir(real) as entries:
                found = [f"{e.name}/" if e.is_dir() else e.name for e in islice(entries, _NAMES)]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        if len(found) == _NAMES:
            raise ValueError(f"{folder} holds more than {_NAMES} names")
        return tuple(sorted(map(text, found)))

    def _scanned(
        self, kinds: tuple[str, ...], scan: Callable[[SourceFile, bytes], T | None]
    ) -> Scanned[T]:
        from gpufix.source.scanned import Scanned, Unread

        files: dict[str, T] = {}
        gaps: list[Unread] = []
        with without_collection():
            for source in self._sources:
                if source.kind not in kinds:
                    continue
                try:
                    facts = scan(source, self._bytes(source))
                except (OSError, ValueError) as error:
                    gaps.append(Unread(source.path, why(error)))
                    continue
                if facts is not None:
                    files[source.path] = facts
        return Scanned(files, tuple(gaps))

    def _bytes(self, source: SourceFile) -> bytes:
        """A file that is scanned. Raises OSError beyond the bounds, too."""
        if source.size > _LIMIT_FILE:
            raise OSError(f"larger than {_LIMIT_FILE >> 20} MiB: not read")
        if self._read > _LIMIT_ALL:
            raise OSError(f"more than {_LIMIT_ALL >> 20} MiB of sources: not read")
        data = self._held(source.path)
        self._read += len(data)
        return data

    def _held(self, path: str) -> bytes:
        """A file: most are still there from when they were scanned. Raises OSError."""
        if path in self._kept:
            return self._kept[path]
        data = read_unlinked(f"{self._root}/{path}", _LIMIT_FILE)
        if len(data) <= self._room:
            self._kept[path] = data
            self._room -= len(data)
        return data

    def _python(self, source: SourceFile, data: bytes) -> PythonFacts | None:
        from gpufix.source.cxx import build_files
        from gpufix.source.python import python_facts

        folder = f"{self._root}/{source.path}".rpartition("/")[0]
        file = python_facts.scan(data, source.path, folder)
        if file.sources is not None:
            self._named[source.path] = build_files.named_in(file.sources, data)
        return _unless_empty(file.facts)

    def _cmake(self, source: SourceFile, data: bytes) -> CMakeFacts | None:
        from gpufix.source.builds import cmake_syntax
        from gpufix.source.cxx import build_files

        if named := build_files.named(data, build_files.CMAKE):
            self._named[source.path] = named
        if not cmake_syntax.concerns(data):
            return None
        return _unless_empty(cmake_syntax.scan(decode(data).text))

    def _shell(self, _: SourceFile, data: bytes) -> ShellFacts | None:
        from gpufix.source.builds import installs
        from gpufix.source.source_facts import ShellFacts

        if len(data) > _LIMIT_SCRIPT:
            raise OSError(f"a script larger than {_LIMIT_SCRIPT >> 20} MiB: not read")
        script = decode(data).text
        return ShellFacts(text=script) if installs.concerns(data) else None

    def _docker(self, _: SourceFile, data: bytes) -> ShellFacts | None:
        from gpufix.source.builds import installs
        from gpufix.source.source_facts import ShellFacts

        if len(data) > _LIMIT_SCRIPT:
            raise OSError(f"a Dockerfile larger than {_LIMIT_SCRIPT >> 20} MiB: not read")
        image = decode(data).text
        return ShellFacts(text=image) if installs.concerns(data) else None

    def _requirements(self, source: SourceFile, data: bytes) -> RequirementFacts | None:
        from gpufix.source import requirement_files

        lines = decode(data).text
        if source.kind == "environment":
            return _unless_empty(requirement_files.scan_environment(lines))
        return _unless_empty(requirement_files.scan(lines))

    def _cxx_file(self, source: SourceFile, data: bytes) -> CxxFacts | None:
        """What it holds besides includes and needs, of which only the names are noted."""
        from gpufix.source.cxx import build_files, cxx_facts, fill, used_names

        if build_files.is_vendored(source.path):
            self._included[source.path] = cxx_facts.included(data)
            return None
        if not data.isascii():
            data = decode(data).text.encode()
        facts = cxx_facts.more(data, counting=False)
        if fill.scans(data):
            self._scanning.add(source.path.rpartition("/")[0])
        if facts is not None:
            self._told[source.path] = facts
        self._included[source.path] = cxx_facts.included(data)
        opening = cxx_facts.opening(data)
        if used_names.may_need(data, opening):
            self._needing.add(source.path)
        elif opening is not None:
            self._opening[source.path] = opening.names
        return facts

    def _whole_cxx_file(self, path: str) -> CxxFacts | None:
        """All facts of a file that was read before. Raises OSError, ValueError."""
        from gpufix.source.cxx import build_files, cxx_facts

        data = self._held(path)
        if build_files.is_vendored(path):
            return _unless_empty(cxx_facts.includes_alone(data))
        needing = path in self._needing
        return _unless_empty(cxx_facts.with_includes(data, self._told.get(path), needing))

    def _hip_file(self, source: SourceFile, data: bytes) -> HipFacts | None:
        from gpufix.source.cxx import build_files, cxx_facts

        return (
            None
            if build_files.is_vendored(source.path)
            else _unless_empty(cxx_facts.describe_hip(data))
        )

    def _toml(self, _: SourceFile, data: bytes) -> TomlFacts:
        from gpufix.source import requirement_files

        return requirement_files.scan_pyproject(decode(data).text)


def _unless_empty(facts: T) -> T | None:
    """The facts of a file, None where none of them says anything."""
    return facts if any(vars(facts).values()) else None


def _naming(path: str) -> re.Pattern[bytes]:
    """What names a path."""
    last = path.rpartition("/")[2]
    full, word = re.escape(path.encode()), re.escape(last.encode())
    tail = re.escape("/".join(path.split("/")[-2:]).encode())
    named = rb"(?<![\w/.-])(?:\./)?(?:" + full + rb"|" + tail + rb")(?![\w.-])"
    if last not in sys.stdlib_module_names:
        named += rb"|[/\"']" + word + rb"[/\"']"
        above = b""  # what an import may have before it: the folders, from any of them on
        for folder in path.split("/")[:-1]:
            above = rb"(?:" + above + re.escape(folder.encode()) + rb"\.)?"
        named += rb"|^[ \t]*(?:from|import)[ \t]+\.*" + above + word + rb"\b"
    return re.compile(named, re.MULTILINE)
