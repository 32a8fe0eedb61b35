"""`gpufix inspect`: one .so, wheel, archive, folder or installed package."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options

if TYPE_CHECKING:
    from gpufix.inspection.record import Inspection
    from gpufix.model import Facts

# Judged when none is named: the architectures that CUDA and ROCm wheels are built for.
NVIDIA = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_103", "sm_120")
AMD = ("gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101", "gfx1151", "gfx1201")


class InspectFormat(str, Enum):
    """Forms of the report."""

    text = "text"
    json = "json"


def inspect(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help=".so, .whl, .a, .o, a folder, or a package's name."),
    ],
    python: options.Python = None,
    gpu: options.Gpu = None,
    format: Annotated[InspectFormat, typer.Option("--format", help="text or json.")] = (
        InspectFormat.text
    ),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All files and gaps.")] = False,
) -> None:
    """Say what compiled files need: libraries, torch releases, C++ ABI, GPUs that they serve.

    With --python: would they load in that environment. Nothing is loaded or unpacked to disk.
    """
    named = _targets(gpu)
    facts = _facts(python) if python or not all(Path(f).exists() for f in files) else None
    found = [_one(f, named, facts, judged=python is not None) for f in files]
    typer.echo(_rendered(found, format, verbose), nl=False)


def _targets(gpu: list[str] | None) -> tuple[str, ...]:
    if not gpu:
        return ()
    from gpufix.cli.patient import fail
    from gpufix.knowledge.gpus import GpuNameError, resolve

    try:
        return tuple(dict.fromkeys(resolve(name).arch for name in options.split(gpu)))
    except GpuNameError as error:
        raise fail(str(error)) from None


def _facts(python: str | None) -> Facts:
    from gpufix.cli.patient import examine

    return examine(python, None).facts


def _one(file: str, named: tuple[str, ...], facts: Facts | None, judged: bool) -> Inspection:
    from gpufix.cli.patient import fail
    from gpufix.inspection.subject import CannotInspect, inspect_path

    targets = named or (*NVIDIA, *AMD)
    try:
        found = (
            inspect_path(file, targets) if Path(file).exists() else _installed(file, targets, facts)
        )
    except CannotInspect as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise fail(f"{file}: {error.strerror or error}") from None
    if not named:
        _drop_other_vendor(found)
    if judged and facts is not None:
        from gpufix.inspection.here import judge_here

        root = {"wheel": None, "file": str(Path(file).parent)}.get(found.kind, file)
        judge_here(found, facts, "/" if found.kind == "distribution" else root)
    return found


def _installed(name: str, targets: tuple[str, ...], facts: Facts | None) -> Inspection:
    """The libraries that an installed distribution records."""
    from gpufix.facts.context import Context
    from gpufix.facts.library_files import find
    from gpufix.facts.library_owners import owners
    from gpufix.inspection.subject import CannotInspect, inspect_files
    from gpufix.requirements import normalise

    known = {d.name: d for d in facts.distributions} if facts else {}
    dist = known.get(normalise(name))
    if dist is None or facts is None or facts.python is None:
        raise CannotInspect(f"{name}: no such file, and no installed package of this name")
    paths = find(Context(), facts.python, facts.distributions)
    belongs = owners(facts.distributions, paths)
    own = [p for p in paths if belongs.get(p) == dist.name]
    return inspect_files(dist.name, dist.version, own, targets)


def _drop_other_vendor(found: Inspection) -> None:
    """Without --gpu, AMD's GPUs are no news of a CUDA library, and the reverse."""
    kinds = {c.kind for file in found.files for c in file.code}
    for prefix, own in (("gfx", {"hip", "bitcode", "spirv"}), ("sm_", {"cubin", "ptx", "lto"})):
        if not kinds & own:
            found.served = {t: s for t, s in found.served.items() if not t.startswith(prefix)}


def _rendered(found: list[Inspection], format: InspectFormat, verbose: bool) -> str:
    if format is InspectFormat.json:
        import json
        from dataclasses import asdict

        rows = [asdict(one) for one in found]
        return json.dumps({"schema_version": 1, "inspections": rows}, indent=2) + "\n"
    from gpufix.inspection.text import render

    return "\n".join(render(one, verbose) for one in found)
