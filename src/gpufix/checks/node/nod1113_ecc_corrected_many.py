"""NOD1113."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.knowledge.node import limit
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_PLACES = {
    "ecc_sram_corrected": " in SRAM",
    "ecc_dram_corrected": " in DRAM",
    "ecc_corrected": "",
}


@rule("NOD1113", "ecc-corrected-many")
def ecc_corrected_many(view: View) -> Iterator[Fault | Gap]:
    """A GPU corrects memory errors in great number.

    ## What it does
    Counts corrected errors since the driver was loaded: more than 50 million in all, 20 million in
    DRAM, 10,000 in SRAM.

    ## Why it matters
    Corrected errors do no harm; so many of them announce uncorrectable ones.

    ## Example
    `GPU 0: 20,000,001 corrected errors in DRAM since the driver was loaded (limit 20,000,000).`

    ## Severity
    Warning.

    ## Fix
    Manual: NVIDIA's field diagnostic.

    ## Source
    facebookresearch/gcm ecc_corrected_volatile_total (default 50000000); Azure check_gpu_ecc
    20000000 10000. The rate that DCGM defines is a placeholder by its own comment, and not used.
    """
    for gpu in known(view, "ecc_corrected"):
        if isinstance(gpu, Gap):
            yield gpu
            continue
        for name, place in _PLACES.items():
            found, most = getattr(gpu, name), limit(name)
            if found is not None and most.reached(found):
                yield Fault(
                    severity=WARNING,
                    subject=label(gpu),
                    message=f"{label(gpu)}: {found:,} corrected errors{place} since the driver was loaded "
                    f"(limit {most.value:,}).",
                    payload=NodeFault("examine", gpu=gpu.index),
                )
                break
