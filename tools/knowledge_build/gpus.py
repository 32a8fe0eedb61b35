"""GPU names and architectures of both vendors."""

from __future__ import annotations

from typing import Any

from .read import Knowledge
from .rows import Amd, Nvidia, Rocm
from .sources import Sources


def _nvidia(table: Nvidia, sources: Sources) -> dict[str, Any]:
    names = {
        name: [row.arch, sources.number(row.source)] for row in table.products for name in row.names
    }
    return {
        "names": names,
        "patterns": [[row.regex, row.arch] for row in table.pattern],
        "pattern_source": sources.number(table.pattern_source),
        "soc": table.soc,
        "series": table.series,
        "generations": table.generations,
    }


def _tiers(row: Rocm) -> dict[str, str]:
    tiers = ("supported", "deprecated", "unsupported")
    return {gfx: tier for tier in tiers for gfx in getattr(row, tier)}


def _amd(table: Amd, sources: Sources) -> dict[str, Any]:
    source = sources.number(table.gfx_source)
    return {
        "amd": {
            name: [row.products, row.wave, row.family, source] for name, row in table.gfx.items()
        },
        "overrides": {
            gfx: [row.value, row.risk, row.text, sources.number(row.source)]
            for gfx, row in table.override.items()
        },
        "rocm": {
            version: [_tiers(row), sources.number(row.source)]
            for version, row in table.rocm.items()
        },
    }


def build(known: Knowledge) -> Any:
    sources = Sources()
    return {
        "nvidia": _nvidia(known.nvidia, sources),
        **_amd(known.amd, sources),
        "ambiguous": known.nvidia.ambiguous,
        "sources": sources.texts,
    }
