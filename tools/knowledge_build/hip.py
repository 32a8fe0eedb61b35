"""What HIP has of CUDA's device code."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    table = known.hip
    return {
        "version": [row.model_dump() for row in table.version],
        "row": [row.model_dump() for row in table.row],
        "source": table.source,
    }
