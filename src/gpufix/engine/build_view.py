"""A folder that is to be built, seen as the project that it is: its sources and environment file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpufix.engine.steps.variables import current
from gpufix.facts.context import Context
from gpufix.facts.overlay import overlay_path
from gpufix.facts.project import ConfigError, collect
from gpufix.facts.queries import Queries
from gpufix.model import Project
from gpufix.view import View


def own_view(view: View, folder: str, environ: Mapping[str, str]) -> View:
    """The patient with this folder as its project. Environment files are read as they are now."""
    ctx = Context(environ=dict(environ))
    facts = view.facts
    overlay = {**facts.environment.overlay, **_overlay(view, Path(folder), environ)}
    facts = facts.model_copy(
        update={
            "project": _project(ctx, Path(folder)),
            "environment": facts.environment.model_copy(update={"overlay": overlay}),
        }
    )
    return View(facts, view.targets, Queries.of(facts))


def _project(ctx: Context, root: Path) -> Project | None:
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
