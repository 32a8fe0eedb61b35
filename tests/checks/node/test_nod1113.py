"""NOD1113: corrected errors in great number."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.node.nod1113_ecc_corrected_many import ecc_corrected_many
from gpufix.checks.registry import WARNING, Fault
from gpufix.model.payload import NodeFault


def fault(found: str, limit: str) -> Fault:
    return Fault(
        WARNING,
        "GPU 0",
        f"GPU 0: {found} since the driver was loaded (limit {limit}).",
        payload=NodeFault("examine", gpu=0),
    )


SILENT = {
    **n.WELL,
    "at the limits": n.of(
        n.gpu(ecc_corrected=50_000_000, ecc_dram_corrected=20_000_000, ecc_sram_corrected=10_000)
    ),
    "the parts are not known": n.of(n.gpu(ecc_sram_corrected=None, ecc_dram_corrected=None)),
    "it cannot be read": Unseen(n.of(n.gpu(ecc_corrected=None)), ["corrected ECC errors of GPU 0"]),
    "a GPU without ECC": n.of(n.gpu(ecc_corrected=None, unsupported=[*n.PAGES, "ecc_corrected"])),
}

FIRING = {
    "in all": Fires(
        n.of(n.gpu(ecc_corrected=50_000_001)),
        fault("50,000,001 corrected errors", "50,000,000"),
        offers=n.OFFER,
    ),
    "in DRAM": Fires(
        n.of(n.gpu(ecc_corrected=20_000_001, ecc_dram_corrected=20_000_001)),
        fault("20,000,001 corrected errors in DRAM", "20,000,000"),
        offers=n.OFFER,
    ),
    "in SRAM, which is said first": Fires(
        n.of(n.gpu(ecc_corrected=60_000_000, ecc_sram_corrected=10_001)),
        fault("10,001 corrected errors in SRAM", "10,000"),
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(ecc_corrected_many, SILENT, FIRING)
