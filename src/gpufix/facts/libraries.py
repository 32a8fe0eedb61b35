"""The patient's compiled libraries: would they load, and for which GPUs do they hold code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gpufix.binary.elf import ElfError
from gpufix.facts.context import Context
from gpufix.facts.extension_names import python_tag, stray
from gpufix.facts.files import text
from gpufix.facts.library_files import find
from gpufix.facts.library_owners import owners
from gpufix.facts.library_record import Describer
from gpufix.facts.library_verdicts import Judge
from gpufix.facts.numpy_abi import built_for_numpy_1
from gpufix.model import Binaries, CondaPackage, Distribution, Python, Torch


def collect(
    ctx: Context,
    python: Python | None,
    distributions: Sequence[Distribution],
    torch: Torch | None,
    extra: Sequence[str] = (),
    packages: Sequence[CondaPackage] = (),
) -> Binaries:
    """Scan every shared library in the site folders and editable projects, and the `extra` ones
    (JIT caches, libraries built in place).

    Kept are torch's own, NVIDIA's, those with GPU code, torch's users, faulty ones, and modules
    that lie here for another Python alone. A library for another Python is not asked to load.
    """
    if python is None:
        return Binaries()
    paths = list(dict.fromkeys([*find(ctx, python, distributions), *extra]))
    belongs = owners(distributions, packages, paths)
    try:
        judge = Judge(ctx, python, paths, belongs)
    except ElfError as error:
        ctx.gap("binaries", "binaries", text(f"the interpreter cannot be read: {error}"))
        return Binaries()
    describer = Describer(ctx, judge, belongs, stray(paths, python.tag))
    kept = [library for path in paths if (library := describer.describe(path))]
    return Binaries(
        scanned=len(paths),
        libraries=kept,
        with_code=sum(1 for lib in kept if lib.code),
        numpy_1={
            text(path): belongs.get(path)
            for path in built_for_numpy_1(judge, distributions, paths, belongs)
        },
        modules=Counter(belongs[path] for path in paths if path in belongs and python_tag(path)),
    )
