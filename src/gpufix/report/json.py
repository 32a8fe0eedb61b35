"""The machine-readable reports. The diagnosis's schema is docs/schema/diagnosis.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpufix.diagnosis.diagnose import patient_summary
from gpufix.evidence.view import View
from gpufix.model import Diagnosis
from gpufix.model.base import to_json
from gpufix.model.outcome import BuildResult
from gpufix.text.json_output import dumps

if TYPE_CHECKING:  # the doctor's report needs neither
    from gpufix.fixes.build_environment.assemble import BuildEnvironment
    from gpufix.fixes.build_environment.variables import Folder

    Row = tuple[Folder, Sequence[Sequence[str]], BuildEnvironment]


def render(diagnosis: Diagnosis) -> str:
    """One JSON object, ASCII only (so that no control character survives), with a newline."""
    return dumps(to_json(diagnosis)) + "\n"


def preview(view: View, rows: Sequence[Row]) -> str:
    """What --dry-run says: for each folder what would be removed, set and run."""
    return _dumped(view, "plans", [_plan(*row) for row in rows])


def results(view: View, builds: Sequence[BuildResult]) -> str:
    """What came of each folder."""
    return _dumped(view, "builds", to_json(builds))


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
    report = {
        "schema_version": 1,
        "patient": to_json(patient_summary(view.facts)),
        "targets": to_json(view.targets),
        key: rows,
    }
    return dumps(report)
