"""One scanned library as the facts keep it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename

from gpufix.binary.code import CodeError, GpuCode, Image, code_objects
from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.loader import Files, Verdict
from gpufix.binary.loader.packages import folders_above, sources
from gpufix.binary.mangle import cxx11_abi, is_torch_name
from gpufix.facts.context import Context
from gpufix.facts.extension_names import python_tag
from gpufix.facts.files import text
from gpufix.facts.library_problems import problems_of
from gpufix.model import CodeObject, CodePart, Library, Python, Torch

_TORCH = ("libtorch", "libc10")
_GPU = re.compile(r"lib(?:cu|nv|nccl|hip|roc|MIOpen|amd|rccl|hsa|mgpu)")
_SOURCE_LIMIT = 256 * 1024


@dataclass(frozen=True)
class Scanned:
    """A library's path and what is known of it. No verdict: it is for another Python."""

    path: str
    verdict: Verdict | None
    distribution: str | None
    needed_by_others: bool


def describe(ctx: Context, scanned: Scanned, files: Files, python: Python) -> Library:
    """Everything that the facts say of one library."""
    path, verdict = scanned.path, scanned.verdict
    opened = files.open(path)
    elf = None if isinstance(opened, ElfError) else opened.elf
    problems = problems_of(verdict) if verdict else []
    needed = list(elf.needed) if elf else []
    lacking = [p.name for p in problems if is_torch_name(p.name)]
    links = any(n.startswith(_TORCH) for n in needed) or bool(lacking)
    links = links or (verdict is not None and verdict.context == "torch")
    tag = python_tag(path)
    code = _code(ctx, path)
    objects, parts = _flatten(code)
    ours = elf is not None and links and scanned.distribution != "torch"
    library = Library(
        path=text(path),
        distribution=scanned.distribution,
        module=tag is not None,
        python_tag=tag,
        soname=text(elf.soname) if elf and elf.soname else None,
        needed=[text(name) for name in needed],
        links_torch=links,
        problems=problems,
        code=objects,
        parts=parts,
        cxx11_abi=_abi(elf) if ours and elf else None,
        uses=_uses(verdict) if verdict else {},
        torch_symbols=torch_names(elf) if elf and ours and problems else [],
    )
    return library.model_copy(update={"opened_by": _opened_by(library, scanned, files, python)})


def worth_keeping(library: Library, torch: Torch | None) -> bool:
    """Whether a rule could speak of this library."""
    if library.problems or library.code or library.links_torch:
        return True
    own = torch is not None and library.path.startswith(f"{torch.location}/torch/")
    return own or (library.distribution or "").startswith("nvidia-")


def torch_names(elf: ElfFile) -> list[str]:
    """Names of torch that the library leaves undefined; weak ones need not be found."""
    names = (symbol.name for symbol in elf.undefined() if not symbol.weak)
    return [text(name) for name in names if is_torch_name(name)]


def _abi(elf: ElfFile) -> bool | None:
    """The library's _GLIBCXX_USE_CXX11_ABI; its exports are read only when imports do not tell."""
    wanted = [symbol.name for symbol in elf.undefined()]
    verdict = cxx11_abi(wanted)
    if verdict.strength != "torch":
        verdict = cxx11_abi(wanted, [export.name for export in elf.exports()])
    return None if verdict.abi is None else bool(verdict.abi)


def _code(ctx: Context, path: str) -> GpuCode:
    try:
        code = code_objects(path)
    except CodeError:  # no machine-code file: the loader's verdict says so
        return GpuCode()
    if code.gaps:
        ctx.gap("binaries", text(path), "; ".join(code.gaps[:3]))
    return code


def _flatten(code: GpuCode) -> tuple[list[CodeObject], list[CodePart]]:
    """Images that differ in nothing that the facts keep become one, with the sum of their counts."""
    order: dict[CodeObject, int] = {}
    counts: list[int] = []
    index: dict[Image, int] = {}
    for image in code.images:
        bare = CodeObject.model_construct(
            kind=image.kind,
            arch=image.arch,
            ptx_version=image.ptx_version,
            compressed=image.compressed,
        )
        index[image] = order.setdefault(bare, len(order))
        if index[image] == len(counts):
            counts.append(0)
        counts[index[image]] += image.count
    objects = [
        CodeObject(**{**bare.model_dump(), "count": counts[number]})
        for bare, number in order.items()
    ]
    return objects, _parts(code, index)


def _parts(code: GpuCode, index: dict[Image, int]) -> list[CodePart]:
    held: dict[tuple[int, ...], int] = {}
    for images, count in code.parts():
        key = tuple(sorted({index[image] for image in images}))
        held[key] = held.get(key, 0) + count
    return [CodePart(code=list(key), count=count) for key, count in held.items()]


def _uses(verdict: Verdict) -> dict[str, str]:
    """Which file serves each GPU library that this one names."""
    own = (used for used in verdict.uses if used.needed_by == verdict.path)
    return {text(used.name): text(used.path) for used in own if _GPU.match(used.name)}


def _opened_by(library: Library, scanned: Scanned, files: Files, python: Python) -> str | None:
    if library.module:
        return "import"
    if scanned.needed_by_others:
        return "library"
    # Reading sources is dear: only where the answer matters.
    return "source" if library.problems and _is_named(scanned.path, files, python) else None


def _is_named(path: str, files: Files, python: Python) -> bool:
    """Whether Python source beside the library, or above it, names it in quotes."""
    stem = re.escape(basename(path).partition(".so")[0].encode("utf-8", "surrogateescape"))
    name = re.compile(rb"""["'/](?:lib)?%s(?:\.so[\d.]*)?["']""" % stem.removeprefix(b"lib"))
    return any(
        name.search(files.read(f"{folder}/{source}", _SOURCE_LIMIT))
        for folder in folders_above(path, tuple(python.site_dirs))
        for source in sources(files, folder)
    )
