"""FLT1305: which network nodes have."""

from __future__ import annotations

from differing import fault, finding, fleet
from rows import Fires, rows

from gpufix.checks.fleet.flt1305_network_differs import RULE

SILENT = {
    "all alike": fleet(),
    "counters and others": fleet(lambda data: data["network"].update(others=["lo"])),
}

FIRING = {
    "another size of packets": Fires(
        fleet(lambda data: data["network"]["interfaces"][0].update(mtu=1500)),
        fault("network interface eth0", "MTU 9000", "MTU 1500"),
    ),
}

test_silent, test_firing = rows(finding(RULE), SILENT, FIRING)
