"""Host compilers: what each nvcc accepts, and what torch.utils.cpp_extension accepts."""

from __future__ import annotations

from typing import Any

from .read import Knowledge
from .sources import Sources


def build(known: Knowledge) -> Any:
    sources = Sources()
    nvcc = {
        version: {
            "gcc": row.gcc,
            "clang": row.clang,
            "source": sources.number(row.source),
            "confidence": row.confidence,
        }
        for version, row in known.toolkits.toolkit.items()
    }
    return {
        "sources": sources.texts,
        "nvcc": nvcc,
        "torch_source": "torch/utils/cpp_extension.py of each wheel",
        "torch": _torch(known),
    }


def _torch(known: Knowledge) -> list[dict[str, Any]]:
    """A row for each release whose tables are not those of the release before."""
    rows: list[dict[str, Any]] = []
    for version, release in known.torch.items():
        own = release.cpp_extension
        own = known.torch[own.same_as].cpp_extension if own.same_as else own
        table = own.model_dump(exclude={"same_as"})
        if not rows or {**rows[-1], "since": version} != {"since": version, **table}:
            rows.append({"since": version, **table})
    return rows
