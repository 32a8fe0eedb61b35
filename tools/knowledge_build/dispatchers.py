"""Libraries that a dispatcher takes by compute capability."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    rows = []
    for row in known.dispatchers.dispatched:
        until = row.kernels_until
        made = row.model_dump(exclude={"capabilities", "kernels_until"}, exclude_none=True)
        ranges = [_ends(text) for text in row.capabilities]
        rows.append(made | {"capabilities": ranges} | ({"until": _number(until)} if until else {}))
    return {"dispatched": rows}


def _ends(text: str) -> list[int | None]:
    """ "8.9" → [89, 89], "9.0-" → [90, None]."""
    low, dash, high = text.partition("-")
    return [_number(low), _number(high) if high else None if dash else _number(low)]


def _number(capability: str) -> int:
    return int(capability.replace(".", ""))
