"""Answers from the disk to what may be asked of the files that the facts name; read-only."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.facts.project.source_files import ProjectSources
from gpufix.facts.reading import text
from gpufix.files import opened, read, read_whole
from gpufix.model import Facts, Python

if TYPE_CHECKING:  # a run without a project needs none of these records
    from gpufix.facts.libraries.modules import Modules
    from gpufix.facts.toolchain.torch_headers import TorchHeaders
    from gpufix.source.scanned import CxxSources, Mention, Scanned, SourceText
    from gpufix.source.source_facts import (
        CMakeFacts,
        HipFacts,
        PythonFacts,
        RequirementFacts,
        ShellFacts,
        TomlFacts,
    )

_HASH_LIMIT = 4 << 30
_CHUNK = 1 << 20
_SOURCE_LIMIT = 4 << 20
_RECORD_LIMIT = 64 << 20
_CODE = re.compile(
    r"^(?![^/]*\.libs/).*\.(?:pyi?|pyd|abi3\.so|cpython-[\w-]+\.so)$"
)  # no bundled library


class Queries:
    """Answers the Questions about one patient. Paths outside its `roots` are never opened.

    Below the folder of torch, links may lead out of them: into uv's cache, or Nix's store.
    """

    def __init__(self, roots: Iterable[str], torch_libraries: Iterable[str] = ()) -> None:
        """roots: files and folders that may be read; torch_libraries: where exports are sought."""
        self._roots = [os.path.realpath(root) for root in roots if root]
        self._libraries = list(torch_libraries)
        self._torch: list[ElfFile] | None = None
        self._torch_root = "\0"
        self._headers: TorchHeaders | None = None
        self._include: list[str] = []  # the patient's own headers
        self._sources: ProjectSources | None = None
        self._python: Python | None = None
        self._modules: Modules | None = None
        self._sites: list[str] = []  # folders whose own folders are packages
        self._toolkits: list[str] = []  # their roots
        self._programs: set[str] = set()  # files outside the roots that may be read all the same

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
        queries._python = python
        queries._sites = [os.path.realpath(site) for site in python.site_dirs] if python else []
        queries._include = [f"{python.prefix}/include"] if python else []
        queries._toolkits = [toolkit.root for toolkit in facts.toolkits]
        variables = {**facts.environment.process, **facts.environment.overlay}
        named = [v for k, v in variables.items() if v and k.startswith("TRITON_PTXAS")]
        queries._programs = {*(f"{root}/bin/ptxas" for root in queries._toolkits), *named}
        queries._sources = ProjectSources(facts.project) if facts.project else None
        return queries

    @property
    def _project(self) -> ProjectSources:
        if self._sources is None:
            raise ValueError("there is no project")
        return self._sources

    def _allowed(self, path: str) -> str:
        real = os.path.realpath(path)
        of_torch = path.startswith(self._torch_root) and ".." not in path.split("/")
        if not of_torch and not _below(real, self._roots):
            raise ValueError(f"{path} belongs to neither the patient nor the project")
        return real

    def torch_symbols(self, path: str) -> tuple[str, ...]:
        from gpufix.facts.libraries.library_facts import torch_names

        return tuple(torch_names(ElfFile(self._allowed(path))))

    def c10_destructors(self, path: str) -> tuple[str, ...]:
        from gpufix.facts.libraries.library_facts import c10_destructors

        return tuple(c10_destructors(ElfFile(self._allowed(path))))

    def search_path(self, path: str) -> tuple[str, ...]:
        elf = ElfFile(self._allowed(path))
        folders = (elf.runpath or elf.rpath or "").split(":")
        origin = path.rpartition("/")[0]
        named = (f.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for f in folders if f)
        return tuple(text(os.path.normpath(folder)) for folder in named)

    def unnamed_kernels(self, units: str) -> tuple[str, ...]:
        from gpufix.facts.libraries.gpu_choice import unnamed_kernels

        key, _, path = units.partition(" ")
        return tuple(name for _, name in unnamed_kernels(self._allowed(path), (key,)))

    def chooses_gpu(self, path: str) -> bool | None:
        from gpufix.facts.libraries.gpu_choice import chooses_gpu

        return chooses_gpu(self._allowed(path), self._sites)

    def exports(self, name: str) -> bool:
        if self._torch is None:
            self._torch = list(_opened(self._allowed(path) for path in self._libraries))
        if not self._torch:
            raise ValueError("no library of an installed torch can be read")
        key = name.encode("utf-8", "surrogateescape")
        return any(library.find(key) is not None for library in self._torch)

    def demangle(self, name: str) -> str | None:
        from gpufix.binary.demangle.demangler import demangle

        readable = demangle([name])[name]
        return readable if readable != name else None

    def lacks_module(self, name: str) -> bool:
        from gpufix.facts.libraries.modules import Modules

        if self._python is None or not self._python.sys_path:
            raise ValueError("where Python looks for modules is not known")
        if self._modules is None:
            self._modules = Modules(self._python)
        return self._modules.lacks(name)

    def source(self, path: str) -> SourceText:
        from gpufix.source.scanned import SourceText
        from gpufix.source.source_text import decode

        real = self._allowed(path)
        data = read_whole(real, _SOURCE_LIMIT)
        source = decode(data)
        return SourceText(source.text, source.encoding, hashlib.sha256(data).hexdigest())

    def system_header(self, name: str) -> bool:
        if not re.fullmatch(r"[\w+-]+(?:/[\w+-]+)*(?:\.h(?:pp)?)?", name):
            raise ValueError(f"{name!r} is not the name of a header")
        folders = [*self._include, "/usr/local/include", "/usr/include"]
        folders += map(str, Path("/usr/include").glob("*-linux-gnu*"))  # Debian's multiarch
        return any(Path(folder, name).is_file() for folder in folders)

    def torch_declares(self, header: str, word: str) -> bool:
        path = self._allowed(f"{self._torch_root}include/{header}")
        return word.encode() in read(path, _SOURCE_LIMIT)

    def ptxas_release(self, path: str) -> str | None:
        from gpufix.facts.toolchain.ptxas import release

        return release(path if path in self._programs else self._allowed(path))

    def clashing_math(self, root: str) -> tuple[str, ...]:
        from gpufix.facts.toolchain.math_headers import clashing

        if root not in self._toolkits:
            raise ValueError(f"{root} is no CUDA toolkit that was found")
        return clashing(Path(root), Path("/"))

    def torch_header(self, name: str) -> bool:
        if ".." in name:
            raise ValueError(f"{name!r} is not the name of a header")
        return any(Path(folder, name).is_file() for folder in self._torch_includes())

    def torch_standard(self, header: str) -> int:
        from gpufix.facts.toolchain.torch_headers import TorchHeaders

        folders = self._torch_includes()
        if self._headers is None or self._headers.folders != folders:
            self._headers = TorchHeaders(folders)
        return self._headers.demanded(header)

    def _torch_includes(self) -> tuple[Path, ...]:
        include = Path(self._allowed(f"{self._torch_root}include"))
        if not (include / "c10").is_dir():
            raise ValueError("the installed torch has no headers")
        return include, include / "torch/csrc/api/include"

    def sha256(self, path: str) -> str:
        real = self._allowed(path)
        digest = hashlib.sha256()
        with opened(real) as descriptor:
            if os.fstat(descriptor).st_size > _HASH_LIMIT:
                raise ValueError(f"larger than {_HASH_LIMIT >> 30} GiB")
            while chunk := os.read(descriptor, _CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def recorded_code(self, metadata: str) -> tuple[str, ...]:
        real = self._allowed(f"{metadata}/RECORD")
        lines = read_whole(real, _RECORD_LIMIT).decode("utf-8", "replace").splitlines()
        paths = (text(line.rsplit(",", 2)[0]) for line in lines)
        return tuple(path for path in paths if _CODE.search(path))

    def project_python(self, root: str) -> Scanned[PythonFacts]:
        return self._project.python

    def project_cmake(self, root: str) -> Scanned[CMakeFacts]:
        return self._project.cmake

    def project_shell(self, root: str) -> Scanned[ShellFacts]:
        return self._project.shell()

    def project_docker(self, root: str) -> Scanned[ShellFacts]:
        return self._project.docker()

    def project_requirements(self, root: str) -> Scanned[RequirementFacts]:
        return self._project.requirements()

    def project_toml(self, root: str) -> Scanned[TomlFacts]:
        return self._project.toml()

    def project_cxx(self, root: str) -> CxxSources:
        return self._project.cxx()

    def project_hip(self, root: str) -> Scanned[HipFacts]:
        return self._project.hip()

    def project_mentions(self, path: str) -> tuple[Mention, ...]:
        return self._project.mentions(path)

    def project_holders(self, word: str) -> tuple[str, ...]:
        return self._project.holders(word)

    def project_having(self, words: str) -> tuple[str, ...]:
        return self._project.having(words)

    def project_names(self, folder: str) -> tuple[str, ...]:
        return self._project.names(folder)


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots)


def _opened(paths: Iterable[str]) -> Iterable[ElfFile]:
    for path in paths:
        try:
            yield ElfFile(path)
        except ElfError:  # the scan reports it
            continue
