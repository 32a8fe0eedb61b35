"""The messages that `explain` knows, by subject, and CUDA's error numbers."""

from __future__ import annotations

from typing import Any

from knowledge_build.read import Knowledge


def build(known: Knowledge) -> dict[str, Any]:
    """data/messages.json.xz."""
    tables = {**known.messages, "cuda_errors": known.cuda_errors}
    return {name: row.model_dump(exclude_defaults=True) for name, row in tables.items()}
