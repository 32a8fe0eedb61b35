"""What is left for the user to do after a run, in lines that say how."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from posixpath import dirname, join

from gpufix.checks.source_view import python_files
from gpufix.engine.build_folder import made_from
from gpufix.model import Build, Facts, Finding, SetVariables, Step
from gpufix.names import normalise
from gpufix.view import Ask, View


def next_steps(
    steps: Sequence[Step], revealed: Sequence[Finding], after: Facts, ask: Ask | None
) -> Iterator[str]:
    """Notes for the outcome. `after`, `ask`: the patient as the run has left it."""
    if revealed:
        yield "what is visible only now was not planned for: run the same command again"
    view = View(after, ask=ask)
    variables = any(isinstance(step, SetVariables) for step in steps)
    unbuilt = list(_unbuilt(view)) if variables or any(s.kind == "write" for s in steps) else []
    if unbuilt and not any(isinstance(step, Build) for step in steps):
        yield f"not built yet: gpufix build {shlex.join(unbuilt)}"
    if variables:
        yield 'the variables are in the environment file: `gpufix run -- CMD`, `eval "$(gpufix env)"`'


def _unbuilt(view: View) -> Iterator[str]:
    """Folders of torch extensions that are not installed; a CMake project as a whole."""
    project = view.facts.project
    if project is None or not project.builds_extensions:
        return
    for path, facts in python_files(view).items():
        name = facts.get("setup")
        if path.rpartition("/")[2] != "setup.py" or name is None or not facts.get("extension"):
            continue
        folder = dirname(join(project.root, path))
        if made_from(view.facts, Path(folder)) is None and not view.dist(normalise(name or folder)):
            yield folder
    own = python_files(view).get("setup.py", {}).get("extension")
    installed = made_from(view.facts, Path(project.root)) is not None
    if "CMakeLists.txt" in project.markers and not own and not installed:
        yield project.root
