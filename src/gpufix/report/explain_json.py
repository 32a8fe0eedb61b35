"""An explained log for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gpufix
from gpufix.explain.patient import Check
from gpufix.explain.resolve import Answer
from gpufix.explain.told import Told
from gpufix.model import PatientSummary


def render(
    answer: Answer,
    read: Mapping[str, Any],
    errors: Sequence[str],
    names: Mapping[str, str],
    patient: tuple[PatientSummary, Check] | None,
) -> str:
    """One JSON object, ASCII only, with a newline."""
    primary = answer.primary
    out = {
        "schema_version": 1,
        "gpufix_version": gpufix.__version__,
        "recognised": answer.recognised,
        "rule": primary.rule if primary is not None and answer.recognised else None,
        "primary": _told(primary, names) if primary is not None else None,
        "others": [_told(told, names) for told in answer.others],
        "errors": list(errors),
        "read": dict(read),
        "patient": _patient(*patient) if patient is not None else None,
    }
    return json.dumps(out, indent=2) + "\n"


def _told(told: Told, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": told.id,
        "rule": told.rule,
        "name": names.get(told.rule) if told.rule else None,
        "role": told.role,
        "line": told.line,
        "text": told.shown,
        "captures": dict(told.captures),
        "what": told.what,
        "notes": list(told.notes),
        "do": told.do,
        "versions": told.versions,
        "source": told.source,
    }


def _patient(patient: PatientSummary, check: Check) -> dict[str, Any]:
    return {
        **patient.model_dump(mode="json"),
        "state": check.state,
        "reason": check.reason,
        "statements": list(check.statements),
        "finding": check.finding.model_dump(mode="json") if check.finding else None,
        "plan": check.plan.model_dump(mode="json") if check.plan else None,
    }
