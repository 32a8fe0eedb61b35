"""The machine-readable reports. The diagnosis's schema is docs/schema/diagnosis.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gpufix
from gpufix.diagnosis.diagnose import patient_summary
from gpufix.evidence.view import View
from gpufix.explain.confirm import Check, headline
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import Explanations
from gpufix.fixes.build_environment.assemble import BuildEnvironment
from gpufix.fixes.build_environment.variables import Folder
from gpufix.model import Diagnosis, PatientSummary
from gpufix.model.base import to_json
from gpufix.model.outcome import BuildResult
from gpufix.text.json_output import dumps


def render(diagnosis: Diagnosis) -> str:
    """One JSON object, ASCII only (so that no control character survives), with a newline."""
    return dumps(to_json(diagnosis)) + "\n"


Row = tuple[Folder, Sequence[Sequence[str]], BuildEnvironment]


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


def render_explained(
    answer: Explanations,
    read: Mapping[str, Any],
    errors: Sequence[str],
    names: Mapping[str, str],
    patient: tuple[PatientSummary, Check] | None,
) -> str:
    """One JSON object, ASCII only, with a newline."""
    primary = answer.primary
    if primary is not None and patient is not None:
        primary = headline(primary, patient[1])
    out = {
        "schema_version": 1,
        "gpufix_version": gpufix.__version__,
        "recognised": answer.recognised,
        "rule": primary.rule if primary is not None and answer.recognised else None,
        "primary": _explained(primary, names) if primary is not None else None,
        "others": [_explained(explanation, names) for explanation in answer.others],
        "errors": list(errors),
        "read": dict(read),
        "patient": _patient(*patient) if patient is not None else None,
    }
    return dumps(out) + "\n"


def _explained(explanation: Explanation, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": explanation.id,
        "rule": explanation.rule,
        "name": names.get(explanation.rule) if explanation.rule else None,
        "role": explanation.role,
        "line": explanation.line,
        "text": explanation.shown,
        "captures": dict(explanation.captures),
        "what": explanation.what,
        "notes": list(explanation.notes),
        "do": explanation.do,
        "versions": explanation.versions,
        "source": explanation.source,
    }


def _patient(patient: PatientSummary, check: Check) -> dict[str, Any]:
    return {
        **to_json(patient),
        "state": check.state,
        "reason": check.reason,
        "statements": list(check.statements),
        "finding": to_json(check.finding),
        "plan": to_json(check.plan),
    }
