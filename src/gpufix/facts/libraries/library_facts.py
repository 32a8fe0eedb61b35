"""One compiled library as facts: verdict of the loader, problems, GPU code."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from posixpath import normpath
from typing import Literal, cast

from gpufix.binary.demangle.mangled import cxx11_abi, is_torch_name
from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.gpucode import kpack
from gpufix.binary.gpucode.extract import CodeError, GpuCode, GpuImage, code_objects
from gpufix.binary.loader.model import Verdict
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.library_files import python_tag
from gpufix.facts.libraries.placed import placed
from gpufix.facts.libraries.problems import problems_of
from gpufix.facts.libraries.verdicts import Judge, names_torch
from gpufix.facts.reading import text
from gpufix.knowledge.plugins import Plugin, plugin
from gpufix.model import CodeKind, CodeObject, CodePart, Library, Problem

Key = tuple[str, str, str | None, bool]


def gpu_code(ctx: CollectContext, path: str) -> tuple[list[CodeObject], list[CodePart]]:
    """Kinds of code, and which of them stand side by side; what cannot be read is a gap."""
    try:
        code = code_objects(path)
    except CodeError:  # no machine-code file: the loader's verdict says so
        return [], []
    return _kinds(ctx, path, code)


def _kinds(
    ctx: CollectContext, path: str, code: GpuCode
) -> tuple[list[CodeObject], list[CodePart]]:
    if code.gaps:
        ctx.gap("binaries", text(path), text("; ".join(code.gaps[:3])))
    if not code.images:
        return [], []
    kinds: dict[Key, int] = {}
    for image in code.images:
        kinds[_key(image)] = kinds.get(_key(image), 0) + image.count
    objects = [
        CodeObject(
            kind=cast(CodeKind, k), arch=arch, ptx_version=isa, compressed=packed, count=count
        )
        for (k, arch, isa, packed), count in kinds.items()
    ]
    return objects, _parts(code, {key: at for at, key in enumerate(kinds)})


def _key(image: GpuImage) -> Key:
    """Images that differ in nothing that the facts keep become one."""
    return image.kind, text(image.arch), image.ptx_version, image.compressed


def _parts(code: GpuCode, index: dict[Key, int]) -> list[CodePart]:
    held: dict[tuple[int, ...], int] = {}
    for images, count in code.parts():
        members = tuple(sorted({index[_key(image)] for image in images}))
        held[members] = held.get(members, 0) + count
    return [CodePart(code=list(members), count=count) for members, count in held.items()]


Opener = Literal["import", "library", "source", "plugin"]
_DESTRUCTOR = re.compile(r"_ZN3c10\d+[A-Za-z]\w*D[012]Ev")
_GPU = re.compile(r"lib(?:cu|nv|nccl|hip|roc|MIOpen|amd|rccl|hsa|mgpu)")


class Describer:
    """Turns what was read of a library into its facts."""

    def __init__(
        self,
        ctx: CollectContext,
        judge: Judge,
        belongs: Mapping[str, str],
        stray: Collection[str],
        opened: Collection[str] = (),
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """belongs: library -> distribution. stray: kept although they are for another Python.

        opened: asked for in vain by imports that were followed. versions: distribution -> its own.
        """
        self._versions = versions or {}
        self._opened = opened
        # Files that the loader refuses when it loads a module: no verdict of their own names them.
        self._broken = {
            normpath(file.path)
            for path, verdict in judge.verdicts.items()
            for file in (verdict.unusable if python_tag(path) else ())
        }
        self._ctx = ctx
        self._judge = judge
        self._belongs = belongs
        self._stray = stray
        self._archives = kpack.Archives()

    def describe(self, path: str) -> Library | None:
        """The library's facts; None when no rule could speak of it."""
        verdict, elf = self._judge.verdicts.get(path), self._judge.elf(path)
        owner = self._belongs.get(path)
        problems = problems_of(verdict) if verdict else []
        links = _links_torch(elf, verdict, problems)
        problems = placed(self._judge, self._belongs, self._believed(elf, problems))
        opener = self._opener(path, bool(problems))
        known = plugin(text(path), owner, self._versions.get(owner or ""))
        if known and known.wanted(self._versions):
            opener = "plugin"
            problems += self._lost(known, path)
        if opener != "import":  # who names it may preload it, or clear its flag
            problems = [problem for problem in problems if problem.kind != "refused"]
        told = opener in ("import", "source", "plugin") or path in self._broken
        vendor = owner == "torch" or (owner or "").startswith("nvidia-")
        if not told and not links and owner != "torch":
            # An optional plug-in, or judged with what needs it; what a variable does to it stays.
            misled = vendor and opener is None
            problems = [p for p in problems if misled and p.why == "LD_LIBRARY_PATH"]
        objects, parts = gpu_code(self._ctx, path)
        apart = self._marker(elf, path) if elf and not objects else None
        if apart:
            objects, parts = _kinds(self._ctx, path, self._archives.code(apart, path))
        taken = self._taken(known) if known else {}
        if not (problems or objects or apart or links or vendor or taken or path in self._stray):
            return None
        user = elf if links and owner != "torch" else None
        return Library(
            path=text(path),
            distribution=owner,
            module=python_tag(path) is not None,
            python_tag=python_tag(path),
            opened_by=opener,
            soname=text(elf.soname) if elf and elf.soname else None,
            needed=[text(name) for name in elf.needed] if elf else [],
            links_torch=links,
            problems=problems,
            code=objects,
            parts=parts,
            archives=[text(kpack.place(p, path)) for p in apart.patterns] if apart else [],
            cxx11_abi=_abi(user) if user else None,
            uses={**(_uses(verdict) if verdict else {}), **taken},
            torch_symbols=torch_names(user) if user and problems else [],
        )

    def _believed(self, elf: ElfFile | None, problems: list[Problem]) -> list[Problem]:
        """Problems that the patient can hardly have solved in its own Python code.

        A library that names none of torch's, and asks for symbols that the installed torch has,
        counts on its package to open torch for everyone first (RTLD_GLOBAL), as cuda-core does.
        """
        if elf is None or names_torch(elf):
            return problems
        return [
            problem
            for problem in problems
            if problem.kind != "undefined-symbol"
            or not is_torch_name(problem.name)
            or not self._judge.torch_defines(problem.name)
        ]

    def _marker(self, elf: ElfFile, path: str) -> kpack.Marker | None:
        try:
            return kpack.marker_of(elf)
        except (ElfError, CodeError) as error:
            self._ctx.gap("binaries", text(path), text(str(error)))
            return None

    def _lost(self, known: Plugin, path: str) -> list[Problem]:
        """What a plug-in opens by name, and does not find; with the file that lies elsewhere."""
        names = [n for n in known.opens if not self._judge.finds(n, path, known.finds)]
        lost = (Problem(kind="missing-library", name=name) for name in names)
        return placed(self._judge, self._belongs, lost)

    def _taken(self, known: Plugin) -> dict[str, str]:
        """What cuda.pathfinder takes for the names that a plug-in opens."""
        if known.finds != "pathfinder":
            return {}
        return {n: text(path) for n in known.opens if (path := self._judge.newest(n))}

    def _opener(self, path: str, faulty: bool) -> Opener | None:
        if python_tag(path):
            return "import"
        if text(path) in self._opened:
            return "source"
        if path in self._judge.needed:
            return "library"
        # Reading sources is dear: only where the answer matters.
        return "source" if faulty and self._judge.named_in_source(path) else None


def torch_names(elf: ElfFile) -> list[str]:
    """Names of torch that the library leaves undefined; weak ones need not be found."""
    names = (symbol.name for symbol in elf.undefined() if not symbol.weak)
    return [text(name) for name in names if is_torch_name(name)]


def c10_destructors(elf: ElfFile) -> list[str]:
    """Destructors of torch's classes that the library holds itself, from their headers."""
    return [text(export.name) for export in elf.exports() if _DESTRUCTOR.match(export.name)]


def _links_torch(elf: ElfFile | None, verdict: Verdict | None, problems: list[Problem]) -> bool:
    """It names torch's libraries, or expects `import torch` to have brought them."""
    if elf is not None and names_torch(elf):
        return True
    after_torch = verdict is not None and verdict.context == "torch" and verdict.loads
    return after_torch or any(is_torch_name(problem.name) for problem in problems)


def _abi(elf: ElfFile) -> bool | None:
    """The library's _GLIBCXX_USE_CXX11_ABI; its exports are read only when imports do not tell."""
    wanted = [symbol.name for symbol in elf.undefined()]
    verdict = cxx11_abi(wanted)
    if verdict.strength != "torch":
        verdict = cxx11_abi(wanted, [export.name for export in elf.exports()])
    return None if verdict.abi is None else bool(verdict.abi)


def _uses(verdict: Verdict) -> dict[str, str]:
    """Which file serves each GPU library that this one names."""
    own = (used for used in verdict.uses if used.needed_by == verdict.path)
    return {text(used.name): text(used.path) for used in own if _GPU.match(used.name)}
