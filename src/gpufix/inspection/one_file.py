"""Reads one machine-code file; loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from posixpath import basename

from gpufix.binary.code import CodeError, GpuCode, code_objects
from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.mangle import cxx11_abi, is_torch_name
from gpufix.facts.extension_names import python_tag
from gpufix.inspection.record import Code, File, Kind, Served
from gpufix.knowledge.compat_serves import serves_parts
from gpufix.knowledge.symbols import Library as Symbols

_ET_REL, _ET_EXEC = 1, 2


class NotCode(ValueError):
    """The file holds no machine code. The message says what is the matter."""


@dataclass
class Read:
    """A file's report, and its symbols for a judgement over several files together."""

    report: File
    symbols: Symbols | None = None
    gaps: list[str] = field(default_factory=list)


def read_file(path: str, shown: str, targets: Sequence[str]) -> Read:
    """Read one file; `shown` is its name in the report. Raises NotCode, OSError."""
    try:
        code = code_objects(path)
    except CodeError as error:
        raise NotCode(f"{shown}: {error}") from None
    kinds = _kinds(code)
    served = {target: served_by(code, target) for target in targets} if code.images else {}
    gaps = [f"{shown}: {gap}" for gap in code.gaps]
    try:
        elf = ElfFile(path)
    except ElfError as error:
        if not code.images:
            raise NotCode(f"{shown}: {error.what}") from None
        kind: Kind = "archive" if shown.endswith(".a") else "code"
        return Read(File(shown, kind, code=kinds, served=served), None, gaps)
    return _elf(elf, File(shown, _kind(elf, shown), code=kinds, served=served), gaps)


def _elf(elf: ElfFile, report: File, gaps: list[str]) -> Read:
    names = [symbol.name for symbol in elf.undefined() if not symbol.weak]
    exports = [export.name for export in elf.exports()]
    versions = [need.version for need in elf.version_needs]
    report.machine = elf.machine
    report.soname = elf.soname
    report.python_tag = python_tag(basename(report.path))
    report.needed = list(elf.needed)
    report.exports, report.undefined = len(exports), len(names)
    report.glibc = floor(versions, "GLIBC_")
    report.glibcxx = floor(versions, "GLIBCXX_")
    report.cxxabi = floor(versions, "CXXABI_")
    report.cxx11_abi = cxx11_abi(names, exports).abi
    report.compilers = list(elf.compilers)
    symbols = None
    if elf.machine == "x86_64" and any(map(is_torch_name, names)):
        symbols = Symbols(undefined=names, defined=exports, needed=report.needed)
    return Read(report, symbols, gaps)


def _kind(elf: ElfFile, shown: str) -> Kind:
    if elf.type == _ET_REL:
        return "object"
    if elf.type == _ET_EXEC or elf.interpreter:
        return "program"
    return "module" if python_tag(basename(shown)) else "library"


def _kinds(code: GpuCode) -> list[Code]:
    """Images that differ in nothing that is shown become one."""
    counts: dict[tuple[str, str, str | None, bool], int] = {}
    for image in code.images:
        key = (image.kind, image.arch, image.ptx_version, image.compressed)
        counts[key] = counts.get(key, 0) + image.count
    return [Code(*key, count) for key, count in counts.items()]


def floor(versions: Sequence[str], prefix: str) -> str | None:
    """The highest of the versions with a prefix: "GLIBC_2.34" → "2.34"."""
    numbers = [v.removeprefix(prefix) for v in versions if v.startswith(prefix)]
    ordered = [n for n in numbers if n.replace(".", "").isdigit()]
    return max(ordered, key=lambda n: tuple(map(int, n.split("."))), default=None)


def served_by(code: GpuCode, target: str) -> Served:
    """How a file serves a target: the worst of its containers, each of which must serve."""
    found = {coverage.status for coverage, _ in serves_parts(code.parts(), target)}
    order: tuple[Served, ...] = ("none", "unknown", "jit", "native")
    return next((status for status in order if status in found), "unknown")
