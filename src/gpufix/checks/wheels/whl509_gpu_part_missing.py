"""WHL509."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename, dirname

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence import rocm_wheels
from gpufix.evidence.chosen_library import Unchosen, unchosen_libraries
from gpufix.evidence.cuda_wheels import is_required
from gpufix.evidence.families import Rivals, rivals
from gpufix.evidence.gpu_parts import AbsentPart, LostLibraries, absent_parts, used_otherwise
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.severity import Row, weigh
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.knowledge.plugins import plugin
from gpufix.knowledge.rocm_wheels import placeholder_source
from gpufix.model import Distribution, Gap, Severity, SharedFile
from gpufix.model.payload import (
    AbsentGpuPart,
    DistributionFault,
    EnvironmentVariable,
    LostGpuLibraries,
    RivalDistributions,
    UnchosenLibrary,
    UnsearchedLibraries,
)
from gpufix.text.clean import and_more, counted


@rule("WHL509", "gpu-part-missing")
def gpu_part_missing(view: View) -> Iterator[Fault | Gap]:
    """A framework takes the CPU, since its GPU part is not there or cannot load.

    ## What it does
    Finds a GPU package whose files another package has overwritten (onnxruntime over
    onnxruntime-gpu); a plug-in or provider that finds the CUDA libraries nowhere that it looks
    (JAX's plug-in, ONNX Runtime's CUDA provider, CTranslate2, TensorFlow), or that are there, in a
    folder where it does not look (ONNX Runtime's TensorRT provider beside TensorRT's wheel, CuPy 13
    beside NVRTC's); a plug-in without its other half; a package that has a library for each CUDA, and none for torch's
    (bitsandbytes); a framework without any GPU part where a GPU must be served; and an empty wheel
    that the package index has under the name of one of ROCm's.

    ## Why it matters
    Nothing fails: the program runs on the CPU, and is slow. `Unable to load CUDA. Is it
    installed?`, `Specified provider 'CUDAExecutionProvider' is not in available provider names`.

    ## Example
    `onnxruntime 1.23.2 has overwritten
    onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so (and 2 more files)
    of onnxruntime-gpu 1.23.2: its GPU providers are gone.`

    ## Severity
    Error for overwritten files of a package that is for GPUs only, and where a GPU that must be
    served loses what is installed for it. Warning for an installed GPU part on a machine without a
    GPU, or with another vendor's that nobody named (an error for one that was), for a framework
    without one where a GPU must be served, for libraries that lie where nobody looks, and for a
    package that works without it beside another framework that uses the GPU. Advice for a framework
    without a GPU part that others require, or beside another framework that uses the GPU; and for
    libraries that lie there and are opened by a call only. Silent for CPU packages where no GPU must be served.

    ## Fix
    Safe: the libraries that the package's extra names, at the installed version; the half that is
    absent; the GPU package's files again, over those of a package that others require. Unsafe:
    remove the package that has overwritten them, and restore the GPU package; the release that is
    built for the CUDA that is here; the package for GPUs in the place of the one for CPUs, or the one for
    AMD's; its source built for the GPU. Manual:
    what must be built by hand, or comes from an index of its own.

    ## Source
    The packages' RECORD files and metadata; strings of their libraries; what they print.
    """
    for several in rivals(view):
        if several.lost is not None:
            yield _overwritten(view, several, *several.lost)
    for name, rows in sorted(view.derive(LostLibraries.of).rows.items()):
        yield from _lost(view, name, rows)
    for absent in absent_parts(view):
        yield from _absent(view, absent)
    for dist, wanted in rocm_wheels.placeholders(view):
        yield _placeholder(dist, wanted)
    for unchosen in unchosen_libraries(view):
        variable = unchosen.row.variable if unchosen.by_variable else None
        yield _misled(unchosen, variable) if variable else _unchosen(unchosen)


def _placeholder(dist: Distribution, wanted: bool) -> Fault:
    return Fault(
        severity=ERROR if wanted else WARNING,
        subject=dist.name,
        message=f"{dist.name} {dist.version} is empty: the package index holds its name, and AMD's "
        "own index has the wheel.",
        evidence=(f"source: {placeholder_source()}",),
        breaks=(f"family:{dist.name}",),
        payload=DistributionFault(dist.name),
    )


def _unchosen(unchosen: Unchosen) -> Fault:
    """torch's CUDA is not among those that it has a library for."""
    name, row = unchosen.dist.name, unchosen.row
    return Fault(
        severity=ERROR,
        subject=name,
        message=_has_not(unchosen, f"torch {unchosen.torch} asks for"),
        evidence=(f"source: {row.source}",),
        breaks=(f"family:{name}",),
        payload=UnchosenLibrary(name),
    )


def _misled(unchosen: Unchosen, variable: str) -> Fault:
    """A variable names a library that is absent, or another CUDA's."""
    name, row = unchosen.dist.name, unchosen.row
    message = _has_not(unchosen, f"{variable} names")
    if unchosen.is_here:
        message = (
            f"{variable} has {name} open {unchosen.wanted}; torch {unchosen.torch} is for another "
            "CUDA."
        )
    return Fault(
        severity=WARNING if unchosen.is_here else ERROR,
        subject=name,
        message=message,
        evidence=(f"source: {row.source}",),
        breaks=(f"family:{name}",),
        payload=EnvironmentVariable(variable),
    )


def _has_not(unchosen: Unchosen, by: str) -> str:
    has = ", ".join(unchosen.has)
    what = f"{unchosen.dist.name} {unchosen.dist.version} has no {unchosen.wanted}"
    return f"{what}, which {by}; it has those for {has}: {unchosen.row.says}."


def _overwritten(view: View, several: Rivals, gpu: Distribution, core: SharedFile) -> Fault:
    holder = view.dist(core.holder or "")
    taken = [
        f.path
        for f in view.facts.shared_files
        if f.differ and f.holder == core.holder and gpu.name in f.owners and ".so" in f.path
    ]
    more = f" (and {counted(len(taken) - 1, 'more file')})" if len(taken) > 1 else ""
    return Fault(
        severity=ERROR if several.group.asked or view.targets else WARNING,
        subject=" / ".join(several.names),
        message=(
            f"{core.holder} {holder.version if holder else ''} has overwritten {core.path}{more} of "
            f"{gpu.name} {gpu.version}: {several.group.lost}."
        ),
        evidence=(*taken[:10], f"source: {several.group.source}"),
        breaks=(*(f"collision:{name}" for name in several.names), f"family:{gpu.name}"),
        payload=RivalDistributions(several.names),
    )


def _lost(view: View, name: str, rows: Sequence[Row]) -> Iterator[Fault | Gap]:
    known, dist = families.libraries(name), view.dist(name)
    lie = [row for row in rows if row[1].provider]
    gone = [row for row in rows if row not in lie]
    opened = [row for row in lie if known and known.opened_by and bringing(row[1].name)]
    yield from _unsearched(view, name, [row for row in lie if row not in opened])
    if known and known.opened_by and opened and not gone:
        yield _opened_by_call(name, known.opened_by, opened)
    weighed = weigh(view, gone)
    yield from weighed.gaps()
    if weighed.severity is None:
        return
    if view.targets and not any(target.vendor == "nvidia" for target in view.targets):
        yield _for_another_vendor(view, name)
        return
    missing = sorted({problem.name for _, problem in weighed.rows})
    each = [bringing(soname) for soname in missing]
    wheels = tuple(dict.fromkeys(w for row in each for w in row))
    # A wheel that somebody else lacks is the cause where such wheels bring all that is missing.
    told = all(any(view.dist(w) or is_required(view, w) for w in row) for row in each)
    more = and_more(missing)
    version = f" {dist.version}" if dist else ""
    yield Fault(
        severity=_eased(view, name, weighed.rows, weighed.severity),
        subject=name,
        message=(
            f"{name}{version} needs {missing[0]}{more} for the GPU, which {'are' if more else 'is'} "
            "in no folder that it searches."
        ),
        evidence=tuple(
            dict.fromkeys(f"{basename(x.path)} needs {p.name}" for x, p in weighed.rows)
        ),
        breaks=(f"load:{name}",),
        needs=(
            f"cuda:{name}",
            f"family:{name}",
            *(f"soname:{s}" for s in missing),
            *(f"dist:{w}" for w in wheels if told),
        ),
        payload=LostGpuLibraries(name, wheels),
    )


def _for_another_vendor(view: View, name: str) -> Fault:
    """The CUDA libraries would not help."""
    archs = ", ".join(target.arch for target in view.targets)
    dist = view.dist(name)
    return Fault(
        severity=ERROR if any(target.gpu is None for target in view.targets) else WARNING,
        subject=name,
        message=f"{name} {dist.version if dist else ''} is for NVIDIA's GPUs; {archs} needs a build for AMD's.",
        breaks=(f"load:{name}",),
        needs=(f"family:{name}",),
        payload=LostGpuLibraries(name, ()),
    )


def _eased(view: View, name: str, rows: Sequence[Row], severity: Severity) -> Severity:
    """What is of use without a GPU is no error beside a framework that has it."""
    dist = view.dist(name)
    version = dist.version if dist else None
    plugins = [plugin(x.path, name, version) for x, _ in rows if x.opened_by == "plugin"]
    optional = bool(plugins) and not any(known and known.asked for known in plugins)
    return WARNING if optional and used_otherwise(view, "nvidia", {name}) else severity


def _unsearched(view: View, name: str, rows: Sequence[Row]) -> Iterator[Fault]:
    """A program may open them before: no error; and nobody misses them where no GPU is to be served."""
    weighed = weigh(view, rows)
    served = any(target.vendor == "nvidia" for target in view.targets)
    if weighed.severity is None or not served:
        return
    held = tuple(sorted({problem.provider or "" for _, problem in weighed.rows}))
    missing = sorted({problem.name for _, problem in weighed.rows})
    more = and_more(missing)
    dist = view.dist(name)
    yield Fault(
        severity=WARNING,
        subject=name,
        message=(
            f"{name} {dist.version if dist else ''} needs {missing[0]}{more} for the GPU, which "
            f"{'lie' if more else 'lies'} where the loader does not look: in {dirname(held[0])}."
        ),
        evidence=tuple(
            dict.fromkeys(f"{basename(x.path)} needs {p.name}" for x, p in weighed.rows)
        ),
        breaks=(f"load:{name}",),
        payload=UnsearchedLibraries(held),
    )


def _opened_by_call(name: str, call: str, rows: Sequence[Row]) -> Fault:
    lie = sorted({problem.provider or "" for _, problem in rows})
    return Fault(
        severity=ADVICE,
        subject=f"{name}: {call}",
        message=(
            f"{name} finds its CUDA libraries, {basename(lie[0])} among them, only after {call}, or "
            "where another package has opened them before."
        ),
        evidence=tuple(lie[:10]),
    )


def _absent(view: View, absent: AbsentPart) -> Iterator[Fault]:
    part, framework = absent.part, absent.framework
    served = any(target.vendor == part.vendor for target in view.targets)
    if not absent.present and not served:
        return
    if absent.present:
        severity: Severity = ERROR if served else WARNING
        found = f"{' and '.join(absent.present)} without {' and '.join(absent.lacking)}"
    else:
        severity = _wish(view, absent)
        found = "no GPU part"
    yield Fault(
        severity=severity,
        subject=framework.name,
        message=f"{framework.name} {framework.version} has {found}: {part.says.rstrip('.')}.",
        evidence=(f"source: {part.source}",),
        breaks=(f"family:{framework.name}",) if absent.present else (),
        needs=tuple(f"dist:{name}" for name in absent.lacking),
        payload=AbsentGpuPart(framework.name, absent.present, absent.lacking),
    )


def _wish(view: View, absent: AbsentPart) -> Severity:
    """Whether the framework is what this environment would use its GPU by."""
    name = absent.framework.name
    required = view.derive(Requirements.of).required_by.get(name)
    beside = used_otherwise(view, absent.part.vendor, {name})
    return ADVICE if beside or (required and not absent.framework.requested) else WARNING
