"""What the build rules find wrong with the surroundings of a build, repaired for that build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpufix.checks.judge import INTERNAL_CODES, findings_of
from gpufix.checks.registry import builtin_rules
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import Folder, Variable, unwrapped
from gpufix.fixes.foresight import overlaid
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes
from gpufix.model import Finding, Plan, Project, SetVariables, Severity

# In this order: which toolkit, then what it lacks, then the compiler that this toolkit accepts.
_CODES = ("TCH202", "TCH204", "TCH206", "TCH205", "TCH207", "SRC601")


def repaired(view: View, folder: Folder | None) -> tuple[View, list[Variable], list[str]]:
    """(the view with these variables, the variables, errors that no variable removes).

    Only safe plans that set variables are taken; the rest is for `gpufix fix`.
    """
    view = as_project(view, folder)
    if real := unwrapped(view):
        view = overlaid(view, {"CUDA_HOME": real.root})
    variables: list[Variable] = []
    obstacles: list[str] = []
    rules, fixes = {rule.code: rule for rule in builtin_rules()}, builtin_fixes()
    for code in _CODES:
        for finding in findings_of(rules[code], view):
            planner = Planner(fixes, view, foresee=False)
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
        project = replace(project, builds_extensions=True)
    else:
        markers = ["CMakeLists.txt"] if folder.cmake else []
        markers += ["setup.py"] if folder.backend != "cmake" else []
        project = view.facts.project
        if project is None or project.root != folder.path:
            project = Project(root=folder.path)
        project = replace(
            project, markers=markers, builds_extensions=True, cuda_sources=folder.gpu_sources
        )
    facts = replace(view.facts, project=project)
    return view.with_facts(facts)
