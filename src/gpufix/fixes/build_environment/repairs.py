"""What the build rules find wrong with the surroundings of a build, repaired for that build."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.checks.judge import findings_of
from gpufix.checks.registry import Check
from gpufix.checks.registry import declared as declared_rule
from gpufix.checks.source.src601_hard_coded_arch import hard_coded_arch
from gpufix.checks.toolchain.tch202_toolkit_major_mismatch import toolkit_major_mismatch
from gpufix.checks.toolchain.tch204_toolkit_missing import toolkit_missing
from gpufix.checks.toolchain.tch205_host_compiler_unsupported import host_compiler_unsupported
from gpufix.checks.toolchain.tch206_nvcc_lacks_target import nvcc_lacks_target
from gpufix.checks.toolchain.tch207_build_tools_missing import build_tools_missing
from gpufix.diagnosis.diagnose import INTERNAL_CODES
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import Folder, Variable, unwrapped
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import Planner as Ask
from gpufix.fixes.registry import declared
from gpufix.fixes.source.follow_arch_list import follow_arch_list
from gpufix.fixes.toolchain.choose_host_compiler import choose_host_compiler
from gpufix.fixes.toolchain.point_cuda_home import point_cuda_home
from gpufix.fixes.toolchain.set_cpath import set_cpath
from gpufix.model import Finding, Plan, Project, SetVariables, Severity

# In this order: which toolkit, then what it lacks, then the compiler that this toolkit accepts.
_RULES: tuple[tuple[Check, tuple[Ask, ...]], ...] = (
    (toolkit_major_mismatch, (point_cuda_home,)),
    (toolkit_missing, (point_cuda_home, set_cpath)),
    (nvcc_lacks_target, (point_cuda_home,)),
    (host_compiler_unsupported, (choose_host_compiler,)),
    (build_tools_missing, ()),
    (hard_coded_arch, (follow_arch_list,)),
)


def repaired(view: View, folder: Folder | None) -> tuple[View, list[Variable], list[str]]:
    """(the view with these variables, the variables, errors that no variable removes).

    Only safe plans that set variables are taken; the rest is for `gpufix fix`.
    """
    view = as_project(view, folder)
    if real := unwrapped(view):
        view = overlaid(view, {"CUDA_HOME": real.root})
    variables: list[Variable] = []
    obstacles: list[str] = []
    for check, fixes in _RULES:
        for finding in findings_of(declared_rule(check), view):
            planner = Planner([declared(fix) for fix in fixes], view)
            changes = _changes(planner.plans(finding))
            obstacles += [failure.message for failure in planner.crashed()]
            variables += [Variable(n, v, finding.message) for n, v in changes.items()]
            view = overlaid(view, changes)
            if not changes and _matters(finding, folder):
                obstacles.append(finding.message)
    return view, variables, obstacles


def _changes(plans: Sequence[Plan]) -> dict[str, str | None]:
    for plan in plans:
        if plan.safety == "safe":
            steps = [step for step in plan.steps if isinstance(step, SetVariables)]
            if len(steps) == len(plan.steps):
                return {name: v for step in steps for name, v in step.variables.items()}
    return {}


def _matters(finding: Finding, folder: Folder | None) -> bool:
    """A folder without GPU sources needs no toolkit; what is in its sources, its build will tell."""
    if finding.code in INTERNAL_CODES:
        return True
    if finding.code.startswith("SRC"):
        return False
    gpu = folder is None or folder.gpu_sources > 0 or finding.code == "TCH207"
    return gpu and finding.severity is Severity.error


def as_project(view: View, folder: Folder | None) -> View:
    """The build rules speak of projects that compile something: the folder is that project."""
    if folder is None:
        project = view.facts.project
        if project is None:
            return view
        project = project.model_copy(update={"builds_extensions": True})
    else:
        markers = ["CMakeLists.txt"] if folder.cmake else []
        markers += ["setup.py"] if folder.backend != "cmake" else []
        project = view.facts.project
        if project is None or project.root != folder.path:
            project = Project(root=folder.path)
        project = project.model_copy(
            update={
                "markers": markers,
                "builds_extensions": True,
                "cuda_sources": folder.gpu_sources,
            }
        )
    facts = view.facts.model_copy(update={"project": project})
    return view.with_facts(facts)


def overlaid(view: View, changes: dict[str, str | None]) -> View:
    """The view as it would be with these variables in the environment file."""
    if not changes:
        return view
    environment = view.facts.environment
    environment = environment.model_copy(update={"overlay": {**environment.overlay, **changes}})
    return view.with_facts(view.facts.model_copy(update={"environment": environment}))
