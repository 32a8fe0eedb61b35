"""What is to be built, seen as the project that it is, and each folder's programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from gpufix.engine.builds.build_process import Task, name_for
from gpufix.engine.builds.command import child_environ, commands
from gpufix.engine.builds.folder import clean
from gpufix.engine.steps.set_variables import current
from gpufix.evidence.view import View
from gpufix.facts.context import CollectContext
from gpufix.facts.project.project import ConfigError, collect
from gpufix.facts.python.environment import overlay_path
from gpufix.facts.queries import Queries
from gpufix.fixes.build_environment.assemble import BuildEnvironment, build_environment
from gpufix.fixes.build_environment.variables import (
    Folder,
    Variable,
    abi_variables,
    contradicted,
    header,
    merged,
)
from gpufix.frozen import Frozen
from gpufix.model import Project


class Order(Frozen):
    """One run of builds. `scratch`: a folder for the forced header, with a plain path.

    `settings` outrank what is computed; `abi` forces the C++ ABI even where no build file is seen
    to contradict torch's; `editable` None = as it was installed.
    """

    view: View
    logs: Path
    scratch: Path
    base: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    editable: bool | None = None
    limit_s: float | None = None
    clean: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    abi: bool | None = None
    pass_fds: tuple[int, ...] = ()
    _seen: dict[str, View] = field(default_factory=dict)

    def commands(self, folder: Folder) -> list[list[str]]:
        """The programs. Raises NotBuildable."""
        editable = folder.editable if self.editable is None else self.editable
        return commands(folder, self.view.facts, editable)

    def environment(self, folder: Folder, jobs: int | None = None) -> BuildEnvironment:
        """The variables for one folder. Raises ValueError when `scratch` has no plain path."""
        view = self._own_view(folder)
        found = build_environment(view, folder, jobs)
        written = view.facts.environment.overlay.items()
        variables = [Variable(n, v, "the environment file's") for n, v in written]
        variables += [*found.variables, *self._abi(folder)]
        given = [Variable(n, v, "the plan's") for n, v in self.settings.items() if n not in _OWN]
        return BuildEnvironment(tuple(merged([*variables, *given])), found.obstacles)

    def task(self, number: int, folder: Folder, jobs: int) -> Task:
        """Clean the folder and make its task. Raises OSError, ValueError."""
        programs = self.commands(folder)
        environment = self.environment(folder, jobs)
        if self._forced(folder) is not None:
            self._header().write_text(header(bool(self._forced(folder))), encoding="ascii")
        if self.clean:
            clean([Path(path) for path in folder.stale])
        facts = self._own_view(folder).facts
        return Task(
            commands=programs,
            environ=child_environ(
                self.base, facts.environment.overlay, environment.settings(), facts
            ),
            cwd=folder.path,
            log=self.logs / name_for(number, folder.path),
            limit_s=self.limit_s,
            pass_fds=self.pass_fds,
        )

    def _own_view(self, folder: Folder) -> View:
        if folder.path not in self._seen:
            self._seen[folder.path] = own_view(self.view, folder.path, self.base)
        return self._seen[folder.path]

    def _abi(self, folder: Folder) -> list[Variable]:
        abi = self._forced(folder)
        return [] if abi is None else list(abi_variables(self.view, str(self._header()), abi))

    def _forced(self, folder: Folder) -> bool | None:
        """torch's C++ ABI, where the plan asks for it or the build files say the opposite."""
        torch = self.view.facts.torch
        own = torch.cxx11_abi if torch else None
        return self.abi if self.abi is not None else own if contradicted(folder.text, own) else None

    def _header(self) -> Path:
        return self.scratch / "gpufix_cxx11_abi.h"


# Decided when the build starts: how many compilers may run depends on what else is built.
_OWN = frozenset({"MAX_JOBS", "CMAKE_BUILD_PARALLEL_LEVEL"})


def own_view(view: View, folder: str, environ: Mapping[str, str]) -> View:
    """The patient with this folder as its project. Environment files are read as they are now."""
    ctx = CollectContext(environ=dict(environ))
    facts = view.facts
    overlay = {**facts.environment.overlay, **_overlay(view, Path(folder), environ)}
    facts = replace(
        facts,
        project=_project(ctx, Path(folder)),
        environment=replace(facts.environment, overlay=overlay),
    )
    return View(facts, view.targets, Queries.of(facts))


def _project(ctx: CollectContext, root: Path) -> Project | None:
    try:
        return collect(ctx, root)
    except ConfigError:  # it selects rules: a build does without
        return None


def _overlay(view: View, root: Path, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Of the folders above it, the outermost first: fixes write for the project that they mend."""
    found: dict[str, str | None] = {}
    if view.facts.python is not None:
        for folder in (*reversed(root.parents), root):
            found |= current(overlay_path(view.facts.python.prefix, folder, environ))
    return found
