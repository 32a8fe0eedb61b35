"""FLT1303: which driver nodes have."""

from __future__ import annotations

from differing import fault, finding, fleet
from rows import Fires, rows

from gpufix.checks.fleet.flt1303_driver_differs import RULE

SILENT = {
    "all alike": fleet(),
    "a kernel": fleet(lambda data: data["host"].update(kernel="5.15.0")),
}

FIRING = {
    "another version of its libraries": Fires(
        fleet(lambda data: data["drivers"][0].update(version="550.54")),
        fault("driver NVIDIA driver", "570.86", "550.54"),
    ),
}

test_silent, test_firing = rows(finding(RULE), SILENT, FIRING)
