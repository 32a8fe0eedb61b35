"""Packages that are built for one torch: which of their versions goes with which release."""

from __future__ import annotations

from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from .read import Knowledge
from .rows import Companion


def _of(torch: str, row: Companion) -> dict[str, Any]:
    """exact: versions that pin this torch. since: those that take it and later ones."""
    exact, wide = [], []
    for version in sorted(row.requires, key=Version):
        spec = Requirement(row.requires[version]).specifier
        first = row.since.get(version, "0")
        fits = spec.contains(torch) and Version(torch) >= Version(first)
        if fits and str(spec).startswith("=="):
            exact.append(version)
        elif fits:
            wide.append([version, row.requires[version] if spec else ""])
    return ({"exact": exact} if exact else {}) | ({"since": wide} if wide else {})


def _release(torch: str, rows: dict[str, Companion]) -> dict[str, Any]:
    found = {name: _of(torch, row) for name, row in rows.items()}
    return {name: row for name, row in found.items() if row}


def build(known: Knowledge) -> Any:
    rows = known.companions
    return {
        "source": "Requires-Dist in the METADATA of each companion's wheels on PyPI; of torchcodec the "
        "table in meta-pytorch/torchcodec README.md",
        "releases": {torch: _release(torch, rows) for torch in known.torch},
    }
