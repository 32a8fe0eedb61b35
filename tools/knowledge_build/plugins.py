"""Libraries that native code opens by their path."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    return {"plugins": [row.model_dump() for row in known.plugins.plugin]}
