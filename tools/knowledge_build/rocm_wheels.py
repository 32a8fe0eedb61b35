"""ROCm's wheels of AMD's own indexes."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    table = known.rocm_wheels
    return {
        "apart": dict(table.apart),
        "family": {name: row.model_dump() for name, row in table.family.items()},
        "kernels": [row.model_dump() for row in table.kernels],
        "index": table.index,
        "family_index": table.family_index,
        "placeholders": table.placeholders,
        "placeholder_below": table.placeholder_below,
        "placeholder_source": table.placeholder_source,
        "source": table.source,
    }
