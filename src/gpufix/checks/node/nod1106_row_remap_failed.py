"""NOD1106."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NOD1106", "row-remap-failed")
def row_remap_failed(view: View) -> Iterator[Fault | Gap]:
    """A faulty row of a GPU's memory could not be replaced.

    ## What it does
    Reads the failure flag of row remapping.

    ## Why it matters
    The bank has no spare row left, or a replaced row failed again: uncorrectable errors will come
    back. NVIDIA's field diagnostic decides on a replacement.

    ## Example
    `GPU 5: a row of its memory could not be remapped (8 rows are).`

    ## Severity
    Error.

    ## Fix
    Manual: no work on it until it has been examined.

    ## Source
    NVIDIA/DCGM v4.6.0 (72fa3fe) DCGM_FR_ROW_REMAP_FAILURE;
    https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/error-recovery-and-response-flags.html.
    The flag is enough: eight remapped rows need not be reached.
    """
    for gpu in known(view, "remap_failure"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.remap_failure:
            yield Fault(
                severity=ERROR,
                subject=label(gpu),
                message=f"{label(gpu)}: a row of its memory could not be remapped "
                f"({counted(gpu.remapped or 0, 'row') or 'none'} "
                f"{'is' if gpu.remapped == 1 else 'are'}).",
                payload=NodeFault("examine", gpu=gpu.index),
            )
