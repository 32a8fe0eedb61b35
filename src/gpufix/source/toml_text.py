"""TOML of files that anybody may have written."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_LONGEST = 1 << 20  # characters
_DOTS = 4000  # in a line: a key's parts cost quadratic time


def parse(text: str) -> dict[str, Any]:
    """The table. Raises ValueError for what is no TOML, or would cost more than any does."""
    if len(text) > _LONGEST:
        raise ValueError(f"larger than {_LONGEST >> 20} MiB")
    if any(line.count(".") > _DOTS for line in text.split("\n")):
        raise ValueError(f"a line with more than {_DOTS} dots")
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return table
