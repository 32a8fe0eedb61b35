"""The machine-readable report. Its schema is docs/schema/diagnosis.json."""

from __future__ import annotations

import json

from gpufix.model import Diagnosis


def render(diagnosis: Diagnosis) -> str:
    """One JSON object, ASCII only (so that no control character survives), with a newline."""
    return json.dumps(diagnosis.model_dump(mode="json"), indent=2) + "\n"
