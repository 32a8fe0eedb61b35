"""Data files as tables, and dotted versions as comparable tuples."""

from __future__ import annotations

import json
import lzma
import re
from functools import cache
from pathlib import Path
from typing import Any

from gpufix.files import own

_DATA = Path(__file__).parent / "data"


@cache
def table(name: str) -> dict[str, Any]:
    """The table data/NAME.json, parsed once."""
    loaded: dict[str, Any] = json.loads(own(_DATA / f"{name}.json"))
    return loaded


@cache
def packed_table(name: str) -> dict[str, Any]:
    """The table data/NAME.json.xz: names by the thousand, and the messages of explain."""
    loaded: dict[str, Any] = json.loads(lzma.decompress(own(_DATA / f"{name}.json.xz")))
    return loaded


def source(name: str, number: int) -> str:
    """The text behind a row's source number."""
    return str(table(name)["sources"][number])


def numbers(version: str) -> tuple[int, ...]:
    """ "570.124.06" -> (570, 124, 6). What follows the first other character is ignored."""
    found = re.match(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def minor(version: str) -> str:
    """ "12.8.93" -> "12.8"; a lone "12" stays."""
    return ".".join(str(part) for part in numbers(version)[:2])


def at_least(version: str, least: str) -> bool:
    """Whether version >= least, missing parts counting as 0."""
    left, right = numbers(version), numbers(least)
    length = max(len(left), len(right))
    return left + (0,) * (length - len(left)) >= right + (0,) * (length - len(right))
