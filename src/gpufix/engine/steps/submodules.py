"""InitSubmodules: what `git submodule update --init` leaves, without git running in the project.

Settings, hooks and attributes of a repository can name programs, and git obeys them. So git works in
a fresh repository that declares the one submodule, and what it makes there is moved to its place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence

from gpufix.engine import child, submodule
from gpufix.engine.journal.listing import Scope
from gpufix.engine.run_context import Refused, RunContext, StepFailed, writable
from gpufix.engine.submodule import WantedSubmodule, wanted
from gpufix.model import InitSubmodules


def check(step: InitSubmodules, context: RunContext) -> None:
    """git is there, every address is https, and all places are free and in the project."""
    submodule.program(context)
    for module in modules(step, context):
        for place in (module.folder, module.repository):
            writable(os.path.dirname(_first_made(place)))
        writable(os.path.dirname(module.config))
        if os.path.lexists(module.stage):
            raise Refused(f"{module.stage} is there already")


def scopes(step: InitSubmodules, context: RunContext) -> Sequence[Scope]:
    """The submodules' folders and repositories with what must be made above them, and .git/config."""
    found: list[Scope] = []
    for module in modules(step, context):
        found += [
            Scope(_first_made(module.folder)),
            Scope(_first_made(module.repository)),
            Scope(module.stage),
            Scope(module.config, policy="copy"),
        ]
    return list(dict.fromkeys(found))


def run(step: InitSubmodules, context: RunContext) -> None:
    """Clone, check out, move, and note it in .git/config. Credentials are never asked for."""
    program = submodule.program(context)
    for module in modules(step, context):
        environ = submodule.environment(context, os.path.dirname(module.stage))
        for command in fetching(module, program):
            child.run(command, context, environ, "submodules", timeout=1800)
        _place(module)
        for command in noting(module, program):
            child.run(command, context, environ, "submodules")
        shutil.rmtree(module.stage)


def modules(step: InitSubmodules, context: RunContext) -> list[WantedSubmodule]:
    """What the step would fetch. Raises Refused."""
    root = _root(step, context)
    return [wanted(root, path) for path in step.paths]


def fetching(module: WantedSubmodule, program: str) -> Iterator[list[str]]:
    """The commands that make the submodule in a fresh repository."""
    alone = [program, *(word for setting in submodule.SETTINGS for word in ("-c", setting))]
    yield [*alone, "init", "--quiet", "--template=", "--", module.stage]
    here = [*alone, "-C", module.stage]
    declared = {"path": module.path, "url": module.address}
    declared |= {"shallow": "true"} if module.shallow else {}
    for key, value in declared.items():
        name = f"submodule.{module.name}.{key}"
        yield [*here, "config", "--file", ".gitmodules", name, value]
    gitlink = f"160000,{module.commit},{module.path}"
    yield [*here, "update-index", "--add", "--cacheinfo", gitlink]
    yield [*here, "submodule", "update", "--init", "--checkout", "--", "."]


def noting(module: WantedSubmodule, program: str) -> Iterator[list[str]]:
    """The commands that add to the project's .git/config what `git submodule init` would."""
    for key, value in module.noted().items():
        name = f"submodule.{module.name}.{key}"
        edit = ["config", "--file", module.config, "--replace-all", name, value]
        yield [program, "-C", module.stage, *edit]


def _place(module: WantedSubmodule) -> None:
    """Both parts know each other by relative paths, which stay true. Raises StepFailed, OSError."""
    repository = f"{module.stage}/.git/modules/{module.name}"
    if not os.path.isdir(repository):
        raise StepFailed(f"git made no {repository}")
    for made, place in (
        (repository, module.repository),
        (f"{module.stage}/{module.path}", module.folder),
    ):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.isdir(place):
            os.rmdir(place)  # an empty one, or shutil.move would move into it
        shutil.move(made, place)


def _first_made(path: str) -> str:
    """The topmost folder that must be made for a path: all that the step adds is in it."""
    while not os.path.lexists(above := os.path.dirname(path)):
        path = above
    return path


def _root(step: InitSubmodules, context: RunContext) -> str:
    root, project = os.path.realpath(step.root), os.path.realpath(context.project or "\\")
    if root != project and not root.startswith(f"{project}/"):
        raise Refused(f"{step.root} is not the project")
    folder = f"{root}/.git"
    if (
        os.path.islink(folder)
        or not os.path.isdir(folder)
        or os.path.lexists(f"{folder}/commondir")
    ):
        raise Refused(f"{root} has no .git folder of its own (a worktree, or no repository)")
    return root
