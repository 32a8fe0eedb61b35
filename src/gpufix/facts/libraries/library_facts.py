"""One compiled library as facts: verdict of the loader, problems, GPU code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from posixpath import normpath
from typing import Literal, cast

from gpufix.binary.demangle.mangled import cxx11_abi, is_torch_name
from gpufix.binary.elf import ElfFile
from gpufix.binary.gpucode.extract import CodeError, GpuCode, GpuImage, code_objects
from gpufix.binary.loader import Undefined, Unusable, Verdict
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.library_files import python_tag
from gpufix.facts.libraries.verdicts import Judge, names_torch
from gpufix.facts.reading import text
from gpufix.model import CodeKind, CodeObject, CodePart, Library, Problem

# Which library should define an unversioned C name; longer prefixes first.
_HOMES = (
    (re.compile(r"p?nccl[A-Z]"), "libnccl.so"),
    (re.compile(r"cudnn[A-Z]"), "libcudnn"),
    (re.compile(r"cublasLt[A-Z]"), "libcublasLt.so"),
    (re.compile(r"cublas[A-Z]"), "libcublas.so"),
    (re.compile(r"cusparseLt[A-Z]"), "libcusparseLt.so"),
    (re.compile(r"cusparse[A-Z]"), "libcusparse.so"),
    (re.compile(r"cusolver[A-Z]"), "libcusolver.so"),
    (re.compile(r"cufft[A-Z]"), "libcufft.so"),
    (re.compile(r"curand[A-Z]"), "libcurand.so"),
    (re.compile(r"cufile[A-Z]"), "libcufile.so"),
    (re.compile(r"nvrtc[A-Z]"), "libnvrtc.so"),
    (re.compile(r"_*nvJitLink[A-Z]"), "libnvJitLink.so"),
    (re.compile(r"nvshmem"), "libnvshmem"),
    (re.compile(r"cupti[A-Z]"), "libcupti.so"),
    (re.compile(r"(?:cuda[A-Z]|__cuda[A-Z])"), "libcudart.so"),
    (re.compile(r"hip[A-Z]"), "libamdhip64.so"),
)
_SPELLING = {"rpath": "RPATH", "runpath": "RUNPATH", "preload": "LD_PRELOAD"}
_LISTED = 200  # undefined symbols kept of one library


def is_refused(verdict: Verdict) -> bool:
    """Whether the loader would refuse the library, for more than a GPU driver that is not here."""
    return any(not problem.driver for problem in _problems(verdict))


def problems_of(verdict: Verdict) -> list[Problem]:
    """Every reason for which the loader would refuse the library; [] when it would take it."""
    return list(_problems(verdict))


def _problems(verdict: Verdict) -> Iterator[Problem]:
    for unusable in verdict.unusable:
        yield _unusable(verdict, unusable)
    for missing in verdict.missing:
        yield Problem(
            kind="missing-library",
            name=text(missing.name),
            needed_by=_other(verdict, missing.needed_by),
            driver=missing.driver,
        )
    for version in verdict.versions:
        yield Problem(
            kind="missing-version",
            name=text(version.version),
            needed_by=_other(verdict, version.needed_by),
            provider=text(version.path),
            why=_why(verdict, version.path),
        )
    for symbol in verdict.undefined[:_LISTED]:
        yield _undefined(verdict, symbol)


def _unusable(verdict: Verdict, file: Unusable) -> Problem:
    wrong = "another processor" in file.what
    return Problem(
        kind="refused" if file.sound else "wrong-machine" if wrong else "unusable",
        name=text(file.what),
        needed_by=_other(verdict, file.needed_by) if file.needed_by else None,
        provider=text(normpath(file.path)) if file.path != verdict.path else None,
        why=_why(verdict, file.path),
    )


def _undefined(verdict: Verdict, symbol: Undefined) -> Problem:
    provider = _provider(verdict, symbol)
    return Problem(
        kind="undefined-symbol",
        name=text(symbol.name),
        version=text(symbol.version) if symbol.version else None,
        needed_by=_other(verdict, symbol.needed_by),
        provider=text(provider) if provider else None,
        why=_why(verdict, provider) if provider else None,
    )


def _provider(verdict: Verdict, symbol: Undefined) -> str | None:
    """The file that serves the library which should define the symbol."""
    if symbol.library:
        return next((used.path for used in verdict.uses if used.name == symbol.library), None)
    home = next((library for name, library in _HOMES if name.match(symbol.name)), None)
    if home is None:
        return None
    return next((used.path for used in verdict.uses if used.name.startswith(home)), None)


def _why(verdict: Verdict, path: str) -> str | None:
    """By which rule of the loader this file was chosen."""
    reasons = [used.reason for used in verdict.uses if used.path == path]
    chosen = next((r for r in reasons if r != "already loaded"), None)
    return _SPELLING.get(chosen, chosen) if chosen else None


def _other(verdict: Verdict, needed_by: str) -> str | None:
    return text(needed_by) if needed_by != verdict.path else None


Key = tuple[str, str, str | None, bool]


def gpu_code(ctx: CollectContext, path: str) -> tuple[list[CodeObject], list[CodePart]]:
    """Kinds of code, and which of them stand side by side; what cannot be read is a gap."""
    try:
        code = code_objects(path)
    except CodeError:  # no machine-code file: the loader's verdict says so
        return [], []
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


Opener = Literal["import", "library", "source"]
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
    ) -> None:
        """belongs: library -> distribution. stray: kept although they are for another Python.

        opened: by an import that fails by them.
        """
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

    def describe(self, path: str) -> Library | None:
        """The library's facts; None when no rule could speak of it."""
        verdict, elf = self._judge.verdicts.get(path), self._judge.elf(path)
        owner = self._belongs.get(path)
        problems = problems_of(verdict) if verdict else []
        links = _links_torch(elf, verdict, problems)
        problems = self._believed(elf, problems)
        opener = self._opener(path, bool(problems))
        if opener != "import":  # who names it may preload it, or clear its flag
            problems = [problem for problem in problems if problem.kind != "refused"]
        told = opener in ("import", "source") or path in self._broken
        if not told and not links and owner != "torch":
            problems = []  # an optional plug-in, or judged with what needs it
        objects, parts = gpu_code(self._ctx, path)
        vendor = owner == "torch" or (owner or "").startswith("nvidia-")
        if not (problems or objects or links or vendor or path in self._stray):
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
            cxx11_abi=_abi(user) if user else None,
            uses=_uses(verdict) if verdict else {},
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

    def _opener(self, path: str, faulty: bool) -> Opener | None:
        if python_tag(path) or text(path) in self._opened:
            return "import"
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
