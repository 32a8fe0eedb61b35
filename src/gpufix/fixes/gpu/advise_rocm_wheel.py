"""The wheel of AMD's own index that has the code that is lacking."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import rocm_wheels
from gpufix.model import Advise, Finding, Plan, Skip
from gpufix.model.payload import DistributionFault, HsaOverride, UnfitCode

NAME = "advise-rocm-wheel"
_ELSEWHERE = "These wheels are on AMD's own index, whose files gpufix does not list."


@fix(NAME, "GPU103", "GPU107", "WHL509")
def advise_rocm_wheel(finding: Finding, view: View) -> Plan | Skip | None:
    """Printed, not run: which releases the index has is not known."""
    fault = finding.payload
    if isinstance(fault, HsaOverride):
        return _code(finding, view, "torch", fault.arch)
    if isinstance(fault, UnfitCode):
        return _code(finding, view, fault.distribution, fault.arch)
    if isinstance(fault, DistributionFault):
        return _in_the_place(finding, view, fault.distribution)
    return None


def _code(finding: Finding, view: View, name: str, target: str) -> Plan | Skip | None:
    arch, dist = target.partition(":")[0], view.dist(name)
    wheel = rocm_wheels.code_wheel(name, arch)
    apart = any(lib.archives for lib in view.facts.binaries.libraries if lib.distribution == name)
    if wheel and apart and dist is not None:
        command = f'pip install --index-url {rocm_wheels.index()} "{wheel}=={dist.version}"'
        return _plan(finding, f"install {wheel}", command)
    family = rocm_wheels.family_of(arch)
    if not _of_rocm(view, name) or family is None:
        return None
    index = rocm_wheels.index_of_family(family)
    if index is None:
        return finding.skip(NAME, f"no index of AMD's with libraries for {arch} is known")
    what = "torch" if view.facts.torch else '"rocm[libraries]"'
    return _plan(
        finding, f"install the wheels for {family}", f"pip install -U --index-url {index} {what}"
    )


def _of_rocm(view: View, name: str) -> bool:
    torch = view.facts.torch
    built = name == "torch" and torch is not None and torch.build == "container"
    return (built and bool(view.dist("rocm"))) or bool(rocm_wheels.gfx_of_wheel(name))


def _in_the_place(finding: Finding, view: View, name: str) -> Plan | None:
    dist = view.dist(name)
    if dist is None or not rocm_wheels.is_placeholder(name, dist.version):
        return None
    core = view.dist("rocm-sdk-core")
    wanted = f"{name}=={core.version}" if core and name.startswith("rocm-sdk-") else name
    command = f'pip install -U --index-url {rocm_wheels.index()} "{wanted}"'
    return _plan(finding, f"install AMD's own {name}", command)


def _plan(finding: Finding, title: str, command: str) -> Plan:
    return finding.plan(NAME, "manual", title, Advise(text=_ELSEWHERE, command=command))
