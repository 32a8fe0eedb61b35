"""Reads one shipped table."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


@cache
def table(name: str) -> dict[str, Any]:
    """The table data/NAME.json, parsed once."""
    loaded: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_bytes())
    return loaded


def source(name: str, number: int) -> str:
    """The text behind a row's source number."""
    return str(table(name)["sources"][number])
