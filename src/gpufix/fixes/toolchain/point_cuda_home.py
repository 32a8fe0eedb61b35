"""Point CUDA_HOME at a toolkit that is here and fits."""

from __future__ import annotations

from gpufix.evidence.building import cuda_torch, generates, same_major, usable
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge.data_table import minor, numbers
from gpufix.model import Finding, Plan, SetVariables, Skip, Toolkit
from gpufix.model.payload import HiddenToolkit, MissingHeaders

NAME = "point-cuda-home"


@fix(NAME, "TCH202", "TCH204", "TCH206", "TCH213")
def point_cuda_home(finding: Finding, view: View) -> Plan | Skip | None:
    """Of torch's CUDA major, with nvcc, able to generate code for the targets; nearest minor."""
    torch = cuda_torch(view)
    if isinstance(finding.payload, HiddenToolkit):
        return _for_find_cuda(finding, finding.payload.root)
    if torch is None or torch.cuda is None or isinstance(finding.payload, MissingHeaders):
        return None
    fitting = [t for t in usable(view) if t.origin != "wheel" and _fits(view, t, torch.cuda)]
    of_glibc = finding.code == "TCH213"
    if of_glibc:
        fitting = [t for t in fitting if view.clashing_math(t.root) == ()]
    if not fitting:
        what = "agrees with glibc" if of_glibc else "serves the targets"
        return finding.skip(NAME, f"no CUDA {torch.cuda.partition('.')[0]} toolkit here {what}")
    best = min(fitting, key=lambda t: _distance(t, torch.cuda or ""))
    return finding.plan(
        NAME,
        "safe",
        f"set CUDA_HOME to {best.root} (CUDA {minor(best.version or '')})",
        SetVariables(variables={"CUDA_HOME": best.root}),
        subjects=["CUDA_HOME"],
    )


def _for_find_cuda(finding: Finding, root: str) -> Plan:
    return finding.plan(
        NAME,
        "safe",
        f"set CUDA_PATH to {root}, which CMake's FindCUDA asks",
        SetVariables(variables={"CUDA_PATH": root}),
    )


def _fits(view: View, toolkit: Toolkit, cuda: str) -> bool:
    if not toolkit.version or not same_major(toolkit.version, cuda):
        return False
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    return all(generates(minor(toolkit.version), t.arch) is not False for t in targets)


def _distance(toolkit: Toolkit, cuda: str) -> tuple[int, str]:
    have, want = numbers(toolkit.version or ""), numbers(cuda)
    return (abs((*have, 0, 0)[1] - (*want, 0, 0)[1]), toolkit.root)
