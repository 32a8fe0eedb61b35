"""Have Triton run a ptxas that knows the GPU."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.evidence.building import generates, major
from gpufix.evidence.triton_ptxas import installed, tool_for
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import cuda as cuda_wheels
from gpufix.knowledge.data_table import at_least, minor, numbers
from gpufix.knowledge.triton import TritonPtxas
from gpufix.model import Finding, Install, Plan, Safety, SetVariables, Skip, Step, Target
from gpufix.model.payload import UnfitCode

NAME = "set-triton-ptxas"
# Wheels that bring a ptxas, and where it lies below the site folder.
_WHEELS = (
    ("nvidia-cuda-nvcc", "nvidia/cu13/bin/ptxas"),
    ("nvidia-cuda-nvcc-cu12", "nvidia/cuda_nvcc/bin/ptxas"),
)


@fix(NAME, "TCH212")
def set_triton_ptxas(finding: Finding, view: View) -> Plan | Skip | None:
    """The variable that this Triton reads: of a toolkit that is here, else of a wheel."""
    dist = installed(view)
    arch = finding.payload_as(UnfitCode).arch
    target = next((t for t in view.targets if t.arch == arch), None)
    tool = tool_for(dist, target) if dist and target else None
    if dist is None or target is None or tool is None:
        return None
    if tool.variable is None:
        reason = f"{dist.name} {dist.version} reads no variable for this GPU that a shell can set"
        return finding.skip(NAME, reason)
    if view.env(tool.variable) and tool.ships and generates(tool.ships, arch):
        return _plan(finding, tool.variable, None, "", "safe", [])
    alike = [t for t in view.targets if tool_for(dist, t) == tool]
    here = next(_here(view, tool, alike), None)
    if here:
        return _plan(finding, tool.variable, here[1], f"of CUDA {here[0]}", "safe", [])
    wheel = next(_wheels(view, tool, alike), None)
    if wheel is None:
        reason = f"neither a toolkit here nor a listed wheel brings a ptxas for {arch}"
        return finding.skip(NAME, reason)
    requirement, path = wheel
    step = Install(install=[requirement])
    return _plan(finding, tool.variable, path, f"of {requirement}", "unsafe", [step])


def _plan(
    finding: Finding,
    variable: str,
    path: str | None,
    whose: str,
    safety: Safety,
    before: list[Step],
) -> Plan:
    return finding.plan(
        NAME,
        safety,
        f"set {variable} to the ptxas {whose}" if path else f"unset {variable}",
        *before,
        SetVariables(variables={variable: path}),
        subjects=[variable],
    )


def _here(view: View, tool: TritonPtxas, targets: list[Target]) -> Iterator[tuple[str, str]]:
    """The oldest first: it differs least from what Triton was tested with."""
    roots = [t.root for t in view.facts.toolkits if t.kind == "cuda"]
    sites = view.facts.python.site_dirs if view.facts.python else []
    paths = [f"{root}/bin/ptxas" for root in roots]
    paths += [f"{site}/{below}" for site in sites for name, below in _WHEELS if view.dist(name)]
    found = [(r, p) for p in dict.fromkeys(paths) if (r := view.ptxas_release(p))]
    yield from sorted(
        (row for row in found if _fits(row[0], tool, targets)), key=lambda row: numbers(row[0])
    )


def _wheels(view: View, tool: TritonPtxas, targets: list[Target]) -> Iterator[tuple[str, str]]:
    """Of torch's CUDA major first; what is installed of them is not moved."""
    torch, python = view.facts.torch, view.facts.python
    if python is None or not python.site_dirs:
        return
    of_torch = major(torch.cuda) if torch and torch.cuda else ""
    listed = cuda_wheels.nvcc_wheels()
    known = [
        (listed[name], path) for name, path in _WHEELS if name in listed and not view.dist(name)
    ]
    known.sort(key=lambda row: not any(major(v) == of_torch for v in row[0].versions))
    for wheel, path in known:
        fitting = [v for v in wheel.versions if _fits(minor(v), tool, targets)]
        if wheel.has_ptxas and fitting:
            yield f"{wheel.name}=={min(fitting, key=numbers)}", f"{python.site_dirs[0]}/{path}"


def _fits(release: str, tool: TritonPtxas, targets: list[Target]) -> bool:
    if tool.newest and not at_least(tool.newest, release):
        return False
    return all(generates(release, target.arch) for target in targets)
