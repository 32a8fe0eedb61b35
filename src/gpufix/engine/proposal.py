"""What `gpufix fix` shows: the chosen plans and their merged steps, each previewed."""

from __future__ import annotations

import gpufix
from gpufix.doctor import patient_summary
from gpufix.engine.apply import check
from gpufix.engine.context import Context
from gpufix.engine.errors import Refused
from gpufix.engine.preview import Resolve, preview
from gpufix.engine.propose import Proposed
from gpufix.model import Proposal


def proposal(proposed: Proposed, context: Context, resolve: Resolve | None = None) -> Proposal:
    """The preview of all that would be done. Raises EngineError from `resolve` alone."""
    return Proposal(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(context.facts),
        targets=list(proposed.judgement.view.targets),
        plans=proposed.choice.plans,
        steps=[preview(step, context, resolve) for step in proposed.steps],
        held=proposed.choice.held,
        skips=proposed.choice.skips,
        refused=_refused(proposed, context),
        failures=proposed.failures,
    )


def _refused(proposed: Proposed, context: Context) -> str | None:
    try:
        check(proposed.steps, context)
    except Refused as error:
        return str(error)
    return None
