"""Triton's own toolchain."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    table = known.triton
    return {
        "toolchain": [row.model_dump() for row in table.toolchain],
        "ships": dict(table.ships),
        "source": table.source,
    }
