"""Reads what the user named: a file, a wheel, a folder, the files of a distribution."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from gpufix.binary.code import CodeError
from gpufix.binary.wheelzip import WheelZip
from gpufix.facts import metadata
from gpufix.inspection.one_file import NotCode, Read, read_file
from gpufix.inspection.record import File, Inspection, Served, TorchNeed
from gpufix.knowledge.symbols import Judgement, SymbolHistory, judge

_CODE = re.compile(r"\.(?:so(?:\.\d+)*|a|o|fatbin|cubin|ptx|co|hsaco)$")
_LIMIT = 10_000  # files of one folder or wheel
_RANK: tuple[Served, ...] = ("none", "unknown", "jit", "native")

Opened = tuple[str, AbstractContextManager[str]]  # name in the report, where it can be read


class CannotInspect(ValueError):
    """Neither machine code, nor a wheel, a folder, or an installed distribution."""


def inspect_path(path: str, targets: Sequence[str]) -> Inspection:
    """Inspect a path. Raises CannotInspect, OSError."""
    place = Path(path)
    if place.is_dir():
        files = ((str(f.relative_to(place)), nullcontext(str(f))) for f in _walk(place))
        return _gather(Inspection(path, "folder"), files, targets)
    if path.endswith((".whl", ".zip")):
        return _wheel(path, targets)
    found = _gather(Inspection(path, "file"), [(place.name, nullcontext(path))], targets)
    if not found.files:
        raise CannotInspect(f"{path}: {found.gaps[0].partition(': ')[2]}")
    return found


def inspect_files(
    name: str, version: str, files: Iterable[str], targets: Sequence[str]
) -> Inspection:
    """Inspect the files of an installed distribution."""
    base = Inspection(name, "distribution", name=name, version=version)
    return _gather(base, ((f, nullcontext(f)) for f in files), targets)


def _walk(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        inner.sort()
        yield from (Path(folder, n) for n in sorted(names) if _CODE.search(n))


def _wheel(path: str, targets: Sequence[str]) -> Inspection:
    try:
        with WheelZip(path) as wheel:
            names = [m.name for m in wheel.members()]
            files = ((n, wheel.unpacked(n)) for n in names if _CODE.search(n))
            return _gather(_about(path, wheel, names), files, targets)
    except CodeError as error:
        raise CannotInspect(f"{path}: {error}") from None


def _about(path: str, wheel: WheelZip, names: Sequence[str]) -> Inspection:
    """Name, version, requirements and tags from the wheel's own dist-info."""
    base = Inspection(path, "wheel")

    def member(file: str) -> bytes:
        found = next((n for n in names if re.fullmatch(rf"[^/]+\.dist-info/{file}", n)), None)
        return wheel.head(found, 1 << 20) if found else b""

    try:
        about = metadata.parse(member("METADATA"))
        base.name, base.version, base.requires = about.name, about.version, about.requires
    except metadata.Corrupt as error:
        base.gaps.append(f"METADATA: {error}")
    tags = re.findall(rb"^Tag:[ \t]*(\S+)", member("WHEEL"), re.MULTILINE)
    base.tags = [tag.decode("ascii", "replace") for tag in tags]
    return base


def _gather(base: Inspection, files: Iterable[Opened], targets: Sequence[str]) -> Inspection:
    reads: list[Read] = []
    for number, (shown, opened) in enumerate(files):
        if number == _LIMIT:
            base.gaps.append(f"only the first {_LIMIT} files were read")
            break
        try:
            with opened as place:
                reads.append(read_file(place, shown, targets))
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
                read.report.torch = _need(judge(history, [read.symbols]))
        base.torch = _need(judge(history, symbols)) if len(symbols) > 1 else _only(reads)
    base.files = [r.report for r in reads]
    users = [f for f in base.files if f.torch] or base.files
    abis = {f.cxx11_abi for f in users} - {None}
    base.cxx11_abi = abis.pop() if len(abis) == 1 else None
    base.served = _best(base.files)
    base.gaps += [gap for read in reads for gap in read.gaps]
    return base


def _only(reads: Sequence[Read]) -> TorchNeed | None:
    return next((r.report.torch for r in reads if r.symbols), None)


def _need(judgement: Judgement) -> TorchNeed:
    return TorchNeed(
        releases=list(judgement.releases),
        built_for=judgement.built_for,
        interface=judgement.interface,
        newer=judgement.newer,
        unseen=list(judgement.unseen[:20]),
        accelerators=sorted(judgement.accelerators),
    )


def _best(files: Sequence[File]) -> dict[str, Served]:
    """A wheel may hold a library for each GPU: the best of them counts."""
    found: dict[str, Served] = {}
    for file in files:
        for target, served in file.served.items():
            found[target] = max(found.get(target, "none"), served, key=_RANK.index)
    return found
