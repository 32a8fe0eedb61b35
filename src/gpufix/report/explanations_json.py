"""How an explained log is told to programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gpufix
from gpufix.explain.confirm import Check, headline
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import Explanations
from gpufix.model import Diagnosis
from gpufix.model.base import to_json
from gpufix.text.json_output import dumps


def render(
    answer: Explanations,
    read: Mapping[str, Any],
    errors: Sequence[str],
    names: Mapping[str, str],
    patient: tuple[Diagnosis, Check] | None,
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


def _patient(diagnosis: Diagnosis, check: Check) -> dict[str, Any]:
    return {
        **to_json(diagnosis.patient),
        "state": check.state,
        "reason": check.reason,
        "statements": list(check.statements),
        "finding": to_json(check.finding),
        "plan": to_json(check.plan),
    }
