"""The whole command, free of the command line's libraries: see cli/quick.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.inspection.record import Inspection
from gpufix.inspection.subject import CannotInspect, inspect_files, inspect_path
from gpufix.inspection.text import render

if TYPE_CHECKING:
    from gpufix.model import Facts

# Judged when none is named: the architectures that CUDA and ROCm wheels are built for.
NVIDIA = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_103", "sm_120")
AMD = ("gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101", "gfx1151", "gfx1201")


def run(
    files: Sequence[str],
    targets: Sequence[str] = (),
    facts: Facts | None = None,
    judged: bool = False,
    as_json: bool = False,
    verbose: bool = False,
) -> str:
    """The report on all files. `facts`: of the patient, where packages are looked up by name, and
    where, when `judged`, the libraries are asked to load. Raises CannotInspect."""
    found = [_one(file, targets, facts, judged) for file in files]
    if as_json:
        rows = [asdict(one) for one in found]
        return json.dumps({"schema_version": 1, "inspections": rows}, indent=2) + "\n"
    return "\n".join(render(one, verbose) for one in found)


def inspect(file: str, facts: Facts | None = None) -> Inspection:
    """One file, wheel, folder, or package installed in the patient. Raises CannotInspect."""
    return _one(file, (), facts, judged=False)


def _one(file: str, named: Sequence[str], facts: Facts | None, judged: bool) -> Inspection:
    targets = tuple(named) or (*NVIDIA, *AMD)
    try:
        there = Path(file).exists()
        found = inspect_path(file, targets) if there else _installed(file, targets, facts)
    except (OSError, ValueError) as error:
        if isinstance(error, CannotInspect):
            raise
        raise CannotInspect(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    if not named:
        _drop_other_vendor(found)
    if judged and facts is not None:
        from gpufix.inspection.here import judge_here

        roots = {"wheel": None, "file": str(Path(file).parent), "distribution": "/"}
        judge_here(found, facts, roots.get(found.kind, file))
    return found


def _installed(name: str, targets: Sequence[str], facts: Facts | None) -> Inspection:
    """The libraries that an installed distribution records."""
    from gpufix.names import normalise

    dists = {d.name: d for d in facts.distributions} if facts else {}
    dist = dists.get(normalise(name))
    if dist is None or facts is None or facts.python is None:
        raise CannotInspect(f"{name}: no such file, and no installed package of this name")
    from gpufix.facts.context import Context
    from gpufix.facts.library_files import find
    from gpufix.facts.library_owners import owners

    paths = find(Context(), facts.python, facts.distributions)
    belongs = owners(facts.distributions, facts.conda_packages, paths)
    own = [path for path in paths if belongs.get(path) == dist.name]
    return inspect_files(dist.name, dist.version, own, targets)


def _drop_other_vendor(found: Inspection) -> None:
    """Without --gpu, AMD's GPUs are no news of a CUDA library, and the reverse."""
    kinds = {c.kind for file in found.files for c in file.code}
    for prefix, own in (("gfx", {"hip", "bitcode", "spirv"}), ("sm_", {"cubin", "ptx", "lto"})):
        if not kinds & own:
            found.served = {t: s for t, s in found.served.items() if not t.startswith(prefix)}
