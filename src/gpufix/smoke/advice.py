"""What brings a GPU compiler to a machine without one."""

from __future__ import annotations

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.judge import INTERNAL_CODES, findings_of
from gpufix.checks.registry import declared as declared_rule
from gpufix.evidence.view import View
from gpufix.fixes.commands import summary
from gpufix.fixes.fallback.install_fallback import install_fallback
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import declared
from gpufix.kernels.toolchain import KernelTarget
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import numbers
from gpufix.model import Facts, Finding, PlanSummary, Vendor
from gpufix.model import Target as PatientTarget

# crt and nvvm are needs of nvcc without a pin: unnamed, they come from a newer CUDA than ptxas.
EXTRAS = ("nvcc", "crt", "nvvm", "cudart", "cccl")
_WHEELS_SINCE = (13, 0)  # the first CUDA whose wheels bring nvcc


def wheel_requirement() -> tuple[str, str]:
    """(what pip installs, its CUDA version): the wheels that bring a whole nvcc."""
    wheel = cuda.toolkit("13.0")
    assert wheel is not None and wheel.compiles  # knowledge/data, checked by its tests
    return f"cuda-toolkit[{','.join(EXTRAS)}]=={wheel.version}", wheel.version


def compiler_sources(facts: Facts, target: KernelTarget) -> list[PlanSummary]:
    """Commands for the user to choose from; none of them is run."""
    return _cuda(facts) if target.vendor == "cuda" else _hip()


def without_compiler(facts: Facts, target: KernelTarget) -> tuple[list[PlanSummary], list[Finding]]:
    """Fallbacks for what is installed here without code for this GPU, and cannot be rebuilt; and
    what failed while they were looked for."""
    vendor: Vendor = "nvidia" if target.vendor == "cuda" else "amd"
    view = View(facts, [PatientTarget(vendor=vendor, arch=target.arch, source=str(target))])
    planner = Planner([declared(install_fallback)], view)
    lacking = findings_of(declared_rule(extension_lacks_target), view)
    plans = [plan for finding in lacking for plan in planner.plans(finding)]
    failed = [f for f in lacking if f.code in INTERNAL_CODES]
    return [summary(plan, facts) for plan in plans], [*failed, *planner.crashed()]


def _cuda(facts: Facts) -> list[PlanSummary]:
    driver = next((d.cuda for d in facts.drivers if d.vendor == "nvidia" and d.cuda), None)
    found = []
    if driver is None or numbers(driver)[:2] >= _WHEELS_SINCE:
        named, _ = wheel_requirement()
        private = "wheels with nvcc (CUDA 13) for gpufix only, in its cache"
        found.append(_manual(private, "gpufix smoke --private-toolkit"))
        found.append(_manual("wheels with nvcc (CUDA 13)", f"python -m pip install '{named}'"))
    version = driver or "13.0"
    found.append(
        _manual(
            f"NVIDIA's packages of CUDA {version} (its apt and dnf repositories)",
            f"apt-get install cuda-toolkit-{'-'.join(version.split('.')[:2])}",
        )
    )
    conda = (
        f"conda install -c conda-forge cuda-nvcc cuda-cccl cuda-cudart-dev cuda-version={version}"
    )
    found.append(_manual("conda packages", conda))
    return found


def _hip() -> list[PlanSummary]:
    debian = "apt-get install clang-19 libamdhip64-dev rocm-device-libs librocprim-dev"
    return [
        _manual("ROCm, from AMD's packages", "apt-get install rocm-hip-sdk"),
        _manual("Debian's own packages", debian),
    ]


def _manual(title: str, command: str) -> PlanSummary:
    return PlanSummary(title=title, safety="manual", command=command)
