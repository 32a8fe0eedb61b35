"""What is true of Windows: its DLLs, who adds which folder, the compilers that nvcc accepts."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    rows = known.windows
    return {
        "source": rows.source,
        "own": sorted(rows.own),
        "runtime": rows.runtime,
        "others": rows.others,
        "elsewhere": rows.elsewhere,
        "adds": [row.model_dump() for row in rows.adds],
        "msvc": [row.model_dump() for row in rows.msvc],
    }
