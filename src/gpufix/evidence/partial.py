"""Libraries that serve a target in part: which units have no code for it, and does that matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.evidence.gpu_code import (
    LibraryCode,
    Service,
    SubjectCode,
    combined,
    driver_cuda,
    reaches,
)
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.serves import serves
from gpufix.knowledge.gpus.units import Reach, Unit, made_for_others, meant
from gpufix.model import Target


class Partial(Frozen):
    """A library of which some units lack code for a target that the others serve.

    lacking, served: how many units. kernel: one of those without code, by its mangled name.
    why: what they hold instead. certain: their launches fail. Else the library may not launch them.
    """

    path: str
    lacking: int
    served: int
    kernel: str
    why: str
    certain: bool


def partials(view: View, code: SubjectCode, target: Target) -> Iterator[Partial]:
    """The libraries of the code that serve the target in part."""
    driver = driver_cuda(view)
    for library, how in reaches(code, target, driver):
        found = _meant(view, library, how, target)
        if not found:
            continue
        unit, kernels = found[0]
        lacking = sum(unit.count for unit, _ in found)
        on_purpose = all(made_for_others(unit, target.arch) for unit, _ in found)
        why = serves(unit.code, target.arch, driver).why
        certain = not on_purpose and _launched(view, library.path, lacking, how.served)
        yield Partial(library.path, lacking, how.served, kernels[0], why, certain)


def _launched(view: View, path: str, lacking: int, served: int) -> bool:
    """Whether the units that lack code are launched: nothing asks for the GPU, or they are many.

    Who asks may have another reason (CUB asks in most libraries): then half may be for other GPUs.
    """
    chooses = view.chooses_gpu(path)
    return chooses is False or lacking > served or (chooses is None and lacking == served)


def service_here(view: View, code: SubjectCode, target: Target) -> Service:
    """As `service`, with the driver of this machine, and without units that are for other GPUs."""
    found = []
    for library, how in reaches(code, target, driver_cuda(view)):
        meant_here = [unit for unit, _ in _meant(view, library, how, target)]
        found.append((library, how.but(meant_here)))
    return combined(found, target, code.complete)


def _meant(
    view: View, library: LibraryCode, how: Reach, target: Target
) -> list[tuple[Unit, Sequence[str]]]:
    def unnamed(unit: Unit) -> Sequence[str]:
        return view.unnamed_kernels(f"{unit.key} {library.path}") or ()

    return meant(how, target.arch, unnamed, lambda: view.chooses_gpu(library.path))
