"""How the GPU code of a file serves the targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from gpufix.binary.elf import ElfError
from gpufix.binary.gpucode.extract import CodeError, GpuCode
from gpufix.evidence.inspected import File, Inspection, Served
from gpufix.facts.libraries.gpu_choice import library_asks, unnamed_kernels
from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.units import Unit, meant, reach

# The worst first: of several files the best counts.
RANK: tuple[Served, ...] = ("none", "too new", "unknown", "partly", "jit", "native")


class Question(Frozen):
    """Which GPUs, and the CUDA of their NVIDIA driver; None: any driver."""

    targets: tuple[str, ...]
    driver: str | None = None


def judge(report: File, path: str, code: GpuCode, question: Question) -> None:
    """Fill what the file's report says of the targets."""
    if not code.images:
        return
    units = [Unit(images, count) for images, count in code.parts()]
    found = {target: reach(units, target, question.driver) for target in question.targets}
    kernels = _Kernels(path, {unit.key for how in found.values() for unit in how.lacking})
    for target, how in found.items():
        lacking = meant(how, target, kernels.unnamed, kernels.asks) if how.lacking else []
        how = how.but([unit for unit, _ in lacking])
        if lacking:
            report.lacking[target] = [
                f"{_words(u)} ({name})" for u, names in lacking for name in names
            ]
        report.served[target] = how.status
        if how.needs_cuda and how.status in ("jit", "too new"):
            report.drivers[target] = how.needs_cuda


class _Kernels:
    """What a library's kernels and imports say of its units, read when first asked."""

    def __init__(self, path: str, keys: Collection[str]) -> None:
        self._path, self._keys = path, keys

    def unnamed(self, unit: Unit) -> Sequence[str]:
        return self._unnamed.get(unit.key, ())

    def asks(self) -> bool | None:
        return self._asks

    @cached_property
    def _unnamed(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        with suppress(CodeError):  # what cannot be read is a gap already
            for key, name in unnamed_kernels(self._path, self._keys):
                found.setdefault(key, []).append(name)
        return found

    @cached_property
    def _asks(self) -> bool | None:
        try:
            return library_asks(self._path)
        except ElfError:
            return None


def _words(unit: Unit) -> str:
    names = (f"PTX {item.arch}" if item.kind == "ptx" else item.arch for item in unit.code)
    return " ".join(dict.fromkeys(names))


def together(base: Inspection) -> None:
    """What all files say together: a wheel may hold a library for each GPU."""
    for file in base.files:
        for target, served in file.served.items():
            if target not in base.served or RANK.index(served) > RANK.index(base.served[target]):
                base.served[target] = served
                base.drivers.pop(target, None)
                if target in file.drivers:
                    base.drivers[target] = file.drivers[target]
