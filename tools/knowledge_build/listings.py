"""Published wheels of packages that are built for torch or CUDA."""

from __future__ import annotations

from typing import Any

from .read import Knowledge
from .rows import Listing, Wheels
from .sources import Sources


def build(known: Knowledge) -> Any:
    sources = Sources()
    listings = {name: _listing(row, sources) for name, row in known.listings.items()}
    return {"sources": sources.texts, "listings": listings}


def _listing(row: Listing, sources: Sources) -> dict[str, Any]:
    found: dict[str, Any] = {"read": row.read}
    found |= row.model_dump(include={"also", "pure", "follows"}, exclude_defaults=True)
    found["wheels"] = [_wheels(block, sources) for block in row.wheels]
    if row.none:
        found["source"] = sources.number(row.none)
    return found


def _wheels(block: Wheels, sources: Sources) -> dict[str, Any]:
    """What has its default is left out."""
    said = block.model_dump(exclude_defaults=True, exclude_none=True)
    return said | {"source": sources.number(block.source)}
