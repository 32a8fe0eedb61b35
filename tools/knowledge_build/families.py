"""Package families: what must agree, what lays the same files, what brings the GPU part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import rows
from .read import Knowledge
from .sources import Sources


def build(known: Knowledge) -> Any:
    sources = Sources()
    families = known.families.values()
    tables: dict[str, Any] = {
        "pairs": [row for f in families for pair in f.pair for row in _pairs(pair, sources)],
        "alone": [_plain(row, sources) for f in families for row in f.alone],
        "parts": [_plain(row, sources) for f in families for row in f.part],
        "chosen": [_plain(row, sources) for f in families for row in f.chosen],
        "switches": [_plain(row, sources) for f in families for row in f.switch],
        "lookalikes": [_plain(row, sources) for f in families for row in f.lookalike],
        "one_of": [_plain(row, sources) for f in families for row in f.one_of],
        "gone": [_plain(row, sources) for f in families for row in f.gone],
        "libraries": {
            name: _plain(row, sources) for f in families for name, row in f.libraries.items()
        },
        "cuda": {name: _plain(row, sources) for f in families for name, row in f.cuda.items()},
        "editions": [row for f in families for e in f.edition for row in _editions(e, sources)],
        "pythons": {
            name: rows for f in families if f.listing for name, rows in f.listing.pythons.items()
        },
        "code": {
            name: rows for f in families if f.listing for name, rows in f.listing.code.items()
        },
        "releases": {
            name: text.split()
            for f in families
            if f.listing
            for name, text in f.listing.releases.items()
        },
    }
    return {**tables, "sources": sources.texts}


def _pairs(pair: rows.Pair, sources: Sources) -> Iterator[dict[str, Any]]:
    for word in pair.for_:
        row = _plain(pair, sources)
        del row["for_"]
        yield row | {key: row[key].replace("{for}", word) for key in ("one", "other")}


def _editions(edition: rows.Edition, sources: Sources) -> Iterator[dict[str, Any]]:
    for stem in edition.each:
        names = {
            platform: [name.replace("{stem}", stem) for name in given]
            for platform, given in edition.names.items()
        }
        yield {"names": names, "source": sources.number(edition.source)}


def _plain(row: rows.Row, sources: Sources) -> dict[str, Any]:
    plain: dict[str, Any] = row.model_dump()
    return plain | {"source": sources.number(plain["source"])}
