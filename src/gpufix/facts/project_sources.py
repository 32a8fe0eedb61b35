"""Answers about a project's sources: read in bounds, scanned as text, never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpufix.facts.files import read, why
from gpufix.model import Project, SourceFile
from gpufix.source.text import decode

_LIMIT_FILE, _LIMIT_ALL, _LIMIT_SCRIPT = 4 << 20, 512 << 20, 1 << 20


class ProjectSources:
    """Answers project-python, -cmake, -shell, -requirements and -toml for one project.

    project-mentions tells which files name a path (its subject): see project_mentions.py.
    project-cxx tells of C++, CUDA and HIP, and adds "built": the sources that build files name.

    Each is {"files": {path relative to the root: facts}, "gaps": [[path, why]]}; files without
    anything to tell are left out.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._root = Path(project.root)
        self._sources = project.sources
        self._read = 0

    def answers(self) -> dict[str, Callable[[str], Any]]:
        """Question → what answers it; the subject is the project's root."""
        return {
            "project-python": lambda _: self._scanned(("python",), self._python),
            "project-cmake": lambda _: self._scanned(("cmake",), self._cmake),
            "project-shell": lambda _: self._scanned(("shell",), self._shell),
            "project-requirements": lambda _: self._scanned(
                ("requirements", "environment"), self._requirements
            ),
            "project-cxx": lambda _: self._cxx(),
            "project-toml": lambda _: self._scanned(("toml",), self._toml),
            "project-mentions": self._mentions,
        }

    def _mentions(self, path: str) -> list[list[str | int]]:
        from gpufix.facts.project_mentions import mentions

        return mentions(self._project, path)

    def _scanned(
        self, kinds: tuple[str, ...], scan: Callable[[SourceFile, bytes], dict[str, Any]]
    ) -> dict[str, Any]:
        files: dict[str, Any] = {}
        gaps: list[list[str]] = []
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
        if (self._root / source.path).is_symlink():
            raise OSError("a link: not followed")
        data = read(self._root / source.path, _LIMIT_FILE)
        self._read += len(data)
        return data

    def _python(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import python_scan

        if not python_scan.worth_parsing(source.path, data):
            return {}
        folder = (self._root / source.path).parent
        return python_scan.scan(decode(data).text, source.path, str(folder))

    def _cmake(self, _: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import cmake_scan

        text = decode(data).text
        return cmake_scan.scan(text) if any(word in text for word in cmake_scan.WORDS) else {}

    def _shell(self, _: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import shell_scan

        if len(data) > _LIMIT_SCRIPT:
            raise OSError(f"a script larger than {_LIMIT_SCRIPT >> 20} MiB: not read")
        return shell_scan.scan(decode(data).text)

    def _requirements(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import requirements

        text = decode(data).text
        if source.kind == "environment":
            return requirements.scan_environment(text)
        return requirements.scan(text)

    def _cxx(self) -> dict[str, Any]:
        from gpufix.source import cxx_build

        kinds = ("cuda", "cpp", "header", "hip")
        if not any(source.kind in ("cuda", "cpp", "hip") for source in self._sources):
            return {"files": {}, "gaps": []}
        answer = self._scanned(kinds, self._cxx_file)
        named = self._scanned(("python", "cmake"), lambda _, data: cxx_build.named(data))
        sources = [source.path for source in self._sources if source.kind in kinds]
        answer["hip"] = cxx_build.hip_folders(named["files"])
        return answer | {"built": cxx_build.built(named["files"], sources)}

    def _cxx_file(self, source: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import cxx_build, cxx_facts

        if cxx_build.carried(source.path):
            return cxx_facts.includes_alone(data)
        return cxx_facts.describe(data)

    def _toml(self, _: SourceFile, data: bytes) -> dict[str, Any]:
        from gpufix.source import pyproject

        return pyproject.scan(decode(data).text)
