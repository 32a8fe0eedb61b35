"""RUN805."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence.foreign_folders import ForeignFolder, foreign_folders
from gpufix.evidence.rocm_wheels import mixed, wrong_family
from gpufix.evidence.switches import switched
from gpufix.evidence.view import View
from gpufix.model import Gpu, Library, Problem
from gpufix.model.payload import EnvironmentVariable, Switched


@rule("RUN805", "harmful-variable")
def harmful_variable(view: View) -> Iterator[Fault]:
    """An environment variable changes which libraries are loaded or which GPUs are seen.

    ## What it does
    Looks at `PYTHONPATH` (packages that are compiled for another Python), `LD_LIBRARY_PATH` (a stub of the driver, a copy of a library that lacks what is
    asked of it, a system's ROCm before that of the wheels), `ROCM_SDK_TARGET_FAMILY` (a family whose
    libraries are not here), `CUDA_VISIBLE_DEVICES` and its AMD twins (hiding every GPU),
    `HSA_OVERRIDE_GFX_VERSION` (another major than the GPU's), `CUDA_FORCE_PTX_JIT`,
    `CUDA_DISABLE_PTX_JIT` and `CUDA_LAUNCH_BLOCKING`; where a GPU must be served, those by which an
    installed package takes the CPU (`JAX_PLATFORMS=cpu`, `NUMBA_ENABLE_CUDASIM`, `TRITON_INTERPRET`).

    ## Why it matters
    Such a line in a shell profile outlives its reason by years, and no error names it.

    ## Example
    `CUDA_VISIBLE_DEVICES is "-1": every GPU is hidden from CUDA.`

    ## Severity
    Error when loading fails by it; warning for a library of NVIDIA's wheels that nothing here is known to load, when GPUs are hidden or code is refused; advice when
    it only costs time.

    ## Fix
    Safe: unset it in the environment file, or set it to 0 where code sets it when Python starts and
    gives way to a value.

    ## Source
    CUDA programming guide, appendix on environment variables; ld.so(8); ROCm: HSA runtime.
    """
    for found in view.derive(foreign_folders):
        yield _python_path(view, found)
    yield from _library_path(view)
    yield from _two_rocms(view)
    yield from _family(view)
    yield from _stubs(view)
    yield from _hidden(view)
    yield from _override(view)
    yield from _slow(view)
    yield from _to_cpu(view)


def _python_path(view: View, found: ForeignFolder) -> Fault:
    """Packages of another Python, which cannot be imported and may hide those that can."""
    python, own = view.facts.python, found.hidden
    value = view.env("PYTHONPATH") or ""
    rest = [part for part in value.split(":") if part and normpath(part) != found.folder]
    hides = f", and hides the environment's own {own.name} {own.version}" if own else ""
    return Fault(
        severity=ERROR if own else WARNING,
        subject="PYTHONPATH",
        message=f"PYTHONPATH puts {found.folder} first, whose {found.user} is compiled for "
        f"{', '.join(found.tags)}{hides}; this is Python {python.version if python else ''}.",
        evidence=(f"PYTHONPATH={value}",),
        breaks=(f"tree:{found.folder}",),
        payload=EnvironmentVariable("PYTHONPATH", rest=":".join(rest) or None),
    )


def _library_path(view: View) -> Iterator[Fault]:
    """A library that LD_LIBRARY_PATH put first lacks what is asked of it."""
    spoiled: dict[str, list[tuple[Library, Problem]]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.why == "LD_LIBRARY_PATH" and problem.provider:
                spoiled.setdefault(problem.provider, []).append((library, problem))
    for provider, rows in sorted(spoiled.items()):
        rows.sort(key=lambda row: not _is_asked(row[0]))
        library, problem = rows[0]
        yield Fault(
            severity=ERROR if _is_asked(library) else WARNING,
            subject="LD_LIBRARY_PATH",
            message=f"LD_LIBRARY_PATH makes the loader take {provider}, which lacks {problem.name} "
            f"that {library.distribution or library.path} needs.",
            evidence=(f"LD_LIBRARY_PATH={view.env('LD_LIBRARY_PATH') or ''}",),
            breaks=(f"provider:{provider}",),
            payload=EnvironmentVariable("LD_LIBRARY_PATH"),
        )


def _is_asked(library: Library) -> bool:
    """Whether something here loads it; who opens one of NVIDIA's wheels may have opened its own before."""
    return bool(library.opened_by) or not (library.distribution or "").startswith("nvidia-")


def _two_rocms(view: View) -> Iterator[Fault]:
    """Another ROCm's libraries are taken in the place of the wheels' own; one says it for all."""
    row = next(mixed(view), None)
    if row is not None:
        yield Fault(
            severity=WARNING,
            subject="LD_LIBRARY_PATH",
            message=f"LD_LIBRARY_PATH makes the loader take {row.taken} for {row.user}, which comes "
            f"with {row.own}: two ROCm in one process.",
            evidence=(f"LD_LIBRARY_PATH={view.env('LD_LIBRARY_PATH') or ''}",),
            payload=EnvironmentVariable("LD_LIBRARY_PATH"),
        )


def _family(view: View) -> Iterator[Fault]:
    if found := wrong_family(view):
        name, value = found
        yield Fault(
            severity=ERROR,
            subject=name,
            message=f'{name} is "{value}"; rocm-sdk-libraries-{value.lower()} is not installed, so '
            "that what opens ROCm's libraries raises.",
            evidence=("source: rocm_sdk/_dist_info.py, determine_target_family",),
            payload=EnvironmentVariable(name),
        )


def _stubs(view: View) -> Iterator[Fault]:
    for folder in (view.env("LD_LIBRARY_PATH") or "").split(":"):
        if re.search(r"/(lib64|lib)/stubs/?$", folder):
            yield Fault(
                severity=WARNING,
                subject="LD_LIBRARY_PATH",
                message=f"LD_LIBRARY_PATH holds {folder}, a folder of link-time stubs: a libcuda "
                "found there has no driver behind it.",
                breaks=("driver:stub",),
                payload=EnvironmentVariable("LD_LIBRARY_PATH"),
            )


def _hidden(view: View) -> Iterator[Fault]:
    hiders = {
        "nvidia": ("CUDA_VISIBLE_DEVICES",),
        "amd": ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"),
    }
    for vendor in sorted({g.vendor for g in view.facts.gpus}):
        for name in hiders[vendor]:
            value = view.env(name)
            if value is not None and _hides_all(value, view.facts.gpus, vendor):
                yield Fault(
                    severity=WARNING,
                    subject=name,
                    message=f'{name} is "{value}": every GPU is hidden from '
                    f"{'CUDA' if vendor == 'nvidia' else 'HIP'}.",
                    payload=EnvironmentVariable(name),
                )


def _hides_all(value: str, gpus: list[Gpu], vendor: str) -> bool:
    """Entries after an invalid index are dropped, so the first one decides."""
    first = value.split(",")[0].strip()
    if not first or first.startswith("-"):
        return True
    present = sum(g.vendor == vendor for g in gpus)
    return first.isdigit() and int(first) >= present


def _override(view: View) -> Iterator[Fault]:
    value = view.env("HSA_OVERRIDE_GFX_VERSION")
    parts = value.split(".") if value else []
    amd = [g for g in view.facts.gpus if g.vendor == "amd" and g.arch]
    if not value or not amd:
        return
    if len(parts) != 3 or not all(re.fullmatch(r"[0-9a-f]+", p) for p in parts):
        yield Fault(
            severity=ERROR,
            subject="HSA_OVERRIDE_GFX_VERSION",
            message=f'HSA_OVERRIDE_GFX_VERSION is "{value}"; its form is major.minor.stepping.',
            payload=EnvironmentVariable("HSA_OVERRIDE_GFX_VERSION"),
        )
        return
    others = [g for g in amd if _gfx_major(g.arch or "") != parts[0]]
    if len(others) == len(amd):
        yield Fault(
            severity=ERROR,
            subject="HSA_OVERRIDE_GFX_VERSION",
            message=f"HSA_OVERRIDE_GFX_VERSION is {value}; the GPU is {others[0].arch}, of another "
            "major, whose code this one cannot run.",
            payload=EnvironmentVariable("HSA_OVERRIDE_GFX_VERSION"),
        )


def _gfx_major(arch: str) -> str:
    """ "gfx1101" → "11", "gfx90a" → "9": the last two characters are minor and stepping."""
    return arch.partition(":")[0].removeprefix("gfx")[:-2]


def _slow(view: View) -> Iterator[Fault]:
    if not any(t.vendor == "nvidia" for t in view.targets):
        return
    costs = {
        "CUDA_LAUNCH_BLOCKING": (ADVICE, "every kernel launch waits for its end"),
        "CUDA_FORCE_PTX_JIT": (WARNING, "machine code is ignored, and what holds no PTX fails"),
        "CUDA_DISABLE_PTX_JIT": (WARNING, "code that is there as PTX only fails"),
    }
    for name, (severity, what) in costs.items():
        if view.env(name) == "1":
            yield Fault(
                severity=severity,
                subject=name,
                message=f"{name} is 1: {what}.",
                payload=EnvironmentVariable(name),
            )


def _to_cpu(view: View) -> Iterator[Fault]:
    for taken in switched(view) if view.targets else ():
        row = taken.row
        if not row.wants:
            yield Fault(
                severity=WARNING,
                subject=row.variable,
                message=f'{row.variable} is "{taken.value}": {row.says}.',
                evidence=(*([f"set by {taken.by}"] if taken.by else []), f"source: {row.source}"),
                payload=Switched(row.variable, (), taken.by, taken.off),
            )
