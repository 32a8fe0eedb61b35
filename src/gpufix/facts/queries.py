"""Answers to what checks ask of the files that the facts name (View.ask); read-only.

| question | subject | answer |
| --- | --- | --- |
| torch-symbols | a library's path | torch's names that it leaves undefined |
| c10-destructors | a library's path | destructors of c10's classes that it holds itself |
| exports | a mangled name | whether some library of the installed torch defines it |
| sha256 | a file's path | its digest in hexadecimal |
| demangle | a mangled name | the C++ name, None when it is none |
| source | a source file's path | its text, encoding and sha256: see source/text.py |
| system-header | a header such as EGL/egl.h | where a compiler would find it, None = nowhere usual |
| torch-declares | "header word", a header of the installed torch | whether it has the word |
| torch-header | a header's name as torch's users include it | whether the installed torch has it |
| project-python … | the project's root | facts of its sources: see facts/project_sources.py |
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.facts.project.source_files import ProjectSources
from gpufix.facts.reading import read
from gpufix.model import Facts

_HASH_LIMIT = 4 << 30
_CHUNK = 1 << 20
_SOURCE_LIMIT = 4 << 20


class Queries:
    """A dispatcher bound to one patient. Paths outside its `roots` are never opened."""

    def __init__(self, roots: Iterable[str], torch_libraries: Iterable[str] = ()) -> None:
        """roots: files and folders that may be read; torch_libraries: where exports are sought."""
        self._roots = [os.path.realpath(root) for root in roots if root]
        self._libraries = list(torch_libraries)
        self._torch: list[ElfFile] | None = None
        self._torch_root = "\0"
        self._include: list[str] = []  # the patient's own headers
        self._answers: dict[str, Callable[[str], Any]] = {
            "torch-symbols": self._torch_symbols,
            "c10-destructors": self._c10_destructors,
            "exports": self._exports,
            "sha256": self._sha256,
            "demangle": _demangle,
            "source": self._source,
            "system-header": self._system_header,
            "torch-declares": self._torch_declares,
            "torch-header": self._torch_header,
        }

    @classmethod
    def of(cls, facts: Facts) -> Queries:
        """Allows the patient's prefix and site folders, editable projects, and what facts name."""
        python = facts.python
        folders = [python.prefix, *python.site_dirs] if python else []
        folders += [d.editable for d in facts.distributions if d.editable]
        folders += [facts.project.root] if facts.project else []
        files = [library.path for library in facts.binaries.libraries]
        own = f"{facts.torch.location}/torch/" if facts.torch else "\0"
        queries = cls([*folders, *files], [path for path in files if path.startswith(own)])
        queries._torch_root = own
        queries._include = [f"{python.prefix}/include"] if python else []
        if facts.project:
            queries._answers |= ProjectSources(facts.project).answers()
        return queries

    def __call__(self, question: str, subject: str) -> Any:
        """A JSON value. Raises ValueError (unknown question, path not allowed, no ELF), OSError."""
        answer = self._answers.get(question)
        if answer is None:
            raise ValueError(f"nobody knows how to answer {question!r}")
        return answer(subject)

    def _allowed(self, path: str) -> str:
        real = os.path.realpath(path)
        if not any(real == root or real.startswith(f"{root.rstrip('/')}/") for root in self._roots):
            raise ValueError(f"{path} belongs to neither the patient nor the project")
        return real

    def _torch_symbols(self, path: str) -> list[str]:
        from gpufix.facts.libraries.library_facts import torch_names

        return torch_names(ElfFile(self._allowed(path)))

    def _c10_destructors(self, path: str) -> list[str]:
        from gpufix.facts.libraries.library_facts import c10_destructors

        return c10_destructors(ElfFile(self._allowed(path)))

    def _exports(self, name: str) -> bool:
        if self._torch is None:
            self._torch = list(_opened(self._allowed(path) for path in self._libraries))
        if not self._torch:
            raise ValueError("no library of an installed torch can be read")
        key = name.encode("utf-8", "surrogateescape")
        return any(library.find(key) is not None for library in self._torch)

    def _source(self, path: str) -> dict[str, str]:
        from gpufix.source.source_text import decode

        real = Path(self._allowed(path))
        if real.stat().st_size > _SOURCE_LIMIT:
            raise ValueError(f"larger than {_SOURCE_LIMIT >> 20} MiB")
        source = decode(read(real, _SOURCE_LIMIT))
        return {"text": source.text, "encoding": source.encoding, "sha256": source.sha256}

    def _system_header(self, name: str) -> str | None:
        if not re.fullmatch(r"[\w+-]+(?:/[\w+-]+)*\.h(?:pp)?", name):
            raise ValueError(f"{name!r} is not the name of a header")
        folders = [*self._include, "/usr/local/include", "/usr/include"]
        return next((f"{f}/{name}" for f in folders if Path(f, name).is_file()), None)

    def _torch_declares(self, subject: str) -> bool:
        header, _, word = subject.partition(" ")
        path = self._allowed(f"{self._torch_root}include/{header}")
        return word.encode() in read(path, _SOURCE_LIMIT)

    def _torch_header(self, name: str) -> bool:
        include = self._allowed(f"{self._torch_root}include")
        if not Path(include, "c10").is_dir() or ".." in name:
            raise ValueError("the installed torch has no headers")
        folders = (include, f"{include}/torch/csrc/api/include")
        return any(Path(folder, name).is_file() for folder in folders)

    def _sha256(self, path: str) -> str:
        real = Path(self._allowed(path))
        if not real.is_file() or real.stat().st_size > _HASH_LIMIT:
            raise ValueError("not a regular file of up to 4 GiB")
        digest = hashlib.sha256()
        with real.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def _opened(paths: Iterable[str]) -> Iterable[ElfFile]:
    for path in paths:
        try:
            yield ElfFile(path)
        except ElfError:  # the scan reports it
            continue


def _demangle(name: str) -> str | None:
    from gpufix.binary.demangle import demangle

    readable = demangle([name])[name]
    return readable if readable != name else None
