"""FLT1302: which GPUs nodes have."""

from __future__ import annotations

from differing import alike, fault, finding, fleet
from rows import Fires, rows

from gpufix.checks.fleet.flt1302_gpu_model_differs import RULE

SILENT = {
    "all alike": fleet(),
    "one fewer is another rule's": [*alike(2)],
}

FIRING = {
    "another model": Fires(
        fleet(lambda data: data["gpus"][0].update(name="NVIDIA L4")),
        [
            fault("gpus NVIDIA H100 80 GiB", "2 of them", "1 of them"),
            fault("gpus NVIDIA L4 80 GiB", "absent", "1 of them"),
        ],
    ),
}

test_silent, test_firing = rows(finding(RULE), SILENT, FIRING)
