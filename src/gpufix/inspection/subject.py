"""What is inspected: a library, a wheel, an archive, a folder; and what is read of each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename

from gpufix.binary.demangle.mangled import cxx11_abi, is_torch_name
from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.gpucode import kpack
from gpufix.binary.gpucode.extract import CodeError, GpuCode, code_objects
from gpufix.binary.pe import PeError, PeFile
from gpufix.binary.pe.headers import DOS_MAGIC
from gpufix.binary.wheel import WheelZip
from gpufix.evidence.inspected import File, InspectedCode, Inspection, Kind, TorchNeed
from gpufix.facts.libraries.library_files import python_tag
from gpufix.facts.libraries.library_walk import identity
from gpufix.facts.packages import metadata
from gpufix.files import read
from gpufix.inspection.served import Question, judge, together
from gpufix.knowledge.symbols import LibrarySymbols, SymbolHistory, SymbolJudgement
from gpufix.knowledge.symbols import judge as judge_symbols

_ET_REL, _ET_EXEC = 1, 2


class NotCode(ValueError):
    """The file holds no machine code. The message says what is the matter."""


@dataclass
class Read:
    """A file's report, and its symbols for a judgement over several files together."""

    report: File
    symbols: LibrarySymbols | None = None
    gaps: list[str] = field(default_factory=list)


def read_file(path: str, shown: str, question: Question) -> Read:
    """Read one file; `shown` is its name in the report. Raises NotCode, OSError."""
    try:
        code = code_objects(path)
    except CodeError as error:
        raise NotCode(f"{shown}: {error}") from None
    kinds = _kinds(code)
    gaps = [f"{shown}: {gap}" for gap in code.gaps]
    if (windows := _windows(path, shown)) is not None:
        windows.code = kinds
        judge(windows, path, code, question)
        return Read(windows, None, gaps)
    try:
        elf = ElfFile(path)
    except ElfError as error:
        if not code.images:
            raise NotCode(f"{shown}: {error.what}") from None
        kind: Kind = "archive" if shown.endswith(".a") else "code"
        report = File(shown, kind, code=kinds)
        judge(report, path, code, question)
        return Read(report, None, gaps)
    if not code.images:
        code = _apart(elf, path, shown, gaps)
    report = File(shown, _kind(elf, shown), code=_kinds(code))
    judge(report, path, code, question)
    return _elf(elf, report, gaps)


def _apart(elf: ElfFile, path: str, shown: str, gaps: list[str]) -> GpuCode:
    """The code of a library for AMD's GPUs that lies in archives beside it; none is a gap."""
    try:
        marker = kpack.marker_of(elf)
    except (CodeError, ElfError) as error:
        gaps.append(f"{shown}: {error}")
        return GpuCode()
    if marker is None:
        return GpuCode()
    code = kpack.Archives().code(marker, path)
    gaps += [f"{shown}: {gap}" for gap in code.gaps]
    if not code.images:
        places = ", ".join(kpack.place(pattern, path) for pattern in marker.patterns)
        gaps.append(f"{shown}: its GPU code lies in {places}, of which none is here")
    return code


def _windows(path: str, shown: str) -> File | None:
    """The report on a DLL, module or program of Windows; None for any other file. Raises NotCode."""
    if read(path, 2) != DOS_MAGIC:
        return None
    try:
        file = PeFile(path)
        names = [name for one in file.imports for name in one.names]
        report = File(shown, "library" if file.headers.is_dll else "program")
        report.exports = len(file.exports.ordinals)
    except PeError as error:
        raise NotCode(f"{shown}: {error.where}: {error.what}") from None
    report.machine, report.needed, report.undefined = file.machine, list(file.needed), len(names)
    report.python_tag = python_tag(basename(shown))
    report.kind = "module" if report.python_tag else report.kind
    report.compilers = ["linker {}.{:02}".format(*file.headers.linker)]
    return report


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
        symbols = LibrarySymbols(undefined=names, defined=exports, needed=report.needed)
    return Read(report, symbols, gaps)


def _kind(elf: ElfFile, shown: str) -> Kind:
    if elf.type == _ET_REL:
        return "object"
    if elf.type == _ET_EXEC or elf.interpreter:
        return "program"
    return "module" if python_tag(basename(shown)) else "library"


def _kinds(code: GpuCode) -> list[InspectedCode]:
    """Images that differ in nothing that is shown become one."""
    counts: dict[tuple[str, str, str | None, bool], int] = {}
    for image in code.images:
        key = (image.kind, image.arch, image.ptx_version, image.compressed)
        counts[key] = counts.get(key, 0) + image.count
    return [InspectedCode(*key, count) for key, count in counts.items()]


def floor(versions: Sequence[str], prefix: str) -> str | None:
    """The highest of the versions with a prefix: "GLIBC_2.34" → "2.34"."""
    numbers = [v.removeprefix(prefix) for v in versions if v.startswith(prefix)]
    ordered = [n for n in numbers if n.replace(".", "").isdigit()]
    return max(ordered, key=lambda n: tuple(map(int, n.split("."))), default=None)


_CODE = re.compile(r"\.(?:so(?:\.\d+)*|a|o|fatbin|cubin|ptx|co|hsaco|(?i:dll|pyd|exe))$")
_LIMIT = 10_000  # files of one folder or wheel

Opened = tuple[str, AbstractContextManager[str]]  # name in the report, where it can be read


class CannotInspect(ValueError):
    """Neither machine code, nor a wheel, a folder, or an installed distribution."""


def inspect_path(path: str, question: Question) -> Inspection:
    """Inspect a path. Raises CannotInspect, OSError."""
    place = Path(path)
    if place.is_dir():
        files = ((str(f.relative_to(place)), nullcontext(str(f))) for f in _walk(place))
        return _gather(Inspection(path, "folder"), files, question)
    if path.endswith((".whl", ".zip")):
        return _wheel(path, question)
    found = _gather(Inspection(path, "file"), [(place.name, nullcontext(path))], question)
    if not found.files:
        raise CannotInspect(f"{path}: {found.gaps[0].partition(': ')[2]}")
    return found


def inspect_files(name: str, version: str, files: Iterable[str], question: Question) -> Inspection:
    """Inspect the files of an installed distribution."""
    base = Inspection(name, "distribution", name=name, version=version)
    return _gather(base, ((f, nullcontext(f)) for f in files), question)


def _walk(root: Path) -> Iterator[Path]:
    """Its files that may hold code, links followed, each folder once."""
    seen = {identity(str(above)) for above in Path(os.path.realpath(root)).parents}
    for folder, inner, names in os.walk(root, followlinks=True):
        own = identity(folder)
        if own in seen:
            inner.clear()
            continue
        seen.add(own)
        inner.sort()
        yield from (Path(folder, n) for n in sorted(names) if _CODE.search(n))


def _wheel(path: str, question: Question) -> Inspection:
    try:
        with WheelZip(path) as wheel:
            names = [m.name for m in wheel.members()]
            files = ((n, wheel.unpacked(n)) for n in names if _CODE.search(n))
            return _gather(_about(path, wheel, names), files, question)
    except CodeError as error:
        raise CannotInspect(str(error)) from None  # it names the file


def _about(path: str, wheel: WheelZip, names: Sequence[str]) -> Inspection:
    """Name, version, requirements and tags from the wheel's own dist-info."""
    base = Inspection(path, "wheel")

    def member(file: str) -> bytes:
        found = next((n for n in names if re.fullmatch(rf"[^/]+\.dist-info/{file}", n)), None)
        return wheel.head(found, 1 << 20) if found else b""

    try:
        about = metadata.parse(member("METADATA"))
        base.name, base.version, base.requires = about.name, about.version, about.requires
    except metadata.CorruptMetadata as error:
        base.gaps.append(f"METADATA: {error}")
    tags = re.findall(rb"^Tag:[ \t]*(\S+)", member("WHEEL"), re.MULTILINE)
    base.tags = [tag.decode("ascii", "replace") for tag in tags]
    return base


def _gather(base: Inspection, files: Iterable[Opened], question: Question) -> Inspection:
    reads: list[Read] = []
    for number, (shown, opened) in enumerate(files):
        if number == _LIMIT:
            base.gaps.append(f"only the first {_LIMIT} files were read")
            break
        try:
            with opened as place:
                reads.append(read_file(place, shown, question))
        except (NotCode, CodeError) as error:
            base.gaps.append(str(error))
        except OSError as error:
            base.gaps.append(f"{shown}: {error.strerror or error}")
    return _together(base, reads)


def _together(base: Inspection, reads: Sequence[Read]) -> Inspection:
    """Add what all files say together: torch, C++ ABI, coverage."""
    symbols = [r.symbols for r in reads if r.symbols]
    if symbols:
        history = SymbolHistory.load()
        for read in reads:
            if read.symbols:
                read.report.torch = _need(judge_symbols(history, [read.symbols]))
        base.torch = _need(judge_symbols(history, symbols)) if len(symbols) > 1 else _only(reads)
    base.files = [r.report for r in reads]
    users = [f for f in base.files if f.torch] or base.files
    abis = {f.cxx11_abi for f in users} - {None}
    base.cxx11_abi = abis.pop() if len(abis) == 1 else None
    together(base)
    base.gaps += [gap for read in reads for gap in read.gaps]
    return base


def _only(reads: Sequence[Read]) -> TorchNeed | None:
    return next((r.report.torch for r in reads if r.symbols), None)


def _need(judgement: SymbolJudgement) -> TorchNeed:
    return TorchNeed(
        releases=list(judgement.releases),
        built_for=judgement.built_for,
        interface=judgement.interface,
        newer=judgement.newer,
        unseen=list(judgement.unseen[:20]),
        accelerators=sorted(judgement.accelerators),
    )
