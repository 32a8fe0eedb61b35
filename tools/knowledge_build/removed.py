"""removed_cxx.json: names that CUDA, CCCL and torch no longer have."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> dict[str, Any]:
    """The rows without what only tests compile."""
    kept = [
        row.model_dump(exclude={"use"}, exclude_defaults=True) for row in known.removed_cxx.removed
    ]
    helpers = {name: text.strip("\n") for name, text in known.removed_cxx.helpers.items()}
    return {"helpers": helpers, "removed": kept}
