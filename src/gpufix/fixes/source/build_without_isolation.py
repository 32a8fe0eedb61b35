"""Build where torch is."""

from __future__ import annotations

from shlex import quote

from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.building import toolkit_in_use
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.toolchain.set_arch_list import value_for
from gpufix.model import Advise, Build, Finding, Plan, Severity, Skip, Step
from gpufix.model.source_payload import IsolatedBuild

NAME = "build-without-isolation"


@fix(NAME, "SRC606")
def build_without_isolation(finding: Finding, view: View) -> Plan | Skip | None:
    """With --no-build-isolation, for the targets.

    Where the installer here would not isolate the build, nothing is wrong, and nothing is built unasked.
    """
    if not isinstance(finding.payload, IsolatedBuild):
        return None
    amd, place = vendor(view) == "amd", finding.payload.folder
    if reason := hopeless(view, place, amd):
        return finding.skip(NAME, reason)
    folder = absolute(view, place).rstrip("/")
    variable = "PYTORCH_ROCM_ARCH" if amd else "TORCH_CUDA_ARCH_LIST"
    try:
        value = value_for(view, variable)
    except ValueError as error:
        return finding.skip(NAME, str(error))
    command = f"python -m pip install --no-build-isolation {quote(folder)}"
    advised = finding.severity is Severity.advice
    step: Step = (
        Advise(text="where pip or uv would isolate the build", command=command)
        if advised
        else Build(path=folder, environment={variable: value} if value else {})
    )
    return finding.plan(
        NAME,
        "manual" if advised else "safe",
        f"build {place or 'the project'} without isolation",
        step,
        notes=[f"runs the build code of {folder}"],
    )


def hopeless(view: View, folder: str, amd: bool) -> str | None:
    """Why the folder's GPU sources cannot be built here; one without any needs no toolkit."""
    project, torch = view.facts.project, view.facts.torch
    if torch is None:
        return "no torch is installed to build with"
    prefix = f"{folder}/" if folder else ""
    kinds = {s.kind for s in project.sources if s.path.startswith(prefix)} if project else set()
    if not kinds & {"cuda", "hip"}:
        return None
    if not (torch.cuda or torch.hip):
        what = f"torch {torch.version} is a build without CUDA and ROCm"
        return f"{what}: the GPU sources of {folder or 'the project'} cannot be built with it"
    if toolkit_in_use(view, "rocm" if amd else "cuda") is None:
        return f"no {'hipcc' if amd else 'nvcc'} is here to build with"
    return None
