"""NET1254: a copy that is slow for what lies between two GPUs."""

from __future__ import annotations

from fleet_smoke import copies, row
from rows import Fires, calling, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.smoke.net1254_peer_copy_slow import NET1254

WELL = [row(one, two) for one in range(3) for two in range(3) if one != two]

SILENT = {
    "all alike": copies(*WELL),
    "a tenth slower": copies(*WELL, row(0, 3, 2.7e11)),
    "two pairs: nothing to compare": copies(row(), row(1, 0, 1e10)),
    "without access it goes another way": copies(*WELL, row(0, 3, 2e10, access=False), nvlinks=0),
}

FIRING = {
    "one direction": Fires(
        copies(*WELL, row(0, 3, 5e10), nvlinks=18),
        Fault(
            WARNING,
            "n1 GPU 0 to GPU 3",
            "n1 GPU 0 to GPU 3 copies 50.0 GB/s over NVLink × 18; the median of such pairs is "
            "300.0 GB/s.",
        ),
    ),
}

test_silent, test_firing = rows(calling(NET1254), SILENT, FIRING)
