"""What a node's readings are held against, and NVIDIA's Xids."""

from __future__ import annotations

from typing import Any

from .read import Knowledge


def build(known: Knowledge) -> Any:
    table = known.node
    return {
        "limits": {
            row.id: {"over": row.over, "from": row.least, "unit": row.unit, "source": row.source}
            for row in table.limit
        },
        "replays": table.replays.model_dump(),
        "counters": [row.model_dump() for row in table.counter],
        "counters_source": table.counters.source,
        "actions": {name: [row.severity, row.do] for name, row in table.actions.items()},
        "xids": table.xid,
        "xids_source": table.xids.source,
    }
