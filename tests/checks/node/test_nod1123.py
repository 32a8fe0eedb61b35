"""NOD1123: errors of NVLinks, now."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1123_nvlink_errors import nvlink_errors
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import NodeGpu, Severity
from gpufix.model.payload import NodeFault


def rising(**risen: int) -> NodeGpu:
    return n.gpu(risen={**(n.gpu().risen or {}), **risen})


def fault(severity: Severity, found: str) -> Fault:
    return Fault(severity, "GPU 0", f"GPU 0: {found}.", payload=NodeFault("link", gpu=0))


SILENT = {
    **n.WELL,
    "trap: totals since the driver was loaded": n.of(
        n.gpu(nvlink_crc=90_000, nvlink_replays=12, nvlink_recoveries=3)
    ),
    "no links": View(n.recorded("h200_load")),
    "there was no second sample of one": Unseen(
        n.of(n.gpu(risen={"nvlink_crc": 0, "nvlink_replays": 0})),
        ["recoveries of NVLinks of GPU 0"],
    ),
    "there was no second sample": Unseen(
        n.of(n.gpu(risen=None)), ["a second sample of counters of GPU 0"]
    ),
    "how long nobody knows": Unseen(
        n.of(n.gpu(), look=None), ["time between two samples of counters"]
    ),
}

FIRING = {
    "a replay": Fires(
        n.of(rising(nvlink_replays=1)), fault(ERROR, "1 NVLink replay in 0.1 s"), offers=n.OFFER
    ),
    "recoveries": Fires(
        n.of(rising(nvlink_recoveries=2)),
        fault(ERROR, "2 NVLink recoveries in 0.1 s"),
        offers=n.OFFER,
    ),
    "a few CRC errors": Fires(
        n.of(rising(nvlink_crc=9)), fault(WARNING, "9 NVLink CRC errors in 0.1 s"), offers=n.OFFER
    ),
    "a hundred a second": Fires(
        n.of(rising(nvlink_crc=10)), fault(ERROR, "10 NVLink CRC errors in 0.1 s"), offers=n.OFFER
    ),
    "a hundred a second on average": Fires(
        n.of(n.gpu(nvlink_crc=86_400_000)),
        fault(ERROR, "100 NVLink CRC errors a second since the machine started"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(nvlink_errors, SILENT, FIRING)
