"""CUDA toolkits: drivers, architectures, PTX ISA; and the toolkit as wheels."""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from .read import Knowledge
from .rows import Toolkit
from .sources import Sources


def toolkits(known: Knowledge) -> Any:
    table = known.toolkits
    sources = Sources()
    drivers = sources.number(table.driver_source)
    rows = {
        version: {
            "driver_min": row.driver_min,
            "driver_full": row.driver_full,
            "sm": row.sm,
            "ptx": row.ptx,
            "source": sources.number(row.source),
            "driver_source": drivers,
            "confidence": row.confidence,
        }
        for version, row in table.toolkit.items()
    }
    branches = {
        row.driver_full.split(".")[0]: version
        for version, row in table.toolkit.items()
        if row.driver_full
    }
    branches |= {branch: row.cuda for branch, row in table.branches.items()}
    return {
        "sources": sources.texts,
        "toolkits": rows,
        "sm": _first_and_last(table.toolkit),
        "branches": dict(sorted(branches.items())),
        "math_headers": [[row.since, row.glibc] for row in table.math_headers],
    }


def _first_and_last(rows: dict[str, Toolkit]) -> dict[str, list[str | None]]:
    """Architecture -> first and last toolkit whose nvcc knows it; None: still known."""
    order = sorted(rows, key=Version)
    having: dict[str, list[str]] = {}
    for version in order:
        for sm in rows[version].sm.split():
            having.setdefault(sm, []).append(version)
    span = {sm: [v[0], None if v[-1] == order[-1] else v[-1]] for sm, v in having.items()}
    return dict(sorted(span.items(), key=lambda pair: (int(pair[0].rstrip("af")), pair[0])))


def wheels(known: Knowledge) -> Any:
    """Which distributions bring a compiler, and what fits together."""
    table = known.wheels
    return {
        "source": table.source,
        "packages": {name: row.model_dump() for name, row in table.nvcc.items()},
        "toolkits": dict(table.toolkit),
        "libraries": {
            name: row.model_dump(exclude={"source"}) for name, row in table.library.items()
        },
    }
