"""Build: an extension folder, by the builder of `gpufix build`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gpufix.engine.builds import step as build
from gpufix.engine.builds.folder import made_from
from gpufix.engine.journal.listing import Scope
from gpufix.engine.run_context import Refused, RunContext, StepFailed, inside, writable
from gpufix.engine.steps import install
from gpufix.model import Build

_SKIPPED = (".git", ".hg", ".svn", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache")


def check(step: Build, context: RunContext) -> None:
    """The folder lies inside and can be written, and so can the environment."""
    folder = _folder(step, context)
    if not os.path.isdir(folder):
        raise Refused(f"{folder} is not a folder")
    writable(folder)
    python = install.changeable(context.facts)
    for site in python.site_dirs[:1]:
        writable(site)


def scopes(step: Build, context: RunContext) -> Sequence[Scope]:
    """The environment, and the sources: compilers write into files that are there, hence copies."""
    python = install.changeable(context.facts)
    folder = _folder(step, context)
    sources = Scope(folder, policy="copy", skip=_SKIPPED, environments=False, near=folder)
    return [*install.environment_scopes(python), sources]


def run(step: Build, context: RunContext) -> None:
    """Build and install it. Raises StepFailed with the builder's reason."""
    for error in run_together([step], context).values():
        raise error


def run_together(steps: Sequence[Build], context: RunContext) -> dict[int, StepFailed]:
    """Build and install them side by side: the failures, by their places in the list."""
    failed = {}
    for place, (step, result) in enumerate(
        zip(steps, build.run_together(steps, context), strict=True)
    ):
        if not result.ok:
            failed[place] = StepFailed(f"{step.path}: {result.reason}")
            failed[place].installed = bool(result.libraries or result.distribution)
    return failed


def _folder(step: Build, context: RunContext) -> str:
    path = os.path.realpath(step.path)
    if context.project and path == os.path.realpath(context.project):
        return path
    if made_from(context.facts, Path(path)) is not None:
        return path
    return inside(path, context.facts)
