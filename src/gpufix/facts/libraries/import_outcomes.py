"""What the imports of an environment's packages would do, where anything is suspect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.dependents import lacking, openers
from gpufix.facts.libraries.estranged import FOLLOWED, estranged
from gpufix.facts.libraries.generated import unfit as unfit_code
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.libraries.modules import Modules
from gpufix.facts.libraries.reached import in_vain
from gpufix.facts.reading import without_collection
from gpufix.knowledge import families
from gpufix.model import Distribution, Import, Python, Torch

if TYPE_CHECKING:
    from gpufix.facts.libraries.verdicts import Judge
    from gpufix.facts.windows.judge import WindowsJudge

_FRAMEWORKS = {"jax", "numba", "tensorflow", "torch", "triton"}


def import_outcomes(
    ctx: CollectContext,
    python: Python,
    judge: Judge | WindowsJudge,
    suspect: Sequence[str],
    of_gpu: Collection[str],
    belongs: Mapping[str, str],
    torch: Torch | None,
    distributions: Sequence[Distribution],
    unfit: Collection[str] = (),
) -> list[Import]:
    """Of the packages of suspect libraries, of those that ask for what is not there, and of generated code.

    `of_gpu`: the distributions whose libraries are for GPUs. `unfit`: modules that load and then raise.
    """
    gpu = {*of_gpu, *families.names(), *_FRAMEWORKS}
    names = ModuleNames(Modules(python), {d.name: d.version for d in distributions})
    astray = list(estranged(distributions, gpu, names))
    seen = {one.package for one in astray}
    further = (one for one in in_vain(distributions, names.modules) if one.package not in seen)
    astray += islice(further, max(0, FOLLOWED - len(astray)))
    generated = list(unfit_code(distributions, names.modules, ctx.environ))
    asked = chain(lacking(distributions, python), openers(distributions))
    if not suspect and not astray and not generated and next(asked, None) is None:
        return []
    from gpufix.facts.libraries.followed import imports

    with without_collection():
        return imports(
            python,
            ctx.environ,
            judge,
            suspect,
            belongs,
            torch,
            distributions,
            unfit,
            names,
            astray,
            generated,
        )


def asked_in_vain(found: Iterable[Import]) -> set[str]:
    """The libraries that imports ask for and do not get."""
    return {
        library
        for one in found
        for library in (one.library or "", *one.doubts, *(spared.library for spared in one.spared))
    }
