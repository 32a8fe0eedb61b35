"""All compiled libraries of the environment, and the NumPy ABI that they were built for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gpufix.binary.elf import ElfError
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import kernel_files
from gpufix.facts.libraries.identity import identities
from gpufix.facts.libraries.import_outcomes import asked_in_vain, import_outcomes
from gpufix.facts.libraries.library_facts import Describer
from gpufix.facts.libraries.library_files import owners, python_tag, stray
from gpufix.facts.libraries.library_walk import find
from gpufix.facts.libraries.old_cxx import old_cxx
from gpufix.facts.libraries.verdicts import Judge, names_torch
from gpufix.facts.reading import text
from gpufix.knowledge.cuda_libraries import belongs as belongs_to_cuda
from gpufix.model import Binaries, CondaPackage, Distribution, Python, Torch

# Cython's modules say so where they take NumPy's types, even without its C functions.
_OLD = re.compile(rb"numpy\.core\.(?:_multiarray_umath|multiarray failed to import)")
_NEW = re.compile(rb"numpy\._core\.(?:_multiarray_umath|multiarray failed to import)")
_LIMIT = 64 << 20  # bytes of constants read of one module
_MODULES = 40  # of one distribution, of which none may use NumPy


def built_for_numpy_1(
    judge: Judge,
    distributions: Sequence[Distribution],
    paths: Iterable[str],
    belongs: Mapping[str, str],
) -> list[str]:
    """One module of each distribution that NumPy 2 refuses; none where NumPy 2 is not installed."""
    numpy = next((d.version for d in distributions if d.name == "numpy"), "")
    if not numpy.partition(".")[0].isdigit() or int(numpy.partition(".")[0]) < 2:
        return []
    # Metadata without any requirement tells nothing.
    users = {
        d.name
        for d in distributions
        if not d.requires or any(r.startswith("numpy") for r in d.requires)
    }
    users.add("torch")
    abi_of_owner: dict[
        str, bool
    ] = {}  # a wheel is built at once: its first module that says so decides
    refused = []
    read: Counter[str] = Counter()
    for path in paths:
        owner = belongs.get(path)
        if not _may_use(path, owner, users) or read[owner or path] >= _MODULES:
            continue
        read[owner or path] += 1
        old = abi_of_owner.get(owner or path)
        if old is None and (old := _refused(judge, path)) is not None:
            abi_of_owner[owner or path] = old
            if old:
                refused.append(path)
    return refused


def _may_use(path: str, owner: str | None, users: set[str]) -> bool:
    if owner == "torch":
        return path.endswith("/libtorch_python.so")
    return python_tag(path) is not None and owner != "numpy" and (owner is None or owner in users)


def _refused(judge: Judge, path: str) -> bool | None:
    """None when the module does not use NumPy's C interface, or cannot be read."""
    elf = judge.elf(path)
    try:
        constants = elf.section(".rodata") if elf else None
    except ElfError:
        return None
    if constants is None:
        return None
    head = constants[:_LIMIT]
    if _NEW.search(head):
        return False
    return True if _OLD.search(head) else None


def _for_gpus(judge: Judge, belongs: Mapping[str, str]) -> set[str]:
    """The distributions whose libraries link torch, or a library of CUDA's or ROCm's."""
    return {
        owner
        for path, owner in belongs.items()
        if (elf := judge.elf(path)) and (names_torch(elf) or any(map(_is_of_gpu, elf.needed)))
    }


def _is_of_gpu(name: str) -> bool:
    return belongs_to_cuda(name) or name.startswith(("libamdhip64.so", "libcuda.so"))


def _named_of_cuda(
    judge: Judge, paths: Iterable[str], belongs: Mapping[str, str]
) -> dict[str, list[str]]:
    """The CUDA libraries that each distribution's libraries name, whether they are found or not."""
    found: dict[str, set[str]] = {}
    for path in paths:
        elf = judge.elf(path)
        named = [name for name in elf.needed if belongs_to_cuda(name)] if elf else ()
        if named:
            found.setdefault(belongs.get(path) or text(path), set()).update(named)
    return {owner: sorted(map(text, names)) for owner, names in sorted(found.items())}


def collect(
    ctx: CollectContext,
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
    walked = find(ctx, python, distributions)
    walked.add(extra)
    belongs = owners(distributions, packages, walked.every())
    walked.prefer(belongs)
    paths = walked.paths
    try:
        judge = Judge(ctx, python, paths, belongs, walked.others)
    except ElfError as error:
        ctx.gap("binaries", "binaries", text(f"the interpreter cannot be read: {error}"))
        return Binaries()
    old = built_for_numpy_1(judge, distributions, paths, belongs)
    silent = {dist.name for dist in distributions if not dist.requires}
    unfit = [path for path in old if belongs.get(path) in silent]
    # Suspect is what the loader would refuse, and what is taken to load since its package opens
    # libraries before: the sources tell whether it opens those that are lacking.
    suspect = [p for p, v in judge.verdicts.items() if v.refused or v.context == "package"]
    suspect += [path for path in unfit if path not in suspect]
    of_gpu = _for_gpus(judge, belongs)
    told = import_outcomes(
        ctx, python, judge, suspect, of_gpu, belongs, torch, distributions, unfit
    )
    opened = asked_in_vain(told)
    versions = {dist.name: dist.version for dist in reversed(distributions)}
    describer = Describer(ctx, judge, belongs, stray(paths, python.tag), opened, versions)
    kept = [library for path in paths if (library := describer.describe(path))]
    files, further = identities(ctx, paths, belongs) if ctx.compare else ([], {})
    return Binaries(
        scanned=len(paths),
        libraries=kept,
        with_code=sum(1 for lib in kept if lib.code),
        numpy_1={text(path): belongs.get(path) for path in old},
        imports=told,
        modules=Counter(belongs[path] for path in paths if path in belongs and python_tag(path)),
        cuda=_named_of_cuda(judge, paths, belongs),
        old_cxx=old_cxx(judge, belongs),
        kernel_files=kernel_files.collect(ctx, paths, belongs),
        files=files,
        further=further,
    )
