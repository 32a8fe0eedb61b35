"""GPU103."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from posixpath import basename

from gpufix.checks.registry import ADVICE, ERROR, Fault, rule
from gpufix.evidence import rocm_wheels
from gpufix.evidence.gpu_code import (
    LibraryCode,
    Service,
    SubjectCode,
    driver_cuda,
    extensions,
    label,
    listed,
    reaches,
    refused,
    targets_of_code,
    unserved,
    variants_only,
)
from gpufix.evidence.partial import Partial, partials
from gpufix.evidence.rocm_wheels import KernelLack
from gpufix.evidence.view import View
from gpufix.knowledge.gpus.units import reach
from gpufix.model import Gap, Severity, Target
from gpufix.model.payload import UnfitCode


@rule("GPU103", "extension-lacks-target")
def extension_lacks_target(view: View) -> Iterator[Fault | Gap]:
    """An installed extension holds no GPU code that runs on a target, or not for all of its kernels.

    ## What it does
    Reads machine code, PTX and AMD code objects out of the extension's libraries. A launch finds
    its kernel in the code of one source file, so that each of these units must serve the target.
    Left out are units whose kernels say in their names what they are for (`Sm80`, `hopper`); and,
    where anything asks which GPU is there, those for exact, family or newer targets only.
    For AMD's GPUs also what lies beside a library: AMD's archives of code (kpack), and rocBLAS's
    kernel files by the architecture in their names. What hipBLASLt, MIOpen and AOTriton lack costs
    time: it is recorded (`gpufix snapshot`), and is no fault.

    ## Why it matters
    The import succeeds. The first launch fails (`no kernel image is available`, `invalid device
    function`), or an unchecked launch leaves its results unwritten, and an allocation of an absurd
    size follows.

    ## Example
    `diff-gaussian-rasterization holds machine code for sm_86, sm_90; none of it runs on sm_120
    (NVIDIA GeForce RTX 5080).`

    ## Severity
    Error; advice for a GPU beside another one that is served. A gap where some units lack code, and
    it is not known whether they are launched there.
    A distribution counts as one: some of its libraries may be for other GPUs. Where its dispatcher is
    known to take one of them for a compute capability (xformers' FlashAttention 3, SageAttention,
    sgl-kernel), that one must serve the target, and is named. Code for exact or family targets only:
    GPU108.

    ## Fix
    Safe: rebuild it for the targets, when its source is known. Unsafe: a release, of the package or of
    another of its project, whose wheel was read to have code for them, or a fallback in its place.
    Manual: ROCm's wheel for the target, from AMD's own index.

    ## Source
    The libraries themselves; the dispatchers' sources, a row each in `knowledge/dispatchers.toml`;
    launches on an H200 (`benchmarks/launch_oracle.py`); NVIDIA's Blackwell compatibility guide 1.2;
    LLVM AMDGPUUsage.
    """
    for code in extensions(view.facts):
        if variants_only(code):
            continue
        targets = targets_of_code(view, code)
        for target, severity in unserved(code, targets, Service.partly, driver_cuda(view)):
            for part in partials(view, code, target):
                what = _partly(code, target, part, view.demangle(part.kernel) or part.kernel)
                if part.certain:
                    yield _fault(code, target, severity, f"{what}.")
                else:
                    reason = f"{what}; whether they are launched is not known"
                    yield Gap(section="gpu code", subject=code.subject, reason=reason)
        for target, severity in unserved(code, targets, driver_cuda=driver_cuda(view)):
            taken = refused(reaches(code, target, driver_cuda(view)), target)
            if taken:
                yield _dispatched(code, target, severity, taken[0])
            elif code.apart:
                what = rocm_wheels.lacking(view, code, target)
                yield _fault(code, target, severity, what)
            else:
                held = listed(code.objects)
                what = f"{code.subject} holds {held}; none of it runs on {label(target)}."
                yield _fault(code, target, severity, what)
    yield from _kernel_files(view)


def _kernel_files(view: View) -> Iterator[Fault | Gap]:
    """ROCm's libraries whose kernels lie in files beside them."""
    for files, variable in rocm_wheels.elsewhere(view):
        reason = f"{variable} names another folder of kernels, which was not looked at"
        yield Gap(section="gpu code", subject=files.library, reason=reason)
    for lack in rocm_wheels.kernel_lacks(view):
        held = sorted(lack.files.files)
        folder, owner = lack.files.folder, lack.files.distribution
        have = f"are for {_cut(held)}" if held else "are for no GPU"
        yield Fault(
            severity=_of_kernels(view, lack),
            subject=owner or lack.files.library,
            message=f"The kernel files of {basename(lack.files.library)} {have}, none for "
            f"{label(lack.target)}: {lack.row.says}.",
            evidence=(folder, f"source: {lack.row.source}"),
            breaks=(f"code:{owner}",),
            needs=("torch-code", f"code:{owner}") if owner == "torch" else (f"code:{owner}",),
            payload=UnfitCode(owner or lack.files.library, lack.target.arch),
        )


def _of_kernels(view: View, lack: KernelLack) -> Severity:
    """As evidence.gpu_code.unserved has it: no error beside a GPU that is served."""
    others = (t for t in view.targets if t.vendor == "amd" and t.arch in lack.files.files)
    return ADVICE if lack.target.gpu is not None and any(others) else ERROR


def _cut(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) < 10 else [*names[:4], "…", *names[-4:]])


def _dispatched(
    code: SubjectCode, target: Target, severity: Severity, library: LibraryCode
) -> Fault:
    """The one library that the package's dispatcher takes on this GPU."""
    file = "/".join(library.path.split("/")[-2:])
    taken = f"{code.subject} takes {file} on {label(target)}"
    units = [item for unit in library.units for item in unit.code]
    until = library.taken.until if library.taken else None
    if until is not None and reach(library.units, target.arch).status != "none":
        what = (
            f"{taken}; its kernels are for compute capability {until // 10}.{until % 10} and older."
        )
    else:
        what = f"{taken}, which holds {listed(units)}; none of it runs there."
    fault = _fault(code, target, severity, what)
    source = library.taken.source if library.taken else ""
    return replace(fault, evidence=(library.path, source))


def _fault(code: SubjectCode, target: Target, severity: Severity, message: str) -> Fault:
    return Fault(
        severity=severity,
        subject=code.subject,
        message=message,
        evidence=code.evidence,
        breaks=(f"code:{code.subject}",),
        payload=UnfitCode(code.subject, target.arch),
    )


def _partly(code: SubjectCode, target: Target, part: Partial, kernel: str) -> str:
    file, units = part.path.rpartition("/")[2], part.lacking + part.served
    return (
        f"{code.subject}: {part.lacking} of the {units} units of GPU code in {file} "
        f"{'lacks' if part.lacking == 1 else 'lack'} code for {label(target)}, with kernels such as "
        f"{kernel.partition('(')[0]}: {part.why}"
    )
