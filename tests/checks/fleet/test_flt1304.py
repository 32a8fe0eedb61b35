"""FLT1304: which system nodes have."""

from __future__ import annotations

from differing import fault, finding, fleet
from rows import Fires, rows

from gpufix.checks.fleet.flt1304_system_differs import RULE

SILENT = {
    "all alike": fleet(),
    "a driver": fleet(lambda data: data["drivers"][0].update(version="550.54")),
}

FIRING = {
    "another kernel": Fires(
        fleet(lambda data: data["host"].update(kernel="5.15.0")),
        fault("system kernel", "6.8.0", "5.15.0"),
    ),
    "another C library": Fires(
        fleet(lambda data: data["host"].update(libc_version="2.35")),
        fault("libc glibc", "2.39", "2.35"),
    ),
}

test_silent, test_firing = rows(finding(RULE), SILENT, FIRING)
