"""Python-level conflicts: versions that do not work together although metadata allows it."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    return {
        "conflicts": [row.model_dump() for row in known.conflicts.conflict],
        "known_good": {name: row.pins for name, row in known.conflicts.known_good.items()},
        "caps": {
            package: {
                other: [[cap.since, None if cap.needs == "-" else cap.needs] for cap in caps]
                for other, caps in row.caps.items()
            }
            for package, row in known.caps.items()
        },
        "caps_source": "Requires-Dist of the releases named; a row holds from that version on",
    }
