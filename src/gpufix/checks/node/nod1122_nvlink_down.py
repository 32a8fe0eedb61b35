"""NOD1122."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault


@rule("NOD1122", "nvlink-down")
def nvlink_down(view: View) -> Iterator[Fault | Gap]:
    """An NVLink of a GPU is down.

    ## What it does
    Looks for links that are down beside links that are up: of the same GPU, or of another GPU of
    the node with the same name.

    ## Why it matters
    Traffic between GPUs takes fewer links, or goes over PCIe: collectives run at a part of their
    speed.

    ## Example
    `GPU 4: 1 of 18 NVLinks is down (link 7).`

    ## Severity
    Warning. Silent where all links of all such GPUs are down: a PCIe card without a bridge. Silent
    under MIG, where NVML reports links as down.

    ## Fix
    Manual: a reset of the GPU, then a look at baseboard or bridge.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) modules/health/DcgmHealthWatch.cpp MonitorNVLinkStatus (its bug
    200682374 for MIG); Azure check_nvlink_status.
    """
    found = list(known(view, "nvlinks"))
    gpus = [gpu for gpu in found if not isinstance(gpu, Gap)]
    yield from (gap for gap in found if isinstance(gap, Gap))
    used = {gpu.name for gpu in gpus if any(gpu.nvlinks or ())}
    for gpu in gpus:
        down = [number for number, up in enumerate(gpu.nvlinks or ()) if not up]
        if down and gpu.name in used and not gpu.mig_current:
            links = len(gpu.nvlinks or ())
            which = f"link{'s' if len(down) > 1 else ''} {', '.join(map(str, down))}"
            yield Fault(
                severity=WARNING,
                subject=label(gpu),
                message=f"{label(gpu)}: {len(down)} of {links} NVLinks {'is' if len(down) == 1 else 'are'} "
                f"down ({which}).",
                payload=NodeFault("link", gpu=gpu.index),
            )
