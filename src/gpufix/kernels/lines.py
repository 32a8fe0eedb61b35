"""JSON lines as the suite's programs print them: strict about values, deaf to other chatter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

MAX_LINE = 1 << 16


class BadOutput(ValueError):
    """A line that looks like a result and is none."""


def objects(stdout: str) -> Iterator[dict[str, Any]]:
    """Every line that begins with a brace; a runtime's own notices are passed over."""
    for line in stdout.splitlines():
        if not line.startswith("{"):
            continue
        if len(line) > MAX_LINE:
            raise BadOutput("a line too long to be a result")
        try:
            value = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise BadOutput(f"not JSON ({error}): {line[:200]!r}") from error
        yield value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def text(line: Mapping[str, Any], key: str, most: int = 1000) -> str:
    """A string field, clipped; "" when it is absent or something else."""
    value = line.get(key)
    return value[:most] if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number, or None (the programs print null for NaN and infinity)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError as error:
        raise BadOutput("a number beyond float's range") from error


def numbers(value: Any) -> dict[str, float]:
    """An object whose values are all numbers."""
    if not isinstance(value, dict):
        raise BadOutput("expected an object of numbers")
    read = {key: number(item) for key, item in value.items()}
    if any(item is None for item in read.values()):
        raise BadOutput(f"expected numbers: {list(read)[:10]}")
    return {key: item for key, item in read.items() if item is not None}
