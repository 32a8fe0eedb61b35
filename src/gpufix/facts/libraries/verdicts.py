"""Asks the loader model about the libraries that a program here would really open."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from posixpath import basename

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Process, Verdict
from gpufix.binary.loader.preloaded import Preloaded, folders_above, sources
from gpufix.binary.loader.state import start
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.library_files import foreign, passed_over, python_tag
from gpufix.facts.libraries.library_walk import identity
from gpufix.facts.libraries.start_code import runs_code
from gpufix.knowledge.data_table import numbers
from gpufix.model import Python

TORCH_LIBRARIES = ("libtorch", "libc10")
_SOURCE_LIMIT = 256 * 1024


class Judge:
    """Verdicts by path. A library for another Python has none.

    A library that another one needs is part of that one's verdict: alone, without the RPATH and
    the libraries of its user, it may seem to lack what it does not.
    """

    def __init__(
        self,
        ctx: CollectContext,
        python: Python,
        paths: Collection[str],
        belongs: Mapping[str, str],
        others: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """others: further paths of the same file. Raises ElfError when the interpreter is no program."""
        self.files = Files()
        self.needed: set[str] = set()
        self.verdicts: dict[str, Verdict] = {}
        self._sites, self._environ = tuple(python.site_dirs), ctx.environ
        process = Process(
            python.program or python.executable,
            self._sites,
            dict(ctx.environ),
            sys_path=tuple(python.sys_path) or self._sites,
        )
        self.preloaded = Preloaded(self.files, process, start(self.files, process), paths)
        if runs_code(python):
            from gpufix.facts.libraries.startup import started

            state = started(python, ctx.environ, self.preloaded)
            if state is not self.preloaded.bare:
                self.preloaded = Preloaded(self.files, process, state, paths)
        apart = passed_over(paths, python.extension_suffixes)
        loadable = [p for p in paths if not foreign(p, python.tag) and p not in apart]
        self._torch = [path for path in loadable if belongs.get(path) == "torch"]
        first = [
            *self._torch,
            *(p for p in loadable if python_tag(p) and belongs.get(p) != "torch"),
        ]
        chosen = set(first)
        self._names = {identity(path): path for path in loadable}
        self._names.pop(None, None)  # gone since
        self._used: set[str] = set()
        for path in (*first, *(p for p in loadable if p not in chosen)):
            if path in chosen or path not in self.needed or self._links_torch(path):
                verdict = self.verdicts[path] = self._judge(path, (others or {}).get(path, ()))
                self._note(verdict)

    def _judge(self, path: str, others: Collection[str]) -> Verdict:
        """$ORIGIN is where the path says: a file is refused when it is by all its paths."""
        verdict = self.preloaded.judge(path)
        if verdict.loads:
            return verdict
        again = (self.preloaded.judge(other) for other in others)
        return next((found for found in again if found.loads), verdict)

    def _note(self, verdict: Verdict) -> None:
        """What it uses, by the paths of this scan: the loader finds a file by `..` and links."""
        for path in {used.path for used in verdict.uses} - self._used:
            self._used.add(path)
            self.needed |= {path, self._names.get(identity(path), path)}

    def elf(self, path: str) -> ElfFile | None:
        """The library's reader; None for a file that is none."""
        opened = self.files.open(path)
        return None if isinstance(opened, ElfError) else opened.elf

    def torch_defines(self, name: str) -> bool:
        """Whether some library of the installed torch has this symbol."""
        key = name.encode("utf-8", "surrogateescape")
        readers = (self.elf(path) for path in self._torch)
        return any(elf is not None and elf.find(key) is not None for elf in readers)

    def servers(self, path: str) -> list[str] | None:
        """Libraries that may serve what a refused one lacks, when others open them before.

        None: any may, for it is a symbol that is lacking, or some are taken to be opened.
        """
        verdict = self.verdicts.get(path)
        if verdict is None or verdict.undefined or verdict.loads:
            return None
        return [file for missing in verdict.missing for file in self.preloaded.found(missing.name)]

    def finds(self, name: str, opener: str, how: str) -> bool:
        """Whether what opens a library by its name, `how` as knowledge.plugins has it, finds one.

        By the loader: in the folders of the one that opens it, too, or as torch has opened it.
        """
        states = (self.preloaded.bare, self.preloaded.torch)
        if any(state and state.finds(name, opener) for state in states[: 1 + (how == "loader")]):
            return True
        if how == "pathfinder":
            return self.newest(name) is not None or self._in_toolkits(name)
        return how == "wheels" and next(self._in_wheels(re.escape(name)), None) is not None

    def _in_toolkits(self, name: str) -> bool:
        """Whether cuda.pathfinder finds a library in a toolkit that a variable names, or conda's."""
        roots = (self._environ.get(v) for v in ("CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX"))
        stem = f"{name.partition('.so')[0]}.so"
        return any(
            any(n.startswith(stem) for n in self.files.names_in(f"{root}/{folder}"))
            for root in (*roots, "/usr/local/cuda")
            if root
            for folder in ("lib64", "lib", "targets/x86_64-linux/lib")
        )

    def newest(self, name: str) -> str | None:
        """The file that cuda.pathfinder takes for a name: of NVIDIA's wheels', the newest."""
        stem = re.escape(name.partition(".so")[0])
        found = self._in_wheels(rf"{stem}\.so\.[\d.]+")
        return max(found, key=lambda path: numbers(path.rpartition(".so.")[2]), default=None)

    def _in_wheels(self, name: str) -> Iterator[str]:
        """The files of NVIDIA's wheels whose names match. When packages look there, is not asked."""
        wanted = re.compile(name)
        for site in self._sites:
            for package in self.files.names_in(f"{site}/nvidia"):
                folder = f"{site}/nvidia/{package}/lib"
                yield from (
                    f"{folder}/{n}" for n in self.files.names_in(folder) if wanted.fullmatch(n)
                )

    def named_in_source(self, path: str) -> bool:
        """Whether Python source beside the library, or above it, names it in quotes."""
        stem = re.escape(basename(path).partition(".so")[0].encode("utf-8", "surrogateescape"))
        name = re.compile(rb"""["'/](?:lib)?%s(?:\.so[\d.]*)?["']""" % stem.removeprefix(b"lib"))
        return any(
            name.search(self.files.read(f"{folder}/{source}", _SOURCE_LIMIT))
            for folder in folders_above(path, self._sites)
            for source in sources(self.files, folder)
        )

    def _links_torch(self, path: str) -> bool:
        elf = self.elf(path)
        return elf is not None and names_torch(elf)


def names_torch(elf: ElfFile) -> bool:
    """Whether one of torch's libraries is among those that the file needs."""
    return any(name.startswith(TORCH_LIBRARIES) for name in elf.needed)
