"""FLT1306: which settings nodes have."""

from __future__ import annotations

from differing import fault, finding, fleet
from rows import Fires, rows

from gpufix.checks.fleet.flt1306_node_setting_differs import RULE

SILENT = {
    "all alike": fleet(),
    "what rises and falls is not compared": fleet(
        lambda data: data["node"].update(uptime=9.0, unread={"log": "closed"}, log=None)
    ),
}

FIRING = {
    "a limit": Fires(
        fleet(lambda data: data["node"].update(memlock=65_536)),
        fault("node bytes that may be locked", "-1", "65536"),
    ),
    "a mode of some GPUs": Fires(
        fleet(
            lambda data: data["node"].update(
                gpus=[{"index": 0, "vendor": "nvidia", "persistence": on} for on in (True, False)]
            )
        ),
        fault("node persistence mode", "absent", "no (1), yes (1)"),
    ),
}

test_silent, test_firing = rows(finding(RULE), SILENT, FIRING)
