"""How the units of a library, each for itself, serve a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.architectures import Arch, CudaArch, parse_arch
from gpufix.knowledge.gpus.serves import Coverage, ServingCode, serves

Reached = Literal["native", "jit", "partly", "too new", "none", "unknown"]


class Unit(Frozen):
    """A container of GPU code, what one source became: a launch finds its kernel in one alone.

    count: so many of a library are alike.
    """

    code: tuple[ServingCode, ...]
    count: int = 1

    @property
    def key(self) -> str:
        """The code in one word, for questions about such units: "cubin:sm_80,ptx:sm_90:9.0"."""
        parts = {":".join(filter(None, (o.kind, o.arch, o.ptx_version))) for o in self.code}
        return ",".join(sorted(parts))


class Reach(Frozen):
    """How units serve a GPU together.

    lacking: those that do not, while others do. whole: how the others serve it. served: how many
    these are.
    needs_cuda: what serves is PTX that a driver for this CUDA ("13.0") compiles, or a newer one.
    """

    status: Reached
    lacking: tuple[Unit, ...] = ()
    whole: Reached = "none"
    served: int = 0
    needs_cuda: str | None = None

    def but(self, lacking: Sequence[Unit]) -> Reach:
        """The same, when of those that lack code only these are meant for this GPU."""
        if lacking or self.status != "partly":
            return replace(self, lacking=tuple(lacking))
        return replace(self, lacking=(), status=self.whole)


def reach(
    units: Sequence[Unit],
    target: str | Arch,
    driver_cuda: str | None = None,
    build_cuda: str | None = None,
) -> Reach:
    """How a library's units serve a target. Raises ValueError for a bad target. See `serves`."""
    device = parse_arch(target) if isinstance(target, str) else target
    found = [(unit, serves(unit.code, device, driver_cuda, build_cuda)) for unit in units]
    good = [(unit, how) for unit, how in found if how.status in ("native", "jit")]
    if not good:
        return _unserved([how for _, how in found])
    whole = _most(good)
    lacking = tuple(unit for unit, how in found if how.status in ("none", "too new"))
    return Reach(
        "partly" if lacking else whole.status,
        lacking,
        whole.status,
        sum(unit.count for unit, _ in good),
        whole.needs_cuda if whole.status == "jit" else None,
    )


def _unserved(found: Sequence[Coverage]) -> Reach:
    for status in ("unknown", "too new"):
        for how in found:
            if how.status == status:
                return Reach(how.status, needs_cuda=how.needs_cuda)
    return Reach("none")


def _most(good: Sequence[tuple[Unit, Coverage]]) -> Coverage:
    """How most of them serve: what a few units do is no property of the library."""
    compiled = [(unit, how) for unit, how in good if how.status == "jit"]
    if 2 * sum(unit.count for unit, _ in compiled) < sum(unit.count for unit, _ in good):
        return next(how for _, how in good if how.status == "native")
    return max((how for _, how in compiled), key=lambda how: _number(how.needs_cuda))


def _number(cuda: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in cuda.split(".")) if cuda else ()


Unnamed = Callable[[Unit], Sequence[str]]


def meant(
    how: Reach, target: str, unnamed: Unnamed, asks: Callable[[], bool | None]
) -> list[tuple[Unit, Sequence[str]]]:
    """Of the units that lack code those that may be launched on the target, with a kernel of each.

    unnamed: a kernel of each such unit that has kernels, none named for a GPU. asks: whether the
    library asks which GPU is there; None = not known.
    Left out are units whose kernels say for which GPUs they are ("Sm80": lmdeploy, vLLM). Where it
    is not known that nothing asks, also those whose targets say so; where something does, also what
    is less than a tenth (vLLM's AllSpark, for sm_80 and sm_89). Of AMD's units nothing is told.
    """
    if target.startswith("gfx"):
        return []
    found = []
    for unit in how.lacking:
        if made_for_others(unit, target) and asks() is not False:
            continue
        if kernels := unnamed(unit):
            found.append((Unit(unit.code, len(kernels)), kernels))
    lacking = sum(unit.count for unit, _ in found)
    few = 0 < 9 * lacking < how.served
    return [] if few and asks() else found


def made_for_others(unit: Unit, target: str | Arch) -> bool:
    """Whether a unit is for other GPUs on purpose, as far as its targets tell.

    Code for exact or family targets is asked for by name, and what needs newer GPUs is kept from
    older ones (onnxruntime-gpu: 292 units for sm_90a alone).
    """
    device = parse_arch(target) if isinstance(target, str) else target
    if not isinstance(device, CudaArch):
        return False
    archs = [arch for item in unit.code if (arch := cuda_arch(item.arch)) is not None]
    exact = all(arch.variant for arch in archs)
    newer = all(arch.number > device.number for arch in archs)
    return bool(archs) and (exact or newer)


def cuda_arch(name: str) -> CudaArch | None:
    """The architecture of this name; None for AMD's, and for what is none."""
    try:
        arch = parse_arch(name)
    except ValueError:
        return None
    return arch if isinstance(arch, CudaArch) else None
