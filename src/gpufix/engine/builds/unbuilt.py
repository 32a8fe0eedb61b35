"""Folders of the project that compile extensions, and are not installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from posixpath import join

from gpufix.engine.builds.build_all import built
from gpufix.engine.builds.folder import NotBuildable, inspect, made_from
from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.building import toolkit_in_use
from gpufix.evidence.gpu_code import targets_of_torch
from gpufix.evidence.script_installs import torch_sources
from gpufix.evidence.source_view import aside, cmake_files, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.assemble import build_environment
from gpufix.fixes.build_environment.variables import Folder
from gpufix.fixes.source.build_without_isolation import hopeless
from gpufix.model import Build, Facts, Held, Install, Plan
from gpufix.model.outcome import BuildResult
from gpufix.text.names import normalise

NAME = "build"


def unbuilt(view: View) -> Iterator[str]:
    """Folders with a setup.py of an extension; CMake projects with torch, with or without one."""
    project = view.facts.project
    if project is None or not project.builds_extensions:
        return
    found: dict[str, str | None] = {}
    for path, facts in python_files(view).items():
        folder, _, name = path.rpartition("/")
        builds = name == "setup.py" and facts.setup
        if builds and (facts.extension or _uses_torch(view, folder)):
            found[folder] = facts.setup
    if "CMakeLists.txt" in project.markers and "" not in found:
        found[""] = None
    for folder, own in found.items():
        setup = join(folder, "setup.py")
        known = made_from(view.facts, Path(project.root, folder)) is not None
        if not (known or aside(setup) or is_vendored(setup) or _installed(view, folder, own)):
            yield join(project.root, folder).rstrip("/")


def _uses_torch(view: View, folder: str) -> bool:
    """Whether the CMakeLists.txt beside a setup.py builds with torch."""
    facts = cmake_files(view).get(join(folder, "CMakeLists.txt"))
    return facts is not None and facts.torch is not None


def _installed(view: View, folder: str, name: str | None) -> bool:
    given = name if name not in (None, "?") else folder.rpartition("/")[2]
    return bool(given) and view.dist(normalise(str(given))) is not None


def build_plans(view: View, taken: Sequence[Plan] = ()) -> tuple[list[Plan], list[Held]]:
    """A plan for each such folder that no other plan builds; held back where nothing could come of it."""
    ours = {step.path for plan in taken for step in plan.steps if isinstance(step, Build)}
    plans, held = [], []
    for path in unbuilt(view):
        if path in ours:
            continue
        try:
            folder = inspect(Path(path), view.facts)
        except (NotBuildable, OSError):
            continue
        plan = _plan(view, path, editable=folder.editable)
        root = view.facts.project.root if view.facts.project else ""
        reasons = [hopeless(view, path[len(root) + 1 :], vendor(view) == "amd")]
        reasons += build_environment(view, folder).obstacles
        reason = next((r for r in reasons if r), None)
        if reason is None:
            plans.append(plan)
        else:
            held.append(Held(plan=plan, reason=reason))
    return [*plans, *_cloned(view, taken)], held


# pip negates the value of an option that begins with "no".
_NOT_ISOLATED = {"PIP_NO_BUILD_ISOLATION": "0", "UV_NO_BUILD_ISOLATION": "1"}


def _cloned(view: View, taken: Sequence[Plan]) -> Iterator[Plan]:
    """What the project's install scripts clone and build for torch, where torch can be built with."""
    known = {subject for plan in taken for subject in plan.subjects}
    torch = view.facts.torch
    if torch is None or not torch.cuda or toolkit_in_use(view) is None:
        return
    for source in torch_sources(view):
        name = source.package.name
        environment = build_environment(view, Folder(name, "python", gpu_sources=1))
        if name in known or view.dist(normalise(name)) or environment.obstacles:
            continue
        settings = {k: v for k, v in environment.settings().items() if v is not None}
        step = Install(install=[source.requirement], environment=settings | _NOT_ISOLATED)
        when = f", run with {source.when}," if source.when else ""
        address = source.requirement.partition(" @ git+")[2]
        yield Plan(
            fix=NAME,
            codes=[],
            subjects=[name],
            title=f"build {name}, which {source.path}{when} clones",
            safety="safe",
            steps=[step],
            notes=["needs the network", f"runs the build code of {address}"],
        )


def installed_from(plans: Sequence[Plan], view: View) -> Iterator[BuildResult]:
    """What such plans have installed, as read back."""
    for plan in plans:
        if plan.fix == NAME and any(isinstance(step, Install) for step in plan.steps):
            (name,) = plan.subjects
            libraries = [x for x in view.facts.binaries.libraries if x.distribution == name]
            yield BuildResult(path=name, distribution=name, ok=True, libraries=built(libraries))


def built_by(plans: Sequence[Plan], facts: Facts) -> frozenset[str]:
    """The distributions that such plans have built of folders, and installed."""
    steps = (step for plan in plans for step in plan.steps if isinstance(step, Build))
    dists = (made_from(facts, Path(step.path).resolve()) for step in steps)
    return frozenset(normalise(dist.name) for dist in dists if dist is not None)


def _plan(view: View, path: str, editable: bool) -> Plan:
    project = view.facts.project
    shown = path.removeprefix(f"{project.root}/") if project else path
    targets = [target.arch for target in targets_of_torch(view)]
    return Plan(
        fix=NAME,
        codes=[],
        subjects=[shown],
        title=f"build {shown}" + (f" for {', '.join(targets)}" if targets else ""),
        safety="safe",
        steps=[Build(path=path, editable=editable, expect_archs=targets)],
        notes=[f"runs the build code of {path}"],
    )
