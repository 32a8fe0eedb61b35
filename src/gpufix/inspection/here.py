"""Would it load in a given environment? Asked of the loader model; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gpufix.binary.elf import ElfError
from gpufix.binary.loader import Files, Process, Verdict, predict
from gpufix.inspection.record import Inspection
from gpufix.knowledge.symbols import SymbolHistory
from gpufix.knowledge.symbols.judgement import minor
from gpufix.model import Facts


def judge_here(inspection: Inspection, facts: Facts, root: str | None) -> None:
    """Fill `here` of each library that lies on disk, and of the whole.

    `root`: the folder that the files' names are relative to; None inside a wheel, whose files are
    judged by their symbols alone.
    """
    if facts.python is None:
        return
    torch = facts.torch.version if facts.torch else None
    if root is not None:
        process = Process(
            facts.python.executable,
            tuple(facts.python.site_dirs),
            dict(facts.environment.process),
        )
        _load(inspection, process, root)
    inspection.here = {
        "python": facts.python.executable,
        "torch": torch,
        "promise": _promise(inspection, torch),
        "python_tags": sorted({f.python_tag for f in inspection.files if f.python_tag}),
        "python_tag": facts.python.tag,
    }


def _load(inspection: Inspection, process: Process, root: str) -> None:
    files = Files()
    for file in inspection.files:
        if file.kind not in ("module", "library"):
            continue
        try:
            verdict = predict(process, str(Path(root, file.path)), files)
        except ElfError as error:
            inspection.gaps.append(f"{file.path}: {error}")
            continue
        file.here = list(_faults(verdict))


def _faults(verdict: Verdict) -> Iterable[str]:
    for unusable in verdict.unusable:
        yield f"{unusable.path}: {unusable.what}"
    for missing in verdict.missing:
        yield f"{missing.name} is found nowhere" + (" (a GPU driver's)" if missing.driver else "")
    for version in verdict.versions:
        yield f"{version.path} lacks version {version.version}"
    for symbol in verdict.undefined:
        yield f"undefined symbol {symbol.name}"


def _promise(inspection: Inspection, torch: str | None) -> str | None:
    """What the symbol history promises for the installed torch: see knowledge.symbols."""
    need = inspection.torch
    if need is None or torch is None:
        return None
    release = torch.partition("+")[0]
    if need.interface == "stable" and release in need.releases:
        return "stable"
    if release not in SymbolHistory.load().releases:
        return "unknown"
    if release not in need.releases:
        return "lacks-symbols"
    only = len({minor(release) for release in need.releases}) == 1
    return "same-minor" if only else "layout-not-promised"
