"""NET1252: peer access that is refused though the topology allows it; copies that fail."""

from __future__ import annotations

from fleet_smoke import copies, row
from rows import Fires, calling, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.smoke.net1252_peer_access_refused import NET1252


def refused(why: str) -> Fault:
    name = "n1 GPU 0 to GPU 1"
    return Fault(WARNING, name, f"No peer access from {name}, {why}.")


SILENT = {
    "access": copies(row()),
    "GPUs that have none": copies(row(access=False), allowed="GPU not supported"),
    "a chipset that has none": copies(row(access=False), allowed="chipset not supported"),
    "NVML does not say": copies(row(access=False), allowed=None),
    "nothing copied": copies(),
}

FIRING = {
    "over NVLink": Fires(
        copies(row(access=False), nvlinks=18),
        refused("though 18 NVLinks are up between them"),
    ),
    "over PCIe": Fires(copies(row(access=False)), refused("though NVML allows it (host bridge)")),
    "switched off": Fires(
        copies(row(access=False), allowed="disabled by a registry key"),
        refused("since it is switched off in the driver"),
    ),
    "other bytes": Fires(
        copies(row(same=False)),
        Fault(
            ERROR,
            "n1 GPU 0 to GPU 1",
            "The copy from n1 GPU 0 to GPU 1 fails: other bytes arrive than were sent",
        ),
    ),
    "an error": Fires(
        copies(row(problem="RuntimeError: peer mapping resources exhausted")),
        Fault(
            ERROR,
            "n1 GPU 0 to GPU 1",
            "The copy from n1 GPU 0 to GPU 1 fails: RuntimeError: peer mapping resources exhausted",
        ),
    ),
}

test_silent, test_firing = rows(calling(NET1252), SILENT, FIRING)
