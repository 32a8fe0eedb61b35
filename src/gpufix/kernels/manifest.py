"""What each kernel of the suite is, needs and moves: its folder's manifest.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpufix.files import own
from gpufix.frozen import Frozen
from gpufix.kernels.formula import FormulaError, evaluate
from gpufix.kernels.toolchain import KernelTarget

SUITE = Path(__file__).parent
COMMON = SUITE / "common"
UNITS = ("fp32", "bf16")
NEEDS = ("cuda", "bf16_matrix")


class ManifestError(ValueError):
    """A manifest that says something the suite does not understand."""


class Case(Frozen):
    """One thing that a program checks and times.

    ``bytes`` and ``flops`` are formulas over the sizes that the program prints: the fewest bytes
    that device memory must move, and the arithmetic done. Either may be None: no such roof.
    ``unit`` is what does the arithmetic. ``judged`` cases come near their roof on any healthy GPU:
    only of these does a small fraction mean that something is amiss. ``compared`` ones, and all
    judged ones, take the same time on GPUs of one kind.
    """

    name: str
    bytes: str | None = None
    flops: str | None = None
    unit: str = "fp32"
    judged: bool = False
    compared: bool = False

    def cost(self, sizes: Mapping[str, float]) -> tuple[float | None, float | None]:
        """(bytes, operations) for these sizes. Raises FormulaError."""
        moved = evaluate(self.bytes, sizes) if self.bytes is not None else None
        done = evaluate(self.flops, sizes) if self.flops is not None else None
        return moved, done


class Kernel(Frozen):
    """A program of the suite: ``<name>/<name>.cu`` and its manifest.

    ``specific``: architectures whose own instructions it uses (``sm_90``: wgmma of ``sm_90a``).
    """

    name: str
    title: str
    cases: tuple[Case, ...]
    needs: tuple[str, ...] = ()
    ptx_only: bool = False
    time_limit_s: float = 60.0
    specific: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return SUITE / self.name

    @property
    def source(self) -> Path:
        return self.folder / f"{self.name}.cu"

    def case(self, name: str) -> Case | None:
        return next((case for case in self.cases if case.name == name), None)

    def missing_need(self, target: KernelTarget) -> str | None:
        """Why the kernel does not apply to this target, or None when it does."""
        if "cuda" in self.needs and target.vendor != "cuda":
            return "HIP has no PTX"
        if "bf16_matrix" in self.needs and not target.has_bf16_matrix:
            return f"{target.arch} has no bf16 matrix units that the suite uses"
        return None


def parse_manifest(name: str, data: Any) -> Kernel:
    """Checks every key: a typo in a manifest is an error, not a default. Raises ManifestError."""
    known = {"title", "needs", "ptx_only", "specific", "time_limit_s", "cases"}
    if not isinstance(data, dict) or set(data) - known:
        raise ManifestError(f"{name}: unknown keys {sorted(set(data) - known)}")
    needs = tuple(data.get("needs", ()))
    if set(needs) - set(NEEDS):
        raise ManifestError(f"{name}: unknown needs {needs}")
    cases = tuple(_case(name, case, spec) for case, spec in data.get("cases", {}).items())
    if not cases:
        raise ManifestError(f"{name}: no cases")
    return Kernel(
        name=name,
        title=str(data["title"]),
        cases=cases,
        needs=needs,
        ptx_only=bool(data.get("ptx_only", False)),
        specific=tuple(data.get("specific", ())),
        time_limit_s=float(data.get("time_limit_s", 60)),
    )


def _case(kernel: str, name: str, spec: Any) -> Case:
    if not isinstance(spec, dict) or set(spec) - {"bytes", "flops", "unit", "judged"}:
        raise ManifestError(f"{kernel}.{name}: unknown keys in {spec!r}")
    case = Case(name=name, **spec)
    if case.unit not in UNITS:
        raise ManifestError(f"{kernel}.{name}: unknown unit {case.unit!r}")
    return case


def load(name: str) -> Kernel:
    """One kernel by name. Raises ManifestError, also when there is no such kernel."""
    path = SUITE / name / "manifest.json"
    if not name.isidentifier() or not path.is_file():
        raise ManifestError(f"no kernel named {name!r}")
    try:
        return parse_manifest(name, json.loads(own(path)))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ManifestError(f"{name}: {error!r}") from error


def suite() -> list[Kernel]:
    """Every kernel that has a manifest, by name."""
    return [load(path.parent.name) for path in sorted(SUITE.glob("*/manifest.json"))]


__all__ = ["Case", "FormulaError", "Kernel", "ManifestError", "load", "parse_manifest", "suite"]
