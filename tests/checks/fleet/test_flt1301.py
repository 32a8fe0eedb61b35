"""FLT1301: how many GPUs nodes have."""

from __future__ import annotations

from differing import fault, finding, fleet
from rows import Fires, rows

from gpufix.checks.fleet.flt1301_gpu_count_differs import RULE

SILENT = {
    "all alike": fleet(),
    "a driver": fleet(lambda data: data["drivers"][0].update(version="550.54")),
}

FIRING = {
    "one fewer": Fires(fleet(lambda data: data["gpus"].pop()), fault("gpus count", "2", "1")),
}

test_silent, test_firing = rows(finding(RULE), SILENT, FIRING)
