"""What ROCm's own wheels hold for a target: code in wheels apart, kernels in files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import dirname

from gpufix.evidence.gpu_code import SubjectCode, as_posed, label, listed
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import rocm_wheels
from gpufix.knowledge.rocm_wheels import KernelFolder
from gpufix.model import Distribution, KernelFiles, Library, Target

_VARIABLE = "ROCM_SDK_TARGET_FAMILY"
_LIBRARIES = "rocm-sdk-libraries-"
# What rocm-sdk-core has for others to load; without GPU code, the facts need not list it.
_OF_CORE = re.compile(r"lib(?:amdhip64|hiprtc|hsa-runtime64|amd_comgr|rocprofiler|roctx64)\b")


def lacking(view: View, code: SubjectCode, target: Target) -> str:
    """What a thing lacks whose code lies in wheels of its own: a sentence of a message."""
    dist, held = view.dist(code.subject), listed(code.objects)
    named = f"{code.subject} {dist.version}" if dist else code.subject
    wheel = rocm_wheels.code_wheel(code.subject, target.arch.partition(":")[0])
    needs = f"{label(target)} needs {wheel}" if wheel else f"none of it runs on {label(target)}"
    have = held if code.objects else "none of them is here"
    return f"{named} has its GPU code in wheels of their own: {have}; {needs}."


def placeholders(view: View) -> Iterator[tuple[Distribution, bool]]:
    """Empty wheels in the place of ROCm's, and whether a target needs what they stand for."""
    archs = {t.arch.partition(":")[0] for t in view.targets if t.vendor == "amd"}
    for dist in view.facts.distributions:
        if rocm_wheels.is_placeholder(dist.name, dist.version):
            gfx = rocm_wheels.gfx_of_wheel(dist.name)
            yield dist, bool(archs and (not gfx or archs & set(gfx)))


class KernelLack(Frozen):
    """A library of ROCm whose kernel files are for other GPUs only."""

    files: KernelFiles
    row: KernelFolder
    target: Target


def kernel_lacks(view: View) -> Iterator[KernelLack]:
    """The libraries that end the process for a target, since no kernel file is for it."""
    rows = {row.kind: row for row in rocm_wheels.kernel_folders()}
    for found in view.facts.binaries.kernel_files:
        row = rows.get(found.kind)
        if row is None or not row.needed or (row.variable and view.env(row.variable)):
            continue
        for target in (as_posed(view, t) for t in view.targets):
            arch = target.arch.partition(":")[0]
            if target.vendor == "amd" and not {arch, ""} & found.files.keys():
                yield KernelLack(found, row, target)


def elsewhere(view: View) -> Iterator[tuple[KernelFiles, str]]:
    """The libraries whose kernels a variable names another folder for, which nobody looked at."""
    rows = {row.kind: row for row in rocm_wheels.kernel_folders() if row.needed}
    for found in view.facts.binaries.kernel_files:
        variable = rows[found.kind].variable if found.kind in rows else None
        if variable and view.env(variable):
            yield found, variable


def wrong_family(view: View) -> tuple[str, str] | None:
    """ROCM_SDK_TARGET_FAMILY and its value, where libraries are here, and not those of the family."""
    value = view.env(_VARIABLE)
    held = [d.name for d in view.facts.distributions if d.name.startswith(_LIBRARIES)]
    if not value or not held or f"{_LIBRARIES}{value}".lower() in held:
        return None
    return _VARIABLE, value


class Mixed(Frozen):
    """A library of ROCm's wheels, or of torch's, takes one of another ROCm."""

    user: str  # the library that asks
    name: str  # for this
    taken: str  # the file
    own: str  # the file that was meant


def mixed(view: View) -> Iterator[Mixed]:
    """Libraries of another ROCm that LD_LIBRARY_PATH puts before those of the wheels."""
    folders = [f.rstrip("/") for f in (view.env("LD_LIBRARY_PATH") or "").split(":") if f]
    wheels = [t.root for t in view.facts.toolkits if t.kind == "rocm" and t.origin == "wheel"]
    libraries = view.facts.binaries.libraries
    own = {lib.soname: lib.path for lib in libraries if lib.soname and _of_wheels(lib)}
    for library in libraries:
        for name, taken in sorted(library.uses.items()):
            core = wheels[0] if wheels and _OF_CORE.match(name) else None
            meant = own.get(name) or (f"{core}/lib/{name}" if core else None)
            if meant and dirname(taken) in folders and not _same(taken, meant, wheels):
                yield Mixed(library.path, name, taken, meant)


def _of_wheels(library: Library) -> bool:
    owner = library.distribution or ""
    return owner == "torch" or owner.startswith("rocm-sdk-")


def _same(taken: str, meant: str, wheels: list[str]) -> bool:
    return dirname(taken) == dirname(meant) or any(taken.startswith(f"{root}/") for root in wheels)
