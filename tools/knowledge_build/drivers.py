"""NVIDIA's driver branches: which of them drive a GPU, and with which kernel modules."""

from __future__ import annotations

from typing import Any

from .read import Knowledge
from .rows import DriverArchitecture
from .sources import Sources

# Below these a first branch is a guess, by which nothing is called a fault.
_SURE = ("measured", "high", "medium")


def build(known: Knowledge) -> Any:
    sources, table = Sources(), known.drivers
    return {
        "architectures": [_row(row, sources) for row in table.architecture],
        "branches": {
            number: [row.cuda, row.kind, row.end_of_life, row.ended, sources.number(row.source)]
            for number, row in table.branch.items()
        },
        "pci": {
            arch: [span.split("-") for span in spans.split()]
            for arch, spans in table.pci.items()
            if arch != "source"
        },
        "packages": [
            [row.distributions, row.open, row.proprietary, sources.number(row.source)]
            for row in table.package
        ],
        "sources": [*sources.texts, table.pci["source"]],
    }


def _row(row: DriverArchitecture, sources: Sources) -> dict[str, Any]:
    sure = row.confidence in _SURE
    of_first = f"{row.first_source}; " if sure and str(row.first_source) not in row.source else ""
    return {
        "arch": row.arch,
        "names": row.names,
        "ids": row.ids,
        "first": row.first if sure else None,
        "last": row.last,
        "flavours": row.flavours,
        "worked": row.worked is not None,
        "source": sources.number(of_first + row.source),
    }
