"""`gpufix build --format json`: one object, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gpufix.buildenv.assemble import BuildEnvironment
from gpufix.buildenv.folder import Folder
from gpufix.doctor import patient_summary
from gpufix.model.build import BuildResult
from gpufix.view import View

Row = tuple[Folder, Sequence[Sequence[str]], BuildEnvironment]


def preview(view: View, rows: Sequence[Row]) -> str:
    """What --dry-run says: for each folder what would be removed, set and run."""
    return _dumped(view, "plans", [_plan(*row) for row in rows])


def results(view: View, builds: Sequence[BuildResult]) -> str:
    """What came of each folder."""
    return _dumped(view, "builds", [result.model_dump() for result in builds])


def _plan(
    folder: Folder, commands: Sequence[Sequence[str]], environment: BuildEnvironment
) -> dict[str, Any]:
    return {
        "path": folder.path,
        "distribution": folder.distribution,
        "remove": list(folder.stale),
        "variables": [
            {"name": v.name, "value": v.value, "reason": v.reason} for v in environment.variables
        ],
        "commands": [list(command) for command in commands],
        "obstacles": list(environment.obstacles),
    }


def _dumped(view: View, key: str, rows: Sequence[object]) -> str:
    said = {
        "schema_version": 1,
        "patient": patient_summary(view.facts).model_dump(),
        "targets": [target.model_dump() for target in view.targets],
        key: rows,
    }
    return json.dumps(said, indent=2)
